//! The configuration: layers, and what is said about a wrong one.

use pisteur::config::{self, Config, ConfigError, LogFormat, Source};

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    config::parse("shop.toml", text, &env(pairs), Source::default())
}

fn problems(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    match read(text, pairs) {
        Err(ConfigError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("accepted: {text}"),
    }
}

#[test]
fn the_shipped_configuration_is_valid_and_listens_on_this_machine_only() {
    let config = read(config::BUILT_IN, &[]).unwrap();
    assert_eq!(config.http.public, "127.0.0.1:8080");
    assert_eq!(config.http.operator, "127.0.0.1:8081");
    assert_eq!(config.form.len(), 1);
    assert_eq!(config.form[0].id, "contact");
    assert!(config.mailbox.is_empty());
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = read("", &[]).unwrap();
    assert_eq!(config.database, "sqlite://var/pisteur.db");
    assert_eq!(config.matching.append_within_days, 30);
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_its_nearest_neighbour() {
    let found = problems("databse = \"sqlite://x\"\n\n[http]\n  publik = \"127.0.0.1:1\"\n", &[]);
    assert_eq!(
        found,
        [
            "shop.toml:1:1: databse: unknown key; did you mean \"database\"?",
            "shop.toml:4:3: http.publik: unknown key; did you mean \"public\"?",
        ]
    );
}

#[test]
fn every_problem_is_listed_at_once_in_the_order_of_the_file() {
    let found = problems(
        "default_country = 33\n[log]\nformat = \"xml\"\n[worker]\nbatch = \"many\"\nthreads = -1\n[limits]\nper_client_per_minute = true\n",
        &[],
    );
    let places: Vec<&str> = found.iter().map(|p| p.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        places,
        ["default_country", "log.format", "worker.batch", "worker.threads", "limits.per_client_per_minute"],
        "{found:#?}"
    );
    assert!(found[0].starts_with("shop.toml:1:1: "), "{found:#?}");
    assert!(found[0].ends_with("wrong type: this is a whole number, but a text in quotes is needed"), "{found:#?}");
    assert!(found[1].contains("known here: auto, text, json"), "{found:#?}");
}

#[test]
fn a_body_that_no_memory_could_hold_is_a_problem() {
    let form = "[[form]]\nid = \"a\"\nbody_bytes = 300_000_000\n";
    let found = problems(form, &[]);
    assert!(found.iter().any(|problem| problem.contains("limits.in_hand_bytes")), "{found:?}");
    assert!(read(&format!("{form}[limits]\nin_hand_bytes = 300_000_000"), &[]).is_ok());
}

#[test]
fn problems_of_several_list_elements_are_all_found() {
    let found = problems("[[form]]\nid = 1\n[[form]]\nid = \"a\"\nidd = 2\n[[mailbox]]\nid = \"m\"\n", &[]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("shop.toml:2:1: form.0.id: wrong type"), "{found:#?}");
    assert!(found[1].starts_with("shop.toml:5:1: form.1.idd: unknown key"), "{found:#?}");
    assert!(found[2].starts_with("shop.toml:6:1: mailbox.0: the key \"user\" is missing"), "{found:#?}");
}

#[test]
fn a_value_out_of_range_is_named_with_its_place() {
    let found = problems("[worker]\nlease_seconds = 0\n[spill]\nlimit_mb = 0\n", &[]);
    assert_eq!(
        found,
        [
            "shop.toml:2:1: worker.lease_seconds: between 1 and 3600 seconds",
            "shop.toml:4:1: spill.limit_mb: at least 1 megabyte is needed",
        ]
    );
}

#[test]
fn text_that_is_not_toml_is_placed_too() {
    let found = problems("[http\npublic = 1", &[]);
    assert!(found[0].starts_with("shop.toml:1:"), "{found:#?}");
    assert!(found[0].contains("not TOML"), "{found:#?}");
}

#[test]
fn a_variable_overrides_the_file_and_is_read_as_the_type_needed() {
    let text =
        "database = \"sqlite://a\"\n[worker]\nbatch = 2\n[[form]]\nid = \"contact\"\n[[form]]\nid = \"devis-pro\"\n";
    let config = read(
        text,
        &[
            ("PISTEUR__DATABASE", "postgres://u@h/d"),
            ("PISTEUR__WORKER__BATCH", "7"),
            ("PISTEUR__OWN_DOMAINS", "a.example, b.example"),
            ("PISTEUR__LOG__LEVEL", "debug"),
            ("PISTEUR__LOG__FORMAT", "json"),
            ("PISTEUR__ALLOW_UNSAFE_SERVER", "true"),
            ("PISTEUR__HTTP__PUBLIC", "127.0.0.1:9"),
            ("PISTEUR__HTTP__TRUSTED_PROXIES", "10.0.0.0/8"),
            ("PISTEUR__FORM__DEVIS_PRO__ID", "12"),
            ("OTHER", "ignored"),
        ],
    )
    .unwrap();
    assert_eq!(config.database, "postgres://u@h/d");
    assert_eq!(config.worker.batch, 7);
    assert_eq!(config.own_domains, ["a.example", "b.example"]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.allow_unsafe_server);
    assert_eq!(config.http.public, "127.0.0.1:9");
    assert_eq!(config.http.trusted_proxies.len(), 1);
    assert_eq!(config.form[1].id, "12", "an element is found by its id, and a number stays a text where one is needed");
}

#[test]
fn a_list_of_tables_grows_by_index() {
    let config = read("", &[("PISTEUR__FORM__0__ID", "contact"), ("PISTEUR__FORM__1__ID", "quote")]).unwrap();
    assert_eq!(config.form.len(), 2);
}

#[test]
fn a_wrong_variable_is_named() {
    let found = problems(
        "[[form]]\nid = \"contact\"\n",
        &[("PISTEUR__WORKER__BATCH", "many"), ("PISTEUR__HTTP__PUBLIK", "x"), ("PISTEUR__FORM__NONE__ID", "x")],
    );
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().any(|p| p.starts_with("PISTEUR__WORKER__BATCH: worker.batch: wrong type")), "{found:#?}");
    assert!(found.iter().any(|p| p.starts_with("PISTEUR__HTTP__PUBLIK: http.publik: unknown key")), "{found:#?}");
    assert!(found.iter().any(|p| p.starts_with("PISTEUR__FORM__NONE__ID: there is no element")), "{found:#?}");
}

#[test]
fn two_intakes_cannot_share_an_id() {
    let found = problems("[[form]]\nid = \"a\"\n[[form]]\nid = \"a\"\n", &[]);
    assert_eq!(found, ["shop.toml:4:1: form.1.id: \"a\" is taken by form.0; choose another id"]);
}

#[test]
fn two_forms_cannot_share_an_address() {
    let text = "[[form]]\nid = \"a\"\n[[form]]\nid = \"b\"\npublic_id = \"a\"\n[[form]]\nid = \"c\"\npublic_id = \"x\"\n\
                [[form]]\nid = \"d\"\npublic_id = \"x\"\n";
    let expected = [
        "shop.toml:5:1: form.1.public_id: /f/a is the address of form.0 already; choose another",
        "shop.toml:11:1: form.3.public_id: /f/x is the address of form.2 already; choose another",
    ];
    assert_eq!(problems(text, &[]), expected);
}

#[test]
fn addresses_that_go_on_behind_the_host_are_refused_where_only_a_host_can_be_kept() {
    for url in ["https://example.com/forms/", "https://example.com/?x", "https://example.com#x"] {
        let found = problems(&format!("[http]\npublic_url = \"{url}\"\n"), &[]);
        assert!(found.len() == 1 && found[0].contains("at its root"), "{url}: {found:?}");
    }
    assert!(read("[http]\npublic_url = \"https://example.com/\"\n", &[]).is_ok());
    let found = problems("[[form]]\nid = \"a\"\nallowed_origins = [\"https://a.example/page\"]\n", &[]);
    assert!(found.len() == 1 && found[0].contains("allowed_origins"), "{found:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = config::load(Some(std::path::Path::new("nowhere/pisteur.toml")), &[]).unwrap_err();
    assert!(error.to_string().starts_with("nowhere/pisteur.toml: cannot be read"), "{error}");
}

#[test]
fn relative_paths_start_at_the_project_folder() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("pisteur.toml"), "database = \"sqlite://var/x.db\"\n[rules]\npath = \"rules\"\n")
        .unwrap();
    let loaded = config::load(Some(&config.join("pisteur.toml")), &[]).unwrap();
    assert_eq!(loaded.rules.path, folder.path().join("rules"));
    assert_eq!(loaded.sqlite_path().unwrap(), folder.path().join("var/x.db"));
}

