//! What the language means.

use pisteur::domain::decision::{OwnerChoice, RecordKind};
use pisteur::domain::enquiry::Attribution;
use pisteur::domain::rules::{Guarded, OnKnown, RuleSet, explain};
use pisteur::domain::submission::MailClass;

use super::fixtures::{Arrival, compile, declared, diagnose, folder, matches};

fn enrich(body: &str) -> RuleSet {
    compile(&[("20-enrich.toml", body)])
}

#[test]
fn missing_is_not_false() {
    let arrival = Arrival::form(&[]);
    assert!(!matches("when.form.budget = { below = 5000 }", &arrival).0);
    assert!(!matches("when.form.budget = { not = { at_least = 5000 } }", &arrival).0);
    assert!(matches("when.form.budget = { missing = true }", &arrival).0);
    assert_eq!(matches("when.form.budget = { below = 5000 }", &arrival).1, "form.budget absent");
    let arrival = Arrival::form(&[("budget", "100")]);
    assert!(matches("when.form.budget = { not = { at_least = 5000 } }", &arrival).0);
    assert!(matches("when.form.budget = { missing = false }", &arrival).0);
}

#[test]
fn words_are_found_whatever_their_accents_case_and_spaces() {
    let mail = Arrival::mail("DEMANDE DE DÉVIS", "Réponse à l\u{2019}appel\u{A0} d\u{2019}offres\nn° 12 de mars");
    assert!(matches("when.subject_or_body = { any_word = [\"devis\"] }", &mail).0);
    assert!(matches("when.subject_or_body = { any_word = [\"appel d'offres\"] }", &mail).0);
    assert!(matches("when.body = { any_word = [\"offres\"] }", &mail).0, "an apostrophe bounds a word");
    assert!(!matches("when.body = { any_word = [\"ars\"] }", &mail).0);
    assert!(matches("when.body = { contains = \"ars\" }", &mail).0);
    assert!(matches("when.subject = { starts_with = \"demande de dev\" }", &mail).0);
    assert!(!matches("when.subject = { contains = \"devis\", exact = true }", &mail).0);
    assert_eq!(matches("when.subject_or_body = { any_word = [\"devis\"] }", &mail).1, "word \"devis\" @subject:11");
}

#[test]
fn addresses_match_on_our_domains_by_domain_or_whole() {
    let mail = Arrival::mail("x", "y");
    assert!(matches("when.mail.to = { address = \"sales@\" }", &mail).0);
    assert!(matches("when.mail.to = { address = \"@our-company.example\" }", &mail).0);
    assert!(matches("when.mail.from = \"claire@acme.example\"", &mail).0);
    assert!(!matches("when.mail.to = { address = \"info@\" }", &mail).0);
}

#[test]
fn lists_of_domains_include_sub_domains() {
    let rival = Arrival::mail("x", "y").email("a@mail.Rival.example");
    assert!(matches("when.sender.domain = { in_list = \"competitors\" }", &rival).0);
    let (matched, because) = matches("when.sender.domain = { in_list = \"competitors\" }", &Arrival::mail("x", "y"));
    assert!(!matched);
    assert_eq!(because, "sender.domain = mail.acme.example not in competitors (1)");
}

#[test]
fn amounts_compare_in_one_currency_only() {
    let at_least = "when.budget = { at_least = 5000 }";
    assert!(matches(at_least, &Arrival::form(&[]).budget(500_000, Some("EUR"))).0);
    assert!(matches(at_least, &Arrival::form(&[]).budget(500_000, None)).0);
    let (matched, because) = matches(at_least, &Arrival::form(&[]).budget(9_999_999, Some("CZK")));
    assert!(!matched && because.contains("another currency"), "{because}");
    let unclear = Arrival::form(&[("budget", "5000 - 10000")]);
    assert_eq!(matches("when.form.budget = { at_least = 1 }", &unclear).1, "form.budget absent (unclear amount)");
    let czk = "when.budget = { above = { amount = 100, currency = \"CZK\" } }";
    assert!(matches(czk, &Arrival::form(&[]).budget(10_001, Some("CZK"))).0);
}

