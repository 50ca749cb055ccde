//! The same submission again: one arrival counts, and its id is the answer.

use pisteur::clock::{Clock, Timestamp};
use pisteur::domain::envelope::ArrivalState;

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
