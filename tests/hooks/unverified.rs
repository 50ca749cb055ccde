//! Adapters whose shape is not certain: only by opt-in, and what they read of the shapes that are known of.

use serde_json::json;

use super::rig::{Rig, config_of, read};

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
        ("gravity-forms", JSON, json!({"id": "12", "form_id": "3", "ip": "1.2.3.4", "source_url": "https://shop.example/?utm_source=x", "1.3": "Eva Malá", "2": "eva@w.example", "5": "big"}).to_string(), "paths = { full_name = \"'1.3'\", email = \"'2'\" }", ["Eva Malá", "eva@w.example", "5=big"]),
        ("wpforms", FORM, "name=Eva+Mal%C3%A1&email=eva%40w.example&size=big".to_owned(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("contact-form-7", JSON, json!({"your-name": "Eva Malá", "your-email": "eva@w.example", "size": "big", "_wpcf7_version": "6"}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("elementor", FORM, "form[id]=a&form[name]=Quote&fields[name][id]=name&fields[name][type]=text&fields[name][title]=Name&fields[name][value]=Eva+Mal%C3%A1&fields[m][type]=email&fields[m][title]=Write&fields[m][value]=eva%40w.example&fields[s][type]=text&fields[s][title]=Size&fields[s][value]=big&meta[page_url][value]=https://shop.example/%3Futm_source%3Dx&meta[remote_ip][value]=1.2.3.4".to_owned(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("elementor", FORM, "Name=Eva+Mal%C3%A1&Email=eva%40w.example&Size=big&form_id=a&form_name=Quote&Date=x&Time=y&Page+URL=https://shop.example/&User+Agent=z&Remote+IP=1.2.3.4&Powered+by=Elementor".to_owned(), "", ["Eva Malá", "eva@w.example", "Size=big"]),
        ("unbounce", FORM, format!("page_url=https%3A%2F%2Fshop.example&data.json={}", form_urlencoded::byte_serialize(json!({"name": ["Eva Malá"], "email": ["eva@w.example"], "size": ["big"]}).to_string().as_bytes()).collect::<String>()), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("leadpages", JSON, json!({"name": "Eva Malá", "email": "eva@w.example", "size": "big"}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
        ("hubspot", JSON, json!({"vid": 5, "properties": {"firstname": {"value": "Eva"}, "lastname": "Malá", "email": {"value": "eva@w.example"}, "size": {"value": "big"}}}).to_string(), "", ["Eva Malá", "eva@w.example", "size=big"]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reads_the_shape_that_is_known_of() {
    for (adapter, content_type, body, more, [name, email, other]) in shapes() {
        let more = format!("allow_unverified = true\n{more}");
        let rig = Rig::open(&[("x", adapter, SECRET, &more)]).await;
        let hex = pisteur::domain::hooks::verify::hmac_hex(SECRET.as_bytes(), body.as_bytes());
        let dated =
            pisteur::domain::hooks::verify::hmac_hex(SECRET.as_bytes(), format!("1800000000.{body}").as_bytes());
        let headers = [
            ("x-webhook-signature", format!("sha256={hex}")),
            ("calendly-webhook-signature", format!("t=1800000000,v1={dated}")),
            ("tiktok-signature", format!("t=1800000000,s={dated}")),
            ("authorization", format!("Bearer {SECRET}")),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let address = format!("x/{SECRET}");
        let answer = rig.post(&address, content_type, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{adapter}");
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