#[test]
fn postcodes_and_departments_are_ranges_and_tables() {
    let lyon = Arrival::form(&[]).postcode("69003");
    let corsica = Arrival::form(&[]).postcode("20200");
    assert!(matches("when.department = { between = [\"2A\", \"2B\"] }", &corsica).0);
    assert!(matches("when.department = { between = [\"19\", \"21\"] }", &corsica).0);
    assert!(matches("when.postcode = { between = [\"69001\", \"69009\"] }", &lyon).0);
    assert_eq!(
        matches("when.postcode = { in_table = \"territories\" }", &lyon).1,
        "69003 -> lyon (territories.csv:3, 69001-69009)"
    );
    assert!(matches("when.department = { in_table = \"territories.csv\" }", &corsica).0);
    assert!(!matches("when.postcode = { in_table = \"territories\" }", &Arrival::form(&[]).postcode("75008")).0);
}

#[test]
fn conditions_combine() {
    let mail = Arrival::mail("devis", "bonjour");
    assert!(matches("when.any = [{ lang = \"en\" }, { subject = { any_word = \"devis\" } }]", &mail).0);
    assert!(!matches("when.any = [{ lang = \"en\" }, { lang = \"cs\" }]", &mail).0);
    assert!(matches("when.all = [{ lang = \"fr\" }, { subject = \"DEVIS\" }]", &mail).0);
    assert!(matches("when.none = [{ lang = \"en\" }, { form.budget = { at_least = 1 } }]", &mail).0);
    assert!(!matches("when.none = [{ lang = \"fr\" }]", &mail).0);
    assert!(matches("when.lang = { one_of = [\"EN\", \"FR\"] }", &mail).0);
    assert!(matches("when.lang = { not = \"en\" }", &mail).0);
}

#[test]
fn captures_return_the_text_as_written() {
    let rules = enrich(
        "[[rule]]\nid = \"q\"\nwhen.text = { regex = '(?<qty>\\d+) pieces pour (?<who>.+?) sa' }\n\
         then.set = { quantity = \"$qty\", client = \"$who\" }\n",
    );
    let out = Arrival::mail("x", "250 pièces pour Société Générale SA").run(&rules);
    let set: Vec<(&str, &str)> = out.set.iter().map(|s| (s.name.as_str(), s.value.as_str())).collect();
    assert_eq!(set, [("quantity", "250"), ("client", "Société Générale")]);
}

#[test]
fn enriched_facts_are_seen_by_classify_and_assign() {
    let rules = compile(&[
        (
            "20-enrich.toml",
            "[[rule]]\nid = \"a\"\nwhen.lang = \"fr\"\nthen.set = { quantity = 5, campaign = \"Fair\" }\nthen.score = 3\nthen.tags = [\"b\"]\n\
             [[rule]]\nid = \"b\"\nwhen.mail.class = \"person\"\nthen.score = 4\nthen.tags = [\"a\", \"b\"]\n",
        ),
        (
            "30-classify.toml",
            "[[rule]]\nid = \"c\"\nwhen.quantity = { at_least = 5 }\nwhen.campaign = \"fair\"\nwhen.score = 7\n\
             then.create = \"opportunity\"\nthen.on_known = \"append\"\n",
        ),
    ]);
    let out = Arrival::mail("x", "y").run(&rules);
    assert_eq!(out.create, RecordKind::Opportunity);
    assert_eq!(out.on_known, Some(OnKnown::Append));
    assert_eq!(out.score, 7);
    assert_eq!(out.tags, ["a", "b"]);
    assert_eq!(out.rule_ids, ["a", "b", "c", "catch-all"]);
}

#[test]
fn a_later_rule_wins_with_override() {
    let rules = enrich(
        "[[rule]]\nid = \"a\"\nwhen.lang = \"fr\"\nthen.set = { campaign = \"x\" }\n\
         [[rule]]\nid = \"b\"\noverride = true\nwhen.mail.class = \"person\"\nthen.set = { campaign = \"y\" }\n",
    );
    let out = Arrival::mail("x", "y").run(&rules);
    assert_eq!(out.set.len(), 1);
    assert_eq!(out.set[0].value, "y");
}

