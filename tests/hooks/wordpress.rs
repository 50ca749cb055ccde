//! Plugins of `WordPress` that post to a form's own address, as config/sites.md tells people to set them up.

use pisteur::config::form::FormConfig;

use crate::forms::house::{House, Plan};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_plugin_is_understood_with_its_documented_map() {
    let map = "id = \"contact\"\n\
               field = [\n\
                 { name = \"1.3\", canonical = \"first_name\" }, { name = \"1.6\", canonical = \"last_name\" },\n\
                 { name = \"2\", canonical = \"email\" }, { name = \"4\", canonical = \"message\" },\n\
               ]";
    let form: FormConfig = toml::from_str(map).unwrap();
    let multipart = [
        "_wpcf7=42",
        "_wpcf7_version=6.0",
        "_wpcf7_locale=cs_CZ",
        "_wpcf7_unit_tag=wpcf7-f42",
        "your-name=Eva Malá",
        "your-email=eva@w.example",
        "your-message=Ahoj",
    ]
    .map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        format!("--WP\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    })
    .concat()
        + "--WP--\r\n";
    let cases = [
        ("Contact Form 7, multipart", "multipart/form-data; boundary=WP", multipart),
        ("Contact Form 7 to webhook", JSON, r#"{"your-name":"Eva Malá","your-email":"eva@w.example","your-message":"Ahoj"}"#.to_owned()),
        ("WPForms", JSON, r#"{"name":"Eva Malá","email":"eva@w.example","message":"Ahoj"}"#.to_owned()),
        ("WPForms, form", FORM, "name=Eva+Mal%C3%A1&email=eva%40w.example&message=Ahoj".to_owned()),
        ("Elementor, simple", FORM, "Name=Eva+Mal%C3%A1&Email=eva%40w.example&Message=Ahoj&form_id=1&form_name=Contact&Page+URL=https%3A%2F%2Fw.example&Remote+IP=1.2.3.4&Powered+by=Elementor".to_owned()),
        ("Gravity Forms, all fields", JSON, r#"{"id":"12","form_id":"3","ip":"1.2.3.4","source_url":"https://w.example/?utm_source=x","1.3":"Eva","1.6":"Malá","2":"eva@w.example","4":"Ahoj"}"#.to_owned()),
        ("Gravity Forms, select fields", FORM, "first_name=Eva&last_name=Mal%C3%A1&email=eva%40w.example&message=Ahoj".to_owned()),
    ];
    let config = pisteur::config::Config { form: vec![form.clone()], ..pisteur::config::Config::default() };
    for (plugin, content_type, body) in cases {
        let house = House::open(Plan { forms: vec![form.clone()], ..Plan::default() }).await;
        let answer = house.http.post("/f/contact", content_type, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{plugin}: {}", answer.text());
        let (_, enquiry) = super::rig::understood(&config, &house.newest().await);
        let person = &enquiry.person;
        assert_eq!(
            (person.first_name.as_deref(), person.last_name.as_deref()),
            (Some("Eva"), Some("Malá")),
            "{plugin}"
        );
        assert_eq!(enquiry.emails[0].address, "eva@w.example", "{plugin}");
        assert_eq!(enquiry.message, "Ahoj", "{plugin}");
        assert!(!enquiry.custom.iter().any(|c| c.name.starts_with("_wpcf7")), "{plugin}: {:?}", enquiry.custom);
        house.stop().await;
    }
}
