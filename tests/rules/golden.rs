//! What each diagnostic looks like: code, place, remedy.

use pisteur::domain::rules::{Level, diagnostics};

use super::fixtures::diagnose;

/// The folder with `files` over it must give this code; the whole text is a snapshot.
fn golden(name: &str, code: &str, files: &[(&str, &str)]) {
    let (sources, found) = diagnose(files);
    assert!(found.iter().any(|d| d.code == code), "{name}: no {code} in {found:#?}");
    for d in &found {
        assert!(d.line > 0 && d.column > 0 && !d.notes.is_empty(), "{name}: without place or remedy: {d:?}");
    }
    insta::assert_snapshot!(name, diagnostics::render(&found, &sources, false));
}

fn classify(name: &str, code: &str, body: &str) {
    let rule = format!("[[rule]]\nid = \"r\"\n{body}\n");
    golden(name, code, &[("30-classify.toml", &rule)]);
}

#[test]
fn r001_toml_syntax() {
    classify("r001_bare_postcode", "R001", "when.postcode = 06000\nthen.create = \"lead\"");
    golden("r001_csv", "R001", &[("40-assign.toml", "[[rule\n")]);
}

#[test]
fn r002_unknown_keys_are_named_with_what_was_meant() {
    classify("r002_rule_key", "R002", "wen.lang = \"fr\"\nthen.create = \"lead\"");
    classify("r002_action", "R002", "when.lang = \"fr\"\nthen.creat = \"lead\"");
    classify("r002_foreign_action", "R002", "when.lang = \"fr\"\nthen.owner = \"alice\"");
    classify("r002_operator", "R002", "when.subject = { any_wrod = [\"x\"] }\nthen.create = \"lead\"");
    golden(
        "r002_pool_key",
        "R002",
        &[(
            "pools.toml",
            "[pool.inside-sales]\nhours = \"fr\"\non_empty = \"queue:t\"\nmembers = [\"alice\"]\n[pool.lyon]\non_empty = \"queue:t\"\nmembers = [\"alice\"]\n",
        )],
    );
    golden("r002_file", "R002", &[("30-clasify.toml", "")]);
    golden("r002_language", "R002", &[("rules.toml", "currency = \"EUR\"\n")]);
    golden(
        "r002_twice",
        "R002",
        &[("30-classify.toml", "[[rule]]\nid = \"catch-all\"\nwhen.lang = \"fr\"\nthen.create = \"lead\"\n")],
    );
}

#[test]
fn r003_unknown_names() {
    classify("r003_form_field", "R003", "when.form.bugdet = { at_least = 5000 }\nthen.create = \"lead\"");
    classify("r003_fact", "R003", "when.mail.klass = \"person\"\nthen.create = \"lead\"");
    classify("r003_list", "R003", "when.sender.domain = { in_list = \"competitor\" }\nthen.create = \"lead\"");
    classify("r003_table", "R003", "when.postcode = { in_table = \"territory.csv\" }\nthen.create = \"lead\"");
    classify("r003_team", "R003", "when.lang = \"fr\"\nthen.team = \"frence\"");
    classify("r003_form", "R003", "when.form.id = \"kontakt\"\nthen.create = \"lead\"");
    golden(
        "r003_pool",
        "R003",
        &[("40-assign.toml", "[[rule]]\nid = \"c\"\nwhen.always = true\nthen.owner = { pool = \"inside-sale\" }\n")],
    );
    golden(
        "r003_enrich_fact_too_early",
        "R003",
        &[(
            "20-enrich.toml",
            "[[rule]]\nid = \"a\"\nwhen.always = true\nthen.set = { kind = \"x\" }\n[[rule]]\nid = \"b\"\nwhen.kind = \"x\"\nthen.score = 1\n",
        )],
    );
}

