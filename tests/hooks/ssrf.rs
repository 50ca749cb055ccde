//! Whatever leaves the house goes where it was judged to go: no spelling, resolver or redirect leads inside.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method};
use pisteur::outbound::{Client, OutboundError, OutboundPolicy, Request, Resolver, Response};

use crate::support::webhook::{Reply, WebhookReceiver};

async fn get(client: &Client, url: &str) -> Result<Response, OutboundError> {
    let url = url.to_owned();
    client
        .send(Request { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new(), read_body: true })
        .await
}

/// A resolver that answers from `turns`, one after the other, the last for ever; with a count of its questions.
fn turning(turns: &'static [&'static str]) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver: Resolver = Arc::new(move |_, _| {
        let turn = count.fetch_add(1, Ordering::SeqCst).min(turns.len() - 1);
        let found: Vec<IpAddr> = turns[turn].split(',').map(|a| a.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    });
    (resolver, asked)
}

fn policy(hosts: &[&str], allow: &[&str]) -> OutboundPolicy {
    OutboundPolicy {
        allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
        plain_http: hosts.iter().map(|host| (*host).to_owned()).collect(),
        ..OutboundPolicy::default()
    }
}

fn refused(result: Result<Response, OutboundError>) -> String {
    match result {
        Err(OutboundError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_resolver_that_changes_its_mind_is_asked_once_and_the_judged_address_is_dialled() {
    let inside = WebhookReceiver::start();
    // 127.0.0.2 plays the public address, 127.0.0.1 what must not be reached.
    let outside = std::net::TcpListener::bind(("127.0.0.2", inside.port())).expect("another address of this machine");
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in outside.incoming().take(1) {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 1024];
            drop(stream.read(&mut buffer));
            drop(stream.write_all(b"HTTP/1.1 200 ok\r\ncontent-length: 7\r\n\r\noutside"));
        }
    });
    let (resolver, asked) = turning(&["127.0.0.2", "127.0.0.1"]);
    let client = Client::new(policy(&["flip.example"], &["127.0.0.2/32"])).unwrap().with_resolver(resolver);
    let url = format!("http://flip.example:{}/", inside.port());
    assert_eq!(get(&client, &url).await.unwrap().body, "outside");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "judged and dialled from one answer");
    assert!(refused(get(&client, &url).await).contains("loopback"), "the next request is judged anew");
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn of_several_addresses_only_open_ones_are_dialled() {
    let inside = WebhookReceiver::start();
    let (resolver, _) = turning(&["127.0.0.1,10.0.0.7,::1,::ffff:127.0.0.1,169.254.169.254"]);
    let client = Client::new(policy(&["many.example"], &[])).unwrap().with_resolver(resolver);
    refused(get(&client, &format!("http://many.example:{}/", inside.port())).await);
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn names_of_metadata_services_end_at_their_address() {
    for address in ["169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "100.100.100.200"] {
        for name in ["metadata.google.internal", "metadata", "instance-data", "metadata.azure.internal"] {
            let address: IpAddr = address.parse().unwrap();
            let resolver: Resolver = Arc::new(move |_, _| Box::pin(async move { Ok(vec![address]) }));
            let client = Client::new(policy(&[name], &[])).unwrap().with_resolver(resolver);
            refused(get(&client, &format!("http://{name}/computeMetadata/v1/")).await);
        }
    }
}

#[tokio::test]
async fn every_spelling_of_this_machine_is_refused() {
    let inside = WebhookReceiver::start();
    let port = inside.port();
    for host in [
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.1",
        "127.0.1",
        "0x7f.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.",
        "0.0.0.0",
        "[::]",
        "①②⑦.⓪.⓪.①",
    ] {
        let every = [
            "127.0.0.1",
            "localhost",
            "::1",
            "::ffff:7f00:1",
            "0.0.0.0",
            "::",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ];
        let client = Client::new(policy(&every, &[])).unwrap();
        refused(get(&client, &format!("http://{host}:{port}/")).await);
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_inside_is_an_answer_and_not_a_way() {
    let (inside, outside) = (WebhookReceiver::start(), WebhookReceiver::start());
    for status in [301, 302, 303, 307, 308] {
        outside.answer(Reply::status(status).with_header("location", &inside.url("/secret")));
        let client = Client::new(policy(&["127.0.0.1"], &["127.0.0.0/8"])).unwrap();
        assert_eq!(get(&client, &outside.url("/")).await.unwrap().status, status);
    }
    assert!(inside.requests().is_empty());
}