#[test]
fn rules_that_exclude_each_other_may_set_one_fact() {
    enrich(
        "[[rule]]\nid = \"a\"\nwhen.lang = \"fr\"\nthen.set = { campaign = \"x\" }\n\
         [[rule]]\nid = \"b\"\nwhen.lang = \"en\"\nthen.set = { campaign = \"y\" }\n\
         [[rule]]\nid = \"c\"\nuntil = 2025-01-01\nwhen.always = true\nthen.set = { source = \"y\" }\n\
         [[rule]]\nid = \"d\"\nfrom = 2026-01-01\nwhen.always = true\nthen.set = { source = \"z\" }\n",
    );
}

#[test]
fn the_guard_stops_everything_unless_released() {
    let rules = compile(&[(
        "10-guard.toml",
        "[[rule]]\nid = \"g\"\nwhen.mail.class = \"auto_reply\"\nthen.discard = { reason = \"machine\" }\n",
    )]);
    let mut mail = Arrival::mail("x", "y");
    mail.submission.class = Some(MailClass::AutoReply);
    let out = mail.run(&rules);
    assert_eq!(out.guard, Some(Guarded::Discard { reason: "machine".to_owned() }));
    assert_eq!(out.owner, OwnerChoice::Nobody);
    assert_eq!(out.rule_ids, ["g"]);
    mail.envelope.context.released = true;
    assert_eq!(mail.run(&rules).guard, None);
}

#[test]
fn a_sample_of_discards_is_quarantined_always_the_same_ones() {
    let rules = compile(&[(
        "10-guard.toml",
        "[[rule]]\nid = \"g\"\nsample = 20\nwhen.lang = \"fr\"\nthen.discard = \"noise\"\n",
    )]);
    let mut held = 0;
    for n in 0..500 {
        let mut mail = Arrival::mail("x", "y");
        mail.envelope.id = ulid::Ulid::from_parts(1, n);
        let first = mail.run(&rules).guard;
        assert_eq!(first, mail.run(&rules).guard);
        held += usize::from(matches!(first, Some(Guarded::Quarantine { .. })));
    }
    assert!((50..150).contains(&held), "{held}");
}

#[test]
fn shadow_rules_are_traced_and_never_act() {
    let rules = compile(&[(
        "30-classify.toml",
        "[[rule]]\nid = \"s\"\nshadow = true\nwhen.lang = \"fr\"\nthen.create = \"opportunity\"\n",
    )]);
    let out = Arrival::mail("x", "y").run(&rules);
    assert_eq!(out.create, RecordKind::Lead);
    assert_eq!(out.rule_ids, ["catch-all"]);
    assert!(out.trace.iter().any(|s| s.rule == "s" && s.matched && s.shadow));
}

#[test]
fn dates_and_enabled_bound_a_rule() {
    let rules = compile(&[(
        "30-classify.toml",
        "[[rule]]\nid = \"past\"\nuntil = 2025-11-19\nwhen.lang = \"fr\"\nthen.priority = 3\n\
         [[rule]]\nid = \"future\"\nfrom = 2025-11-21T00:00:00+01:00\nwhen.lang = \"fr\"\nthen.priority = 2\n\
         [[rule]]\nid = \"off\"\nenabled = false\nwhen.lang = \"fr\"\nthen.priority = 2\n\
         [[rule]]\nid = \"today\"\nfrom = 2025-11-20\nuntil = 2025-11-20\nwhen.lang = \"fr\"\nthen.priority = 1\n",
    )]);
    assert_eq!(Arrival::mail("x", "y").run(&rules).priority, 1);
}