#[test]
fn r004_types_and_values() {
    classify("r004_operator", "R004", "when.subject = { at_least = 5 }\nthen.create = \"lead\"");
    classify("r004_language", "R004", "when.lang = \"fre\"\nthen.create = \"lead\"");
    classify("r004_text_number", "R004", "when.form.budget = \"5000\"\nthen.create = \"lead\"");
    classify("r004_number_text", "R004", "when.form.company = 12\nthen.create = \"lead\"");
    classify("r004_postcode_number", "R004", "when.postcode = 75008\nthen.create = \"lead\"");
    classify("r004_class", "R004", "when.mail.class = \"autoreply\"\nthen.create = \"lead\"");
    classify("r004_always", "R004", "when.always = true\nwhen.lang = \"fr\"\nthen.create = \"lead\"");
    classify("r004_priority", "R004", "when.lang = \"fr\"\nthen.priority = 9");
}

#[test]
fn r005_regex_errors_stand_at_their_column() {
    classify("r005_group", "R005", "when.text = { regex = 'devis (urgent' }\nthen.create = \"lead\"");
    classify("r005_lookahead", "R005", "when.text = { regex = 'devis(?=x)' }\nthen.create = \"lead\"");
    classify("r005_quotes", "R005", "when.text = { regex = \"devis\\\\s\" }\nthen.create = \"lead\"");
}

#[test]
fn r006_captures() {
    let enrich = |body: &str| format!("[[rule]]\nid = \"q\"\n{body}\n");
    let undefined = enrich("when.text = { regex = '(?<qty>\\d+) pcs' }\nthen.set = { quantity = \"$qyt\" }");
    golden("r006_undefined", "R006", &[("20-enrich.toml", &undefined)]);
    let optional = enrich("when.text = { regex = 'pcs(?<qty>\\d+)?' }\nthen.set = { quantity = \"$qty\" }");
    golden("r006_optional", "R006", &[("20-enrich.toml", &optional)]);
    let any = enrich(
        "when.any = [{ text = { regex = 'pcs (?<qty>\\d+)' } }, { lang = \"fr\" }]\nthen.set = { quantity = \"$qty\" }",
    );
    golden("r006_any", "R006", &[("20-enrich.toml", &any)]);
    let table = "[[rule]]\nid = \"t\"\nwhen.lang = \"fr\"\nthen.owner = { pool_from_table = \"territories\" }\n\
        [[rule]]\nid = \"c\"\nwhen.always = true\nthen.owner = \"alice\"\n";
    golden("r006_table", "R006", &[("40-assign.toml", table)]);
}

#[test]
fn r010_rules_behind_a_catch_all() {
    let rules = "[[rule]]\nid = \"all\"\nwhen.always = true\nthen.owner = \"alice\"\n\
        [[rule]]\nid = \"late\"\nwhen.lang = \"fr\"\nthen.owner = \"bruno\"\n";
    golden("r010_behind_catch_all", "R010", &[("40-assign.toml", rules)]);
}

#[test]
fn r011_contradictions() {
    classify("r011_between", "R011", "when.postcode = { between = [\"69009\", \"69001\"] }\nthen.create = \"lead\"");
    classify("r011_dates", "R011", "from = 2026-12-01\nuntil = 2026-11-01\nwhen.lang = \"fr\"\nthen.create = \"lead\"");
}

#[test]
fn r013_gaps() {
    golden(
        "r013_no_catch_all",
        "R013",
        &[("40-assign.toml", "[[rule]]\nid = \"c\"\nwhen.lang = \"fr\"\nthen.owner = \"alice\"\n")],
    );
    golden(
        "r013_shadow_catch_all",
        "R013",
        &[("40-assign.toml", "[[rule]]\nid = \"c\"\nshadow = true\nwhen.always = true\nthen.owner = \"alice\"\n")],
    );
    let no_end =
        "[pool.inside-sales]\nmembers = [\"alice\"]\n[pool.lyon]\non_empty = \"queue:t\"\nmembers = [\"alice\"]\n";
    golden("r013_no_on_empty", "R013", &[("pools.toml", no_end)]);
    let circle = "[pool.inside-sales]\non_empty = \"pool:lyon\"\nmembers = [\"alice\"]\n\
        [pool.lyon]\non_empty = \"pool:inside-sales\"\nmembers = [\"alice\"]\n";
    golden("r013_circle", "R013", &[("pools.toml", circle)]);
    golden(
        "r013_no_else_pool",
        "R013",
        &[("40-assign.toml", "[[rule]]\nid = \"c\"\nwhen.always = true\nthen.owner = { from = \"account.owner\" }\n")],
    );
}

