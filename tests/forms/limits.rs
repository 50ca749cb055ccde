//! Rates, and what is in hand at one time.

use pisteur::config::http::ForwardedHeader;
use pisteur::domain::envelope::ArrivalState;

use super::house::{House, Plan};
use crate::support::wait;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s48_a_client_that_knocks_too_often_is_told_when_to_come_back() {
    let mut plan = Plan::limits(|limits| limits.per_client_per_minute = Some(2));
    plan.forms[0].allowed_origins = vec!["*".into()];
    let house = House::open(plan).await;
    for n in ["1", "2"] {
        assert_eq!(house.http.post_form("/f/contact", &[("message", n)]).unwrap().status, 200);
    }
    let answer =
        house.http.post_form_with("/f/contact", &[("message", "3")], &[("origin", "https://a.example")]).unwrap();
    let said = answer.json();
    assert_eq!((answer.status, said["error"].as_str()), (429, Some("rate_limited")));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(said["retry_after"], wait);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let page = house.http.request("POST", "/f/contact", &headers, b"message=kept+text").unwrap();
    assert_eq!(page.status, 429);
    assert!(page.text().contains("kept text"));
    assert_eq!(house.arrivals().await.len(), 2);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_form_takes_above_its_share_waits_in_quarantine() {
    let house = House::open(Plan::limits(|limits| limits.per_form_per_minute = 1)).await;
    for n in ["1", "2"] {
        let fields = [("nom", "Eva"), ("courriel", "eva@web.example"), ("objet", "Vélo \n bleu"), ("message", n)];
        assert_eq!(house.http.post_form("/f/contact", &fields).unwrap().status, 200);
    }
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].reason.as_deref()), (ArrivalState::Quarantined, Some("form_rate_limit")));
    assert_eq!(
        (kept[0].sender.as_deref(), kept[0].subject.as_deref()),
        (Some("eva@web.example"), Some("Vélo bleu")),
        "the person who judges it sees whose it is"
    );
    assert_eq!(kept[1].state, ArrivalState::Received);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_forms_together_take_above_their_share_waits_in_quarantine() {
    let mut plan = Plan::limits(|limits| limits.all_forms_per_minute = Some(1));
    plan.forms.push(pisteur::config::FormConfig::named("quote"));
    let house = House::open(plan).await;
    for (path, n) in [("/f/contact", "1"), ("/f/quote", "2")] {
        assert_eq!(house.http.post_form(path, &[("message", n)]).unwrap().status, 200);
    }
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].reason.as_deref()), (ArrivalState::Quarantined, Some("rate_limit")));
    assert_eq!(kept[1].state, ArrivalState::Received);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_client_a_form_takes_five_a_minute_unless_told_otherwise() {
    let mut plan = Plan { limits: pisteur::config::http::LimitsConfig::default(), ..Plan::default() };
    plan.forms.push(pisteur::config::FormConfig::named("quote"));
    let house = House::open(plan).await;
    let post = |path: &str, n: usize| house.http.post_form(path, &[("message", &n.to_string())]).unwrap().status;
    let said: Vec<u16> = (0..6).map(|n| post("/f/contact", n)).collect();
    assert_eq!(said, [200, 200, 200, 200, 200, 429]);
    assert_eq!(post("/f/quote", 7), 200, "another form has an allowance of its own");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_every_visitor_has_an_allowance_of_their_own() {
    let mut plan = Plan::limits(|limits| limits.per_client_per_minute = Some(1));
    plan.http.trusted_proxies = vec!["127.0.0.1".into(), "10.0.0.0/8".into()];
    let house = House::open(plan).await;
    let post = |from: &str, n: &str| {
        house.http.post_form_with("/f/contact", &[("message", n)], &[("x-forwarded-for", from)]).unwrap().status
    };
    assert_eq!(post("198.51.100.1, 10.0.0.2", "1"), 200);
    assert_eq!(house.newest().await.context.client_ip.as_deref(), Some("198.51.100.1"));
    assert_eq!(post("1.2.3.4, 198.51.100.1", "2"), 429, "what stands left of it is hearsay");
    assert_eq!(post("2001:db8:0:1::1", "3"), 200);
    assert_eq!(post("2001:db8:0:1:ffff::2", "4"), 429, "one /64 is one client");
    assert_eq!(post("2001:db8:0:2::1", "5"), 200);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standard_header_is_believed_when_configured() {
    let mut plan = Plan::default();
    plan.http.trusted_proxies = vec!["127.0.0.1".into()];
    plan.http.forwarded_header = ForwardedHeader::Forwarded;
    let house = House::open(plan).await;
    let headers = [("forwarded", "for=\"[2001:db8::7]:80\""), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(house.http.post_form_with("/f/contact", &[("message", "1")], &headers).unwrap().status, 200);
    assert_eq!(house.newest().await.context.client_ip.as_deref(), Some("2001:db8::7"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_hand_answers_503_and_is_free_again_afterwards() {
    let house = House::open(Plan::limits(|limits| limits.in_hand = 1)).await;
    let set = house.forms.load_full();
    let held = set.in_hand.acquire().await.unwrap();
    let answer = house.http.post_form("/f/contact", &[("message", "1")]).unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (503, Some("busy")));
    assert!(answer.header("retry-after").is_some());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    for (address, body) in [("/f/contact", &b"message=kept+text"[..]), ("/f", b"access_key=contact&message=kept+text")]
    {
        let page = house.http.request("POST", address, &headers, body).unwrap();
        assert_eq!(page.status, 503);
        assert!(page.text().contains("kept text"), "what was typed comes back: {}", page.text());
    }
    drop(held);
    assert_eq!(house.http.post_form("/f/contact", &[("message", "1")]).unwrap().status, 200);
    let memory = set.uploads.memory.left();
    let mut held = set.uploads.memory.share();
    assert!(held.grow(memory));
    assert_eq!(house.http.post_form("/f/contact", &[("message", "2")]).unwrap().status, 503);
    drop(held);
    assert_eq!(house.http.post_form("/f/contact", &[("message", "2")]).unwrap().status, 200);
    wait::until("all memory is given back", wait::LONG, || set.uploads.memory.left() == memory);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_names_its_form_counts_for_its_client_whatever_it_names() {
    let house = House::open(Plan::limits(|limits| limits.per_client_per_minute = Some(4))).await;
    let post = |key: &str, n: &str| house.http.post_form("/f", &[("access_key", key), ("message", n)]).unwrap();
    assert_eq!(post("nobody", "1").status, 404);
    assert_eq!(post("contact", "2").status, 200);
    assert_eq!(post("nothing", "3").status, 404);
    assert_eq!(post("contact", "4").status, 200, "one submission is one knock");
    for key in ["nobody", "contact"] {
        let answer = post(key, "5");
        assert_eq!((answer.status, answer.json()["error"].as_str()), (429, Some("rate_limited")), "{key}");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(post("nobody", "6").header("access-control-allow-origin"), Some("*"));
    let large = "x".repeat(200_000);
    assert_eq!(post("contact", &large).status, 429, "of one that knocks too often no more is read");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let page = house.http.request("POST", "/f", &headers, b"access_key=contact&message=kept+text").unwrap();
    assert_eq!(page.status, 429);
    assert!(page.text().contains("kept text"));
    assert_eq!(house.arrivals().await.len(), 2);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_clients_turns_no_honest_one_away() {
    let mut plan = Plan::limits(|limits| {
        limits.per_client_per_minute = Some(1);
        limits.clients_remembered = 10;
    });
    plan.http.trusted_proxies = vec!["127.0.0.1".into()];
    let house = House::open(plan).await;
    let post = |from: &str| {
        let answer = house.http.post_form_with("/f/contact", &[("message", from)], &[("x-forwarded-for", from)]);
        answer.unwrap().status
    };
    assert_eq!(post("198.51.100.1"), 200);
    for n in 0..40 {
        assert_eq!(post(&format!("2001:db8:bad:{n:x}::1")), 200, "{n}");
    }
    assert_eq!(post("198.51.100.1"), 429, "who is known keeps an own limit");
    assert_eq!(post("203.0.113.5"), 200);
    let kept = house.arrivals().await;
    assert_eq!(kept[0].state, ArrivalState::Received, "an honest newcomer is taken");
    let held: Vec<_> = kept.iter().filter(|row| row.state == ArrivalState::Quarantined).collect();
    assert_eq!(held.len(), 40 - 9 - 1, "what one network sends beyond its share waits");
    assert!(held.iter().all(|row| row.reason.as_deref() == Some("rate_limit")));
    house.stop().await;
}
