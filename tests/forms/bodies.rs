//! Bodies of every kind, good and bad.

use super::house::{House, Plan};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=B";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_have_a_clear_answer_and_leave_nothing_behind() {
    let house = House::usual().await;
    let long_name = format!("{}=1", "n".repeat(200));
    let long_value = format!("message={}", "v".repeat(70_000));
    let unfinished = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello".to_vec();
    let file =
        b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--B--\r\n".to_vec();
    let many: Vec<u8> = (0..10_000).flat_map(|n| format!("f{n}=1&").into_bytes()).collect();
    let many_parts: Vec<u8> = (0..10_000)
        .flat_map(|n| format!("--B\r\nContent-Disposition: form-data; name=\"f{n}\"\r\n\r\n1\r\n").into_bytes())
        .chain(*b"--B--\r\n")
        .collect();
    let many_members =
        serde_json::to_vec(&(0..10_000).map(|n| (format!("f{n}"), 1)).collect::<std::collections::BTreeMap<_, _>>());
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (URLENCODED, vec![], 400, "empty"),
        (URLENCODED, b"_next=/a&utm_source=x&name=%20".to_vec(), 400, "empty"),
        ("application/json", b"{}".to_vec(), 400, "empty"),
        ("application/json", b"{\"a\":".to_vec(), 400, "malformed"),
        ("application/json", b"[1,2]".to_vec(), 400, "malformed"),
        (MULTIPART, b"--B--\r\n".to_vec(), 400, "empty"),
        (MULTIPART, unfinished, 400, "malformed"),
        (MULTIPART, b"\xff\xfe\x00garbage".to_vec(), 400, "malformed"),
        ("multipart/form-data", b"--B--".to_vec(), 400, "malformed"),
        (MULTIPART, file, 400, "no_file_uploads"),
        ("text/plain", b"a=1".to_vec(), 415, "content_type"),
        ("", b"a=1".to_vec(), 415, "content_type"),
        (URLENCODED, many, 413, "too_many_fields"),
        (MULTIPART, many_parts, 413, "too_many_fields"),
        ("application/json", many_members.unwrap(), 413, "too_many_fields"),
        (URLENCODED, long_name.into_bytes(), 413, "name_too_long"),
        (URLENCODED, long_value.into_bytes(), 413, "value_too_long"),
        (URLENCODED, vec![b'a'; 2 << 20], 413, "too_large"),
        (URLENCODED, vec![b'a'; 30 << 20], 413, "too_large"),
    ];
    for (kind, body, status, slug) in cases {
        let mut headers = vec![("accept", "application/json")];
        headers.extend((!kind.is_empty()).then_some(("content-type", kind)));
        let answer = house.http.request("POST", "/f/contact", &headers, &body).unwrap();
        let said = answer.json();
        assert_eq!((answer.status, said["error"].as_str()), (status, Some(slug)), "{kind} {said}");
    }
    let headers = [("content-type", URLENCODED), ("content-encoding", "gzip"), ("accept", "application/json")];
    let answer = house.http.request("POST", "/f/contact", &headers, b"\x1f\x8b").unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (415, Some("content_encoding")));
    assert!(house.arrivals().await.is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_bodies_are_journalled_as_they_came() {
    let house = House::usual().await;
    let cases: [(&str, &[u8]); 5] = [
        (URLENCODED, b"message=%FF%FE&n=\xff\xfe"),
        (URLENCODED, b"message=a%00b&=x&&;=y"),
        ("application/json", b"{\"message\":\"\xff\",\"n\":\"a\\u0000b\"}"),
        (MULTIPART, b"--B\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n\xff\0\r\n--B--\r\n"),
        ("Application/JSON; charset=utf-8", b"\xef\xbb\xbf{\"message\":{\"a\":[1,2.5,true,null]}}"),
    ];
    for (kind, body) in cases {
        let answer = house.http.post("/f/contact", kind, body).unwrap();
        assert_eq!(answer.status, 200, "{kind} {}", answer.text());
        assert_eq!(house.newest().await.raw, body);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_taken_where_the_form_allows_them() {
    let house = House::open(Plan::form(|form| {
        form.allow_files = true;
        form.max_files = Some(1);
    }))
    .await;
    let file = |size: usize| {
        let mut body = b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"..\\a.bin\"\r\n\r\n".to_vec();
        body.extend(vec![b'x'; size]);
        body.extend(b"\r\n");
        body
    };
    let end = b"--B--\r\n".to_vec();
    let one = [file(5 << 20), end.clone()].concat();
    assert_eq!(house.http.post("/f/contact", MULTIPART, &one).unwrap().status, 200);
    assert_eq!(house.newest().await.raw.len(), one.len());
    let large = [b"{\"message\":\"", &vec![b'x'; 2 << 20][..], b"\"}"].concat();
    let answer = house.http.post("/f/contact", "application/json", &large).unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("too_large")), "room for files only");
    let large = [file(28 << 20), end].concat();
    assert_eq!(house.http.post("/f/contact", MULTIPART, &large).unwrap().status, 413);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_passes_the_door_that_is_read_otherwise_later() {
    let house = House::usual().await;
    let part = |rest: &str| format!("Content-Disposition: form-data; {rest}");
    let file = part("name=\"f\"; filename=\"evil.exe\"\n\nMZ");
    let loud = part("name=\"f\"; FILENAME=\"evil.exe\"\r\n\r\nMZ");
    let message = part("name=\"message\"\r\n\r\nhi");
    let fields = format!("\n--B\n{}", part("name=\"a\"\n\n1")).repeat(200);
    let cases = [
        (format!("--B\r\n{message}{fields}\r\n--B--\r\n"), 413, "too_many_fields"),
        (format!("junk--B\r\n{message}\r\n--B--\r\n"), 400, "malformed"),
    ];
    for (body, status, slug) in cases {
        let answer = house.http.post("/f/contact", MULTIPART, body.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(slug)), "{body}");
    }
    assert!(house.arrivals().await.is_empty());
    for body in [
        format!("--B\r\n{message}\n--B\n{file}\r\n--B--\r\n"),
        format!("--B\r\n{message}\r\n--B\r\n{loud}\r\n--B--\r\n"),
    ] {
        let said = house.http.post("/f/contact", MULTIPART, body.as_bytes()).unwrap().json();
        assert_eq!(said["warnings"][0]["reason"], "no_files", "{body} {said}");
        let mut envelope = house.newest().await;
        envelope.intake_id = "contact".to_owned();
        let form = pisteur::config::FormConfig::named("contact");
        let bounds = form.file_bounds(&pisteur::config::http::LimitsConfig::default());
        let mut settings = pisteur::domain::reading::ReadSettings::default();
        let reading = pisteur::domain::reading::FormReading { file_bounds: bounds, ..form.reading() };
        settings.forms.insert("contact".to_owned(), reading);
        let read = pisteur::domain::reading::read(&envelope, &settings);
        assert_eq!(read.attachments[0].verdict.as_deref(), Some("refused:no_files"), "{body}");
    }
    let empty = format!("--B\r\n{}\r\n", part("name=\"f\"; filename=\"\"\r\n\r\n"));
    let body = format!("{}--B\r\n{}\r\n--B--\r\n", empty.repeat(9_000), part("name=\"email\"\r\n\r\na@b.example"));
    assert_eq!(house.http.post("/f/contact", MULTIPART, body.as_bytes()).unwrap().status, 200);
    let read = pisteur::domain::reading::form::read_pairs(
        &house.newest().await.raw,
        Some(MULTIPART),
        &pisteur::domain::reading::ReadLimits::default(),
    );
    assert_eq!(read.fields, [("email".to_owned(), "a@b.example".to_owned())]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_is_bounded_without_a_length() {
    let house = House::usual().await;
    let mut chunked = Vec::new();
    for _ in 0..40 {
        chunked.extend(b"10000\r\n");
        chunked.extend(vec![b'a'; 0x10000]);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let answer = super::connections::raw(
        &house,
        b"POST /f/contact HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n\
          Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n",
        &chunked,
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_trouble_keeps_what_was_typed() {
    let house = House::usual().await;
    house.store.close().await;
    let headers = [("content-type", URLENCODED), ("accept", "text/html"), ("accept-language", "cs")];
    let body = b"name=Eva&message=Dobr%C3%BD+den%3Cscript%3E&_next=/a";
    let answer = house.http.request("POST", "/f/contact", &headers, body).unwrap();
    let page = answer.text();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(
        page.contains("value=\"Eva\"") && page.contains("Dobrý den&lt;script&gt;") && page.contains("Odeslat znovu"),
        "{page}"
    );
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_inside_a_body_is_a_word_for_scripts_and_none_for_visitors() {
    let house = House::usual().await;
    let said = house.http.post("/f/contact", "application/json", b"{\"a\":").unwrap().json();
    assert!(said["detail"].as_str().unwrap().contains("line 1, column 5"), "{said}");
    for (language, words) in [("fr", "n’a pas pu être lu"), ("cs", "nelze přečíst"), ("fa", "خوانده نشد")]
    {
        let headers = [("content-type", "application/json"), ("accept", "text/html"), ("accept-language", language)];
        let page = house.http.request("POST", "/f/contact", &headers, b"{\"a\":").unwrap();
        assert_eq!(page.status, 400);
        assert!(page.text().contains(words) && !page.text().contains("JSON body"), "{}", page.text());
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_script_adds_unseen_takes_no_room_of_what_is_filled_in() {
    let house = House::open(Plan::form(|form| form.max_fields = Some(3))).await;
    let hidden = "utm_source=a&_x=1&".repeat(93);
    let body = format!("{hidden}name=Eva&email=eva%40web.example&message=hi");
    assert_eq!(house.http.post("/f/contact", URLENCODED, body.as_bytes()).unwrap().status, 200);
    let more = house.http.post("/f/contact", URLENCODED, format!("{body}&topic=x").as_bytes()).unwrap();
    assert_eq!((more.status, more.json()["error"].as_str()), (413, Some("too_many_fields")));
    let flood = "_x=1&".repeat(5_000);
    let sent = format!("{flood}name=Jan&message=hi");
    assert_eq!(house.http.post("/f/contact", URLENCODED, sent.as_bytes()).unwrap().status, 200);
    let read = pisteur::domain::reading::form::read_pairs(
        &house.newest().await.raw,
        Some(URLENCODED),
        &pisteur::domain::reading::ReadLimits::default(),
    );
    assert!(read.warnings.iter().any(|warning| warning.code == "hidden_cut"), "what was dropped is noted");
    assert!(read.fields.iter().any(|(name, _)| name == "message"));
    house.stop().await;
}