#[test]
fn everything_ends_with_an_owner_or_in_a_queue() {
    let assign = "[[rule]]\nid = \"customer\"\nwhen.known.customer = true\n\
        then.owner = { from = \"account.owner\", else_pool = \"lyon\" }\n\
        [[rule]]\nid = \"table\"\nwhen.postcode = { in_table = \"territories\" }\n\
        then.owner = { pool_from_table = \"territories\" }\n\
        [[rule]]\nid = \"catch-all\"\nwhen.always = true\nthen.owner = { pool = \"inside-sales\" }\nthen.team = \"france\"\n";
    let rules = compile(&[("40-assign.toml", assign)]);
    let pool_of = |arrival: &Arrival| match arrival.run(&rules).owner {
        OwnerChoice::Pool { pool, .. } => pool,
        other => format!("{other:?}"),
    };
    let mut arrival = Arrival::form(&[]).postcode("69003");
    assert_eq!(pool_of(&arrival), "lyon");
    arrival.known.empty_pools.insert("lyon".to_owned());
    assert_eq!(pool_of(&arrival), "inside-sales");
    arrival.known.empty_pools.insert("inside-sales".to_owned());
    assert_eq!(arrival.run(&rules).owner, OwnerChoice::Queue("triage".to_owned()));
    let mut customer = Arrival::form(&[]);
    customer.known.customer = true;
    assert_eq!(pool_of(&customer), "lyon");
    customer.known.account_owner = Some("gone".to_owned());
    assert_eq!(pool_of(&customer), "lyon", "an inactive owner is nobody");
    customer.known.account_owner = Some("alice".to_owned());
    assert_eq!(customer.run(&rules).owner, OwnerChoice::Person("alice".to_owned()));
    let OwnerChoice::Pool { members, .. } = Arrival::form(&[]).run(&rules).owner else { panic!("a pool") };
    assert_eq!(members.iter().map(|m| (m.user.as_str(), m.weight)).collect::<Vec<_>>(), [("alice", 2), ("bruno", 1)]);
}

#[test]
fn expected_revenue_comes_from_the_rule_or_the_arrival() {
    let run = |source: &str, arrival: &Arrival| {
        let rule = format!("[[rule]]\nid = \"r\"\nwhen.channel = \"form\"\nthen.expected_revenue = {source}\n");
        arrival.run(&compile(&[("30-classify.toml", &rule)])).expected_revenue
    };
    let eur = Some("EUR".to_owned());
    assert_eq!(run("5000", &Arrival::form(&[])), Some((500_000, eur.clone())));
    assert_eq!(run("{ amount = 9.5, currency = \"USD\" }", &Arrival::form(&[])), Some((950, Some("USD".to_owned()))));
    assert_eq!(run("\"$form.budget\"", &Arrival::form(&[("budget", "7k€")])), Some((700_000, eur.clone())));
    assert_eq!(run("\"$budget\"", &Arrival::form(&[]).budget(100, None)), Some((100, eur)));
    assert_eq!(run("\"$budget\"", &Arrival::form(&[])), None);
}

#[test]
fn the_hash_follows_meaning_and_the_source_hash_follows_text() {
    let rule = "[[rule]]\nid = \"r\"\nwhen.lang = \"fr\"\nthen.priority = 1\n";
    let commented =
        "# a comment\n[[rule]]\nid   = 'r'\nwhy = \"because\"\nwhen = { lang = \"FR\" }\nthen.priority = 1 # here\n";
    let other = rule.replace("= 1", "= 2");
    let set = compile(&[("30-classify.toml", rule)]);
    let same = compile(&[("30-classify.toml", commented)]);
    let changed = compile(&[("30-classify.toml", &other)]);
    assert_eq!(set.hash(), same.hash());
    assert_ne!(set.source_hash(), same.source_hash());
    assert_ne!(set.hash(), changed.hash());
    let used = "[[rule]]\nid = \"r\"\nwhen.postcode = { in_table = \"territories\" }\nthen.priority = 1\n";
    let rows = ("tables/territories.csv", "from,to,pool\n69,69,lyon\n");
    let table = compile(&[("30-classify.toml", used)]);
    let other_table = compile(&[("30-classify.toml", used), rows]);
    assert_ne!(table.hash(), other_table.hash());
    assert!(folder(&[]).differs_from(&folder(&[("rules.toml", "language = 1")])));
    assert_eq!(folder(&[]).hash(), folder(&[]).hash());
}

#[test]
fn the_same_facts_give_the_same_decision() {
    let rules = compile(&[("30-classify.toml", "[[rule]]\nid = \"r\"\nwhen.lang = \"fr\"\nthen.priority = 1\n")]);
    let mail = Arrival::mail("devis", "bonjour");
    assert_eq!(mail.run(&rules), mail.run(&rules));
}

