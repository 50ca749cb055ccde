//! Adapters whose shape is not certain: only by opt-in, and what they read of the shapes that are known of.

use pisteur::domain::hooks::verify::hmac_hex;
use serde_json::json;

use super::rig::{Rig, config_of, read};
use crate::support::http::Answer;

const SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

#[test]
fn they_start_only_by_opt_in_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let text = |more: &str| config_of(folder.path(), &[("x", "elementor", SECRET, more)]);
    let error = read(&text("")).unwrap_err().to_string();
    assert!(
        error.contains("hook.0.adapter: elementor is not verified") && error.contains("allow_unverified = true"),
        "{error}"
    );
    assert!(read(&text("allow_unverified = true")).is_ok());
}

#[test]
fn an_id_that_another_door_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = [("x", "bearer", SECRET, ""), ("x", "hmac", SECRET, ""), ("spool", "hmac", SECRET, "")];
    let error = read(&(config_of(folder.path(), &hooks) + "[[form]]\nid = \"x\"\n")).unwrap_err().to_string();
    assert!(error.contains("hook.0.id: \"x\" is taken by form.0"), "{error}");
    assert!(error.contains("hook.2.id: this id belongs to the watched folder"), "{error}");
}

#[test]
fn an_own_adapter_with_a_mistake_stops_the_configuration_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("mine.toml"), "title = \"Mine\"\n[[verify]]\nheader = \"X\"\n[request]\nid = \"a[b\"\n")
        .unwrap();
    let error = read(&format!("[adapters]\npath = \"{}\"\n", own.display())).unwrap_err().to_string();
    assert!(error.contains("mine.toml:5: the path \"a[b\" is wrong"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_adapter_is_used_like_a_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let own = "title = \"Mine\"\nverified = true\n[[verify]]\nkind = \"path\"\n[reply]\nstatus = 204\n[request]\nid = \"no\"\n\
               leads = \"people[]\"\n[request.fields]\nfull_name = \"who\"\nemail = \"mail\"\n";
    std::fs::write(folder.path().join("mine.toml"), own).unwrap();
    let text = config_of(folder.path(), &[("x", "mine", SECRET, "")]);
    let config = read(&format!("{text}\n[adapters]\npath = \"{}\"\n", folder.path().display())).unwrap();
    let plan = crate::forms::house::Plan { config: config.clone(), ..Default::default() };
    let house = crate::forms::house::House::open(plan).await;
    let body = json!({"people": [{"no": 1, "who": "Ida Bílá", "mail": "ida@w.example"}, {"no": 2, "who": "Jan", "mail": "jan@w.example"}]});
    let answer =
        house.http.post(&format!("/hooks/x/{SECRET}"), "application/json", body.to_string().as_bytes()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    let ids: Vec<_> = house.arrivals().await.iter().map(|row| row.id).rev().collect();
    let stored = house.store.load(&ids).await.unwrap();
    let mails: Vec<_> = stored.iter().map(|e| super::rig::understood(&config, e).1.emails[0].address.clone()).collect();
    assert_eq!(mails, ["ida@w.example", "jan@w.example"]);
    house.stop().await;
}

/// Adapter, content type, body, further keys, and what is to be read: name or full name, email, another field.
type Shape = (&'static str, &'static str, String, &'static str, [&'static str; 3]);

fn shapes() -> Vec<Shape> {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    vec![
        ("opnform", JSON, json!({"form_title": "Q", "submission_id": "s1", "data": {"a": {"value": "Eva Malá", "name": "Name"}, "b": {"value": "eva@w.example", "name": "Email"}, "c": {"value": "big", "name": "Size"}}}).to_string(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("calendly", JSON, json!({"event": "invitee.created", "payload": {"uri": "https://api.example/i/1", "name": "Eva Malá", "email": "eva@w.example", "questions_and_answers": [{"question": "Size?", "answer": "big"}], "tracking": {"utm_source": "x"}}}).to_string(), "", ["Eva Malá", "eva@w.example", "Size?=big"]),
        ("tiktok", JSON, json!({"content": {"name": "Eva Malá", "email": "eva@w.example", "size": "big"}}).to_string(), "", ["Eva Malá", "eva@w.example", "content[size]=big"]),
        ("formstack", JSON, json!({"FormID": "1", "UniqueID": "9", "HandshakeKey": SECRET, "Name": {"value": "Eva Malá"}, "Email": {"value": "eva@w.example"}, "Size": "big"}).to_string(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("wufoo", FORM, format!("Field1=Eva+Mal%C3%A1&Field2=eva%40w.example&Field3=big&HandshakeKey={SECRET}&EntryId=7&IP=1.2.3.4"), "paths = { full_name = \"Field1\", email = \"Field2\" }", ["Eva Malá", "eva@w.example", "Field3=big"]),
        ("wufoo", FORM, format!("Field1=Eva+Mal%C3%A1&Field2=eva%40w.example&Field3=big&HandshakeKey={SECRET}&EntryId=7&FormStructure=%7B%22Hash%22%3A%22q7a%22%7D"), "paths = { full_name = \"Field1\", email = \"Field2\" }", ["Eva Malá", "eva@w.example", "Field3=big"]),
        ("gravity-forms", JSON, json!({"id": "12", "date_created": "2026-11-20 10:00:00", "form_id": "3", "ip": "1.2.3.4", "source_url": "https://shop.example/?utm_source=x", "1.3": "Eva Malá", "2": "eva@w.example", "5": "big"}).to_string(), "paths = { full_name = \"'1.3'\", email = \"'2'\" }", ["Eva Malá", "eva@w.example", "5=big"]),
        ("formstack", JSON, json!({"FormID": "1", "UniqueID": "9", "Name": {"value": "Eva Malá"}, "Email": {"value": "eva@w.example"}, "Size": "big"}).to_string(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("wpforms", FORM, "name=Eva+Mal%C3%A1&email=eva%40w.example&size=big".to_owned(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("contact-form-7", JSON, json!({"your-name": "Eva Malá", "your-email": "eva@w.example", "size": "big", "_wpcf7_version": "6"}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("elementor", FORM, "form[id]=a&form[name]=Quote&fields[name][id]=name&fields[name][type]=text&fields[name][title]=Name&fields[name][value]=Eva+Mal%C3%A1&fields[m][type]=email&fields[m][title]=Write&fields[m][value]=eva%40w.example&fields[s][type]=text&fields[s][title]=Size&fields[s][value]=big&meta[page_url][value]=https://shop.example/%3Futm_source%3Dx&meta[remote_ip][value]=1.2.3.4".to_owned(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("elementor", FORM, "Name=Eva+Mal%C3%A1&Email=eva%40w.example&Size=big&form_id=a&form_name=Quote&Date=x&Time=y&Page+URL=https://shop.example/&User+Agent=z&Remote+IP=1.2.3.4&Powered+by=Elementor".to_owned(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("unbounce", FORM, format!("page_url=https%3A%2F%2Fshop.example&data.json={}", form_urlencoded::byte_serialize(json!({"name": ["Eva Malá"], "email": ["eva@w.example"], "size": ["big"]}).to_string().as_bytes()).collect::<String>()), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("leadpages", JSON, json!({"name": "Eva Malá", "email": "eva@w.example", "size": "big"}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("hubspot", JSON, json!({"vid": 5, "properties": {"firstname": {"value": "Eva"}, "lastname": "Malá", "email": {"value": "eva@w.example"}, "size": {"value": "big"}}}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
    ]
}

/// What a second enquiry differs in: the names and ids that may stay the same do.
fn another(adapter: &str, body: &str) -> String {
    // HubSpot: the same contact. Wufoo: the same number in another form. Gravity Forms: the same number on another website.
    let differs: &[(&str, &str)] = match adapter {
        "calendly" => &[("/i/1", "/i/2")],
        "formstack" => &[("\"FormID\":\"1\"", "\"FormID\":\"2\"")],
        "gravity-forms" => &[("shop.example", "other.example")],
        "opnform" => &[("\"Q\"", "\"R\"")],
        "wufoo" => &[("q7a", "q7b"), ("Field3=big", "Field3=small")],
        _ => &[("big", "small")],
    };
    let changed = differs.iter().fold(body.to_owned(), |body, (from, to)| body.replace(from, to));
    assert_ne!(changed, body, "{adapter}");
    changed
}

/// A request of a producer whose secret is `secret`, proven in the one way that its adapter knows of this shape; `signed`
/// are the bytes that were signed.
fn send(rig: &Rig, (adapter, content_type): (&str, &str), secret: &str, body: &str, signed: &str) -> Answer {
    let hex = hmac_hex(secret.as_bytes(), signed.as_bytes());
    let dated = hmac_hex(secret.as_bytes(), format!("1800000000.{signed}").as_bytes());
    let (address, header) = match adapter {
        "opnform" => ("x".to_owned(), ("x-webhook-signature", format!("sha256={hex}"))),
        "formstack" => ("x".to_owned(), ("x-fs-signature", format!("sha256={hex}"))),
        "calendly" => ("x".to_owned(), ("calendly-webhook-signature", format!("t=1800000000,v1={dated}"))),
        "tiktok" => ("x".to_owned(), ("tiktok-signature", format!("t=1800000000,s={dated}"))),
        "gravity-forms" | "wpforms" => ("x".to_owned(), ("authorization", format!("Bearer {secret}"))),
        "wufoo" => ("x".to_owned(), ("x-nothing", String::new())),
        _ => (format!("x/{secret}"), ("x-nothing", String::new())),
    };
    let body = body.replace(SECRET, secret);
    rig.post(&address, content_type, &[(header.0, header.1.as_str())], body.as_bytes())
}

const SIGNED: [&str; 4] = ["calendly", "formstack", "opnform", "tiktok"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_a_flipped_byte_are_turned_away() {
    let mut flipped = std::collections::BTreeSet::new();
    for (adapter, content_type, body, more, _) in shapes() {
        let rig = Rig::open(&[("x", adapter, SECRET, &format!("allow_unverified = true\n{more}"))]).await;
        let what = (adapter, content_type);
        // In the shape that has a key in the body, that is its proof.
        let signed = SIGNED.contains(&adapter) && !body.contains(SECRET);
        for wrong in ["c0ffee00c0ffee00c0ffee00c0ffee01", "C0FFEE00c0ffee00c0ffee00c0ffee00", "c0ffee00c0ffee00", ""] {
            let answer = send(&rig, what, wrong, &body, &body);
            // Without a secret in it an address is that of the hook itself, and proves nothing either.
            assert!([401, 404].contains(&answer.status), "{adapter} {wrong:?}: {}", answer.status);
        }
        if signed {
            for at in (0..body.len()).step_by(body.len() / 20 + 1) {
                let mut changed = body.clone().into_bytes();
                changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
                let Ok(changed) = String::from_utf8(changed) else { continue };
                assert_eq!(send(&rig, what, SECRET, &changed, &body).status, 401, "{adapter} {at}");
                flipped.insert(adapter);
            }
        }
        assert!(rig.house.arrivals().await.is_empty(), "{adapter}");
        assert_eq!(send(&rig, what, SECRET, &body, &body).status, 200, "{adapter}");
        rig.house.stop().await;
    }
    assert_eq!(flipped.into_iter().collect::<Vec<_>>(), SIGNED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_delivery_is_a_repeat_and_another_enquiry_is_none() {
    for (adapter, content_type, body, more, _) in shapes() {
        let rig = Rig::open(&[("x", adapter, SECRET, &format!("allow_unverified = true\n{more}"))]).await;
        let second = another(adapter, &body);
        for body in [&body, &second, &body, &second] {
            assert_eq!(send(&rig, (adapter, content_type), SECRET, body, body).status, 200, "{adapter}");
        }
        let mut arrivals = rig.house.arrivals().await;
        arrivals.reverse();
        let first: Vec<_> = arrivals.iter().map(|row| row.duplicate_of).collect();
        let expected = [None, None, Some(arrivals[0].id), Some(arrivals[1].id)];
        assert_eq!(first, expected, "{adapter}: {body}");
        rig.house.stop().await;
    }
}

#[test]
fn every_adapter_that_is_not_certain_is_looked_at_here() {
    let (adapters, _) = pisteur::config::hook::Adapters::load(None);
    let looked_at: Vec<&str> = shapes().into_iter().map(|shape| shape.0).collect();
    for adapter in adapters.iter().filter(|adapter| !adapter.verified) {
        assert!(looked_at.contains(&adapter.name.as_str()), "{}", adapter.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reads_the_shape_that_is_known_of() {
    for (adapter, content_type, body, more, [name, email, other]) in shapes() {
        let more = format!("allow_unverified = true\n{more}");
        let rig = Rig::open(&[("x", adapter, SECRET, &more)]).await;
        assert_eq!(send(&rig, (adapter, content_type), SECRET, &body, &body).status, 200, "{adapter}");
        let (_, submission, enquiry) = rig.newest().await;
        assert!(submission.flags.is_empty(), "{adapter}");
        let person = &enquiry.person;
        let found = person
            .full_name
            .clone()
            .or_else(|| Some(format!("{} {}", person.first_name.as_deref()?, person.last_name.as_deref()?)));
        assert_eq!(found.as_deref(), Some(name), "{adapter} {enquiry:#?}");
        assert_eq!(enquiry.emails.first().map(|e| e.address.as_str()), Some(email), "{adapter}");
        let others: Vec<_> = enquiry.custom.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        assert!(others.iter().any(|o| o == other), "{adapter}: {others:?}");
        assert!(!others.iter().any(|o| o.contains("1.2.3.4") || o.contains(SECRET)), "{adapter}: {others:?}");
        assert_eq!(rig.post("x", content_type, &[], b"{}").status, 401, "{adapter}");
        rig.house.stop().await;
    }
}