#[test]
fn r015_enrich_conflicts() {
    let rules = "[[rule]]\nid = \"a\"\nwhen.lang = \"fr\"\nthen.set = { campaign = \"x\" }\n\
        [[rule]]\nid = \"b\"\nwhen.country = \"FR\"\nthen.set = { campaign = \"y\" }\n";
    golden("r015_conflict", "R015", &[("20-enrich.toml", rules)]);
}

#[test]
fn r016_pool_members() {
    let pools = "[pool.inside-sales]\non_empty = \"queue:t\"\nmembers = [\"alise\"]\n\
        [pool.lyon]\non_empty = \"queue:t\"\nmembers = [\"gone\"]\n";
    golden("r016_members", "R016", &[("pools.toml", pools)]);
    let zero = "[pool.inside-sales]\non_empty = \"user:gone\"\nmembers = [{ user = \"alice\", weight = 0 }]\n\
        [pool.lyon]\non_empty = \"queue:t\"\nmembers = [\"alice\"]\n";
    golden("r016_weights", "R016", &[("pools.toml", zero)]);
    golden(
        "r016_inactive_owner",
        "R016",
        &[("40-assign.toml", "[[rule]]\nid = \"c\"\nwhen.always = true\nthen.owner = \"gone\"\n")],
    );
}

#[test]
fn r017_tables() {
    let rows = "from,to,pool,comment\n69,69,lyon,\n69,69,inside-sales,\n6,6,lyon,\n,13,lyon,\n";
    golden("r017_rows", "R017", &[("tables/territories.csv", rows)]);
}

#[test]
fn r020_costly_patterns() {
    classify("r020_too_big", "R020", "when.text = { regex = 'a[\\w]{2000}' }\nthen.create = \"lead\"");
    classify("r020_empty", "R020", "when.text = { regex = 'x*' }\nthen.create = \"lead\"");
    classify("r020_slow", "R020", "when.text = { regex = '.*\\d{3}' }\nthen.create = \"lead\"");
    classify("r020_domain", "R020", "when.text = { regex = 'acme.fr' }\nthen.create = \"lead\"");
    classify("r020_nesting", "R020", "when.any = [{ any = [{ any = [{ lang = \"fr\" }] }] }]\nthen.create = \"lead\"");
}

#[test]
fn r021_letters_that_never_occur_in_folded_text() {
    classify("r021_accent", "R021", "when.text = { regex = 'société\\S+' }\nthen.create = \"lead\"");
    classify("r021_upper", "R021", "when.text = { regex = '[A-Z]{3}devis' }\nthen.create = \"lead\"");
}

#[test]
fn colour_and_json_carry_the_same() {
    let (sources, found) = diagnose(&[("30-classify.toml", "[[rule]]\nid = \"r\"\n")]);
    assert!(diagnostics::render(&found, &sources, true).contains("\u{1b}["));
    let json = diagnostics::to_json(&found);
    assert_eq!(json[0]["code"], "R002");
    assert_eq!(json[0]["line"], 2);
    assert!(found.iter().all(|d| d.level == Level::Error));
}

#[test]
fn one_run_tells_everything() {
    let (_, found) = diagnose(&[
        ("30-classify.toml", "[[rule]]\nid = \"r\"\nwhen.lang = \"fre\"\nthen.creat = \"lead\"\n"),
        ("rules.toml", "language = 2\n"),
        ("10-guard.toml", "[[rule]]\nid = \"g\"\nwhen.mail.class = \"x\"\nthen.discard = { reason = \"No Slug\" }\n"),
    ]);
    assert_eq!(found.len(), 5, "{found:#?}");
}