#[test]
fn traces_never_quote_the_message() {
    let rules = compile(&[
        (
            "20-enrich.toml",
            "[[rule]]\nid = \"a\"\nwhen.text = { regex = 'code (?<code>\\w+)' }\nthen.set = { note = \"$code\" }\n\
             [[rule]]\nid = \"b\"\nwhen.body = \"something else\"\nthen.score = 1\n\
             [[rule]]\nid = \"c\"\nwhen.body = { contains = \"nothing\" }\nthen.score = 1\n\
             [[rule]]\nid = \"d\"\nwhen.sender.email = \"x@y.example\"\nthen.score = 1\n",
        ),
        ("30-classify.toml", "[[rule]]\nid = \"e\"\nwhen.form.company = \"x\"\nthen.priority = 1\n"),
    ]);
    let out = Arrival::mail("Sujet privé", "mon code SECRET42").run(&rules);
    let told = serde_json::to_string(&out.trace).unwrap();
    assert!(!told.contains("SECRET42") && !told.contains("priv") && !told.contains("claire"), "{told}");
}

#[test]
fn explain_lists_every_rule_with_its_reason() {
    let rules = compile(&[
        ("10-guard.toml", "[[rule]]\nid = \"machine\"\nwhen.mail.class = \"bounce\"\nthen.discard = \"machine\"\n"),
        (
            "20-enrich.toml",
            "[[rule]]\nid = \"fair\"\nwhen.mail.plus_tag = \"fair\"\nthen.set = { source = \"fair\" }\n",
        ),
        (
            "30-classify.toml",
            "[[rule]]\nid = \"rfq-fr\"\nwhen.mail.to = { address = \"sales@\" }\nwhen.lang = \"fr\"\n\
             when.subject_or_body = { any_word = [\"devis\"] }\nthen.create = \"opportunity\"\nthen.team = \"france\"\n",
        ),
    ]);
    insta::assert_snapshot!("explain", explain::text(&rules, &Arrival::mail("Un devis", "svp").run(&rules)));
}

#[test]
fn people_teams_and_pools_can_be_listed() {
    let rules = RuleSet::compile(&folder(&[]), &declared()).unwrap().rules;
    assert_eq!(rules.people().len(), 3);
    assert_eq!(rules.teams()[0].members, ["alice"]);
    assert_eq!(rules.pools().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["inside-sales", "lyon"]);
    assert_eq!(rules.rule_ids().collect::<Vec<_>>(), ["catch-all"]);
}

#[test]
fn rules_ask_where_a_visitor_came_from_first_last_and_now() {
    let touch = |source: &str, channel: &str| Attribution {
        source: Some(source.to_owned()),
        channel: Some(channel.to_owned()),
        campaign: Some("Jaro".to_owned()),
        ..Attribution::default()
    };
    let mut arrival = Arrival::form(&[("utm_id", "77")]);
    arrival.enquiry.attribution = touch("google", "Paid Search");
    arrival.enquiry.first_touch = Some(Box::new(touch("heureka", "Paid Shopping")));
    for (when, holds) in [
        ("when.channel_group = \"Paid Search\"", true),
        ("when.channel_group = { one_of = [\"Email\", \"Direct\"] }", false),
        ("when.source = \"google\"", true),
        ("when.first.source = \"heureka\"", true),
        ("when.first.channel_group = \"Paid Shopping\"", true),
        ("when.first.campaign = { starts_with = \"jar\" }", true),
        ("when.last.source = { missing = true }", true),
        ("when.form.utm_id = \"77\"", true),
    ] {
        assert_eq!(matches(when, &arrival).0, holds, "{when}");
    }
    let refused = |file: &str, rule: &str| {
        let rule = format!("[[rule]]\nid = \"r\"\n{rule}\n");
        !diagnose(&[(file, &rule)]).1.is_empty()
    };
    assert!(refused("30-classify.toml", "when.channel_group = \"Paid Serch\"\nthen.create = \"lead\""));
    assert!(
        refused("20-enrich.toml", "when.always = true\nthen.set = { first.source = \"x\" }"),
        "it is not ours to set"
    );
}