fn shipped(name: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)).unwrap()
}

#[test]
fn the_shipped_reference_names_every_key_as_it_is() {
    assert!(
        shipped("reference.toml") == config::reference(),
        "run `pisteur check --reference > config/reference.toml`"
    );
}

#[test]
fn the_shipped_schema_is_the_one_of_the_sections() {
    let schema: serde_json::Value = serde_json::from_str(&shipped("schema.json")).unwrap();
    assert!(schema == config::schema(), "run `pisteur check --schema > config/schema.json`");
}

#[test]
fn the_reference_is_a_valid_configuration() {
    read(&config::reference(), &[]).unwrap();
}

#[test]
fn every_example_of_the_reference_is_a_key_with_a_value_of_its_type() {
    let on: Vec<String> = config::reference()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    let found = match read(&on.join("\n"), &[]) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Invalid(problems)) => problems,
        Err(e) => panic!("{e}"),
    };
    // Examples exclude one another (password and oauth) and name files that are not here; their types are right.
    let wrong: Vec<String> = found
        .iter()
        .filter(|p| {
            p.message.contains("wrong type") || p.message.contains("unknown key") || p.message.contains("missing; add")
        })
        .map(ToString::to_string)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        found
            .iter()
            .all(|p| ["mailbox", "delivery", "captcha", "hook"].iter().any(|section| p.key.starts_with(section))),
        "{found:#?}"
    );
}

#[test]
fn the_shipped_rules_mailboxes_and_secrets_name_what_is_missing() {
    let text = "[[mailbox]]\nid = \"sales\"\nhost = \"imap.example.com\"\nuser = \"sales@example.com\"\nfirst_run = \"from_now\"\n\
                password = { file = \"no/such/secret\" }\n";
    let found = problems(text, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("shop.toml:6:1: mailbox.0.password: "), "{found:#?}");
    assert!(found[0].contains("no/such/secret"), "{found:#?}");
}

#[test]
fn a_configuration_printed_for_debugging_shows_no_secret() {
    let config = read("", &[("PISTEUR__DATABASE", "postgres://u:geheim@h/d")]).unwrap();
    assert!(!format!("{config:?}").contains("geheim"), "{config:?}");
}
