//! The same submission again: one arrival counts, and its id is the answer.

use std::sync::Arc;

use pisteur::clock::{Clock, Timestamp};
use pisteur::config::form::FormConfig;
use pisteur::config::http::{HttpConfig, LimitsConfig};
use pisteur::domain::envelope::ArrivalState;
use pisteur::intake::form::FormSet;

use super::house::{House, Plan};

fn id(answer: &crate::support::http::Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_has_the_answer_of_the_first() {
    let house = House::usual().await;
    let post = |fields: &[(&str, &str)]| id(&house.http.post_form("/f/contact", fields).unwrap());
    let first = post(&[("email", "Eva@web.example"), ("message", "hi"), ("_t", "1")]);
    assert_eq!(post(&[("message", "hi"), ("email", "eva@web.example"), ("_t", "2"), ("utm_source", "x")]), first);
    assert_ne!(post(&[("email", "eva@web.example"), ("message", "hi again")]), first);
    let later = house.clock.now().after(std::time::Duration::from_secs(301));
    house.clock.set(later);
    assert_ne!(post(&[("email", "eva@web.example"), ("message", "hi")]), first, "after the window it is a new one");
    let arrivals = house.arrivals().await;
    assert_eq!(arrivals.len(), 4, "the repeat is kept too");
    let repeat = arrivals.iter().find(|row| row.duplicate_of.is_some()).unwrap();
    assert_eq!((repeat.state, repeat.duplicate_of.unwrap().to_string()), (ArrivalState::Decided, first));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_words_in_another_charset_are_another_submission() {
    let house = House::usual().await;
    let kind = "application/x-www-form-urlencoded; charset=windows-1250";
    let post = |kind: &str, body: &[u8]| house.http.post("/f/contact", kind, body).unwrap();
    let bodies: [(&str, &[u8], &[u8]); 3] = [
        (kind, b"message=%C8%ED%9E", b"message=%F8%E1%9A"),
        (
            "multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n\xc8\xed\x9e\r\n--B--\r\n",
            b"--B\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n\xf8\xe1\x9a\r\n--B--\r\n",
        ),
        ("application/json", b"{\"text\":\"\xc8\xed\x9e\"}", b"{\"text\":\"\xf8\xe1\x9a\"}"),
    ];
    for (kind, one, other) in bodies {
        let first = id(&post(kind, one));
        assert_eq!(id(&post(kind, one)), first, "a double click");
        assert_ne!(id(&post(kind, other)), first, "{kind}");
    }
    assert!(post(kind, b"_submission_id=u&message=%C8%ED%9E").status == 200);
    assert_eq!(post(kind, b"_submission_id=u&message=%F8%E1%9A").status, 422, "not the same under one key");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_of_zero_takes_everything() {
    let house = House::open(Plan::form(|form| form.duplicate_window_seconds = 0)).await;
    let post = || id(&house.http.post_form("/f/contact", &[("message", "hi")]).unwrap());
    assert_ne!(post(), post());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_names_a_submission_for_ever() {
    let house = House::usual().await;
    let key = [("idempotency-key", "order-1")];
    let post = |message: &str| house.http.post_form_with("/f/contact", &[("message", message)], &key).unwrap();
    let first = id(&post("hi"));
    house.clock.set(Timestamp::from_seconds(1_900_000_000));
    assert_eq!(id(&post("hi")), first);
    let refused = post("something else");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (422, Some("idempotency_key_reused")));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_edits_and_sends_again_makes_a_submission_that_names_the_first() {
    let house = House::usual().await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let post = |body: &str| house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap().status;
    assert_eq!(post("_submission_id=u1&message=hi"), 303);
    let first = house.newest().await.id;
    assert_eq!(post("_submission_id=u1&message=hi"), 303);
    assert_eq!(house.arrivals().await[0].duplicate_of, Some(first));
    assert_eq!(post("_submission_id=u1&message=hi+and+more"), 303);
    let edited = house.newest().await;
    assert_eq!(edited.context.extra.get("follows"), Some(&first.to_string()));
    assert_eq!(house.arrivals().await[0].state, ArrivalState::Received);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_refused_site_sent_does_not_swallow_the_same_from_an_allowed_one() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://ok.example".into()])).await;
    let post = |origin: &str, key: Option<&str>| {
        let headers: Vec<_> = [("origin", origin)].into_iter().chain(key.map(|k| ("idempotency-key", k))).collect();
        house.http.post_form_with("/f/contact", &[("message", "hi")], &headers).unwrap()
    };
    for key in [None, Some("order-7")] {
        let before = house.arrivals().await.len();
        assert_eq!(post("https://evil.example", key).status, 403);
        assert_eq!(post("https://evil.example", key).status, 403, "still refused");
        let clean = id(&post("https://ok.example", key));
        assert_eq!(id(&post("https://ok.example", key)), clean, "the repeat of the clean one");
        assert_eq!(post("https://evil.example", key).status, 403, "still refused");
        let kept = house.arrivals().await;
        let new: Vec<_> = kept[..kept.len() - before].iter().rev().collect();
        assert_eq!((new[0].state, new[0].reason.as_deref()), (ArrivalState::Quarantined, Some("origin_refused")));
        assert_eq!(new[1].duplicate_of, Some(new[0].id), "one of them waits for a person, not two");
        assert_eq!((new[2].state, new[2].id.to_string()), (ArrivalState::Received, clean.clone()));
        assert_eq!(new[3].duplicate_of, Some(new[2].id));
        assert_eq!(new[4].duplicate_of, Some(new[2].id), "known already: nobody need look at it");
        house.clock.set(house.clock.now().after(std::time::Duration::from_secs(301)));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_because_its_form_took_too_much_does_not_swallow_the_same_when_there_is_room() {
    let house = House::open(Plan::limits(|limits| limits.per_form_per_minute = 1)).await;
    let key = [("idempotency-key", "order-8")];
    let post = |message: &str| id(&house.http.post_form_with("/f/contact", &[("message", message)], &key).unwrap());
    id(&house.http.post_form("/f/contact", &[("message", "first")]).unwrap());
    let held = post("hi");
    assert_eq!(post("hi"), held, "while there is no room it is the one that waits already");
    let roomy = LimitsConfig { per_form_per_minute: 0, per_client_per_minute: Some(0), ..LimitsConfig::default() };
    let forms = [FormConfig::named("contact")];
    house.forms.store(Arc::new(FormSet::new(&forms, &roomy, &HttpConfig::default())));
    let clean = post("hi");
    assert_ne!(clean, held);
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].id.to_string()), (ArrivalState::Received, clean.clone()));
    assert_eq!(kept.iter().filter(|row| row.state == ArrivalState::Quarantined).count(), 1);
    assert_eq!(post("hi"), clean);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_clicks_make_one_submission() {
    let house = House::usual().await;
    let http = house.http;
    let clicks: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || id(&http.post_form("/f/contact", &[("message", "hi")]).unwrap())))
        .collect();
    let mut ids: Vec<String> = clicks.into_iter().map(|click| click.join().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let effective = house.arrivals().await.into_iter().filter(|row| row.duplicate_of.is_none()).count();
    assert_eq!(effective, 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_released_after_it_came_properly_is_a_repeat_and_says_nothing_twice() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://ok.example".into()])).await;
    let post = |origin: &str, message: &str, key: Option<&str>| {
        let headers: Vec<_> = [("origin", origin)].into_iter().chain(key.map(|k| ("idempotency-key", k))).collect();
        house.http.post_form_with("/f/contact", &[("message", message)], &headers).unwrap()
    };
    let release = async |id| house.store.requeue(id, &[ArrivalState::Quarantined], true, "eva").await.unwrap();
    for (message, key) in [("by its words", None), ("by its key", Some("order-9"))] {
        assert_eq!(post("https://evil.example", message, key).status, 403);
        let held = house.newest().await.id;
        let clean = id(&post("https://ok.example", message, key));
        assert!(release(held).await);
        let row = house.store.show_arrival(held).await.unwrap().unwrap().row;
        assert_eq!((row.state, row.duplicate_of.unwrap().to_string()), (ArrivalState::Decided, clean), "{message}");
    }
    for (message, key) in [("released first", None), ("released first, by key", Some("order-10"))] {
        assert_eq!(post("https://evil.example", message, key).status, 403);
        let held = house.newest().await.id;
        assert!(release(held).await);
        assert_eq!(id(&post("https://ok.example", message, key)), held.to_string(), "{message}");
    }
    assert_eq!(post("https://evil.example", "other words", Some("order-11")).status, 403);
    let held = house.newest().await.id;
    id(&post("https://ok.example", "quite other words", Some("order-11")));
    assert!(release(held).await);
    let row = house.store.show_arrival(held).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.duplicate_of), (ArrivalState::Received, None), "another submission is not swallowed");
    house.stop().await;
}
