//! Where records come from: touches, campaigns and the rules that name them, from arrival to record on both engines.

use std::time::Duration;

use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::matching::EntityKind;
use pisteur::store::rows::RecordDetail;
use serde_json::Value;

use super::house::House;
use super::{DAY, mail, only_lead};
use crate::support::daemon::Setup;
use crate::support::postgres::Postgres;
use crate::support::wait;

/// Runs a story on each engine, under further configuration.
macro_rules! on_both {
    ($($story:ident under $keys:expr;)+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(super::House::sqlite_with($keys).await).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let server = super::Postgres::shared();
                super::$story(super::House::at_with(&server.url(&server.database()), $keys).await).await;
            })+
        }
    };
}

on_both! {
    first_and_last_touch_stay_apart_and_the_first_is_never_overwritten under "";
    an_arrival_processed_again_is_no_second_touch under "";
    twenty_touches_are_kept_the_oldest_first under "";
    an_older_message_processed_later_is_not_the_last_touch under "";
    s66_rules_name_the_campaign_of_each_message_and_what_was_sent_stays under "";
    an_opportunity_keeps_the_first_touch_of_its_lead under "";
    how_somebody_heard_of_us_is_kept_beside_what_was_measured under "";
    names_are_one_in_any_case under "";
    an_unknown_campaign_is_left_out_and_a_mapped_one_is_known under super::MAP;
    an_unknown_campaign_counts_as_the_default_one under super::DEFAULT;
    an_unknown_campaign_waits_for_a_person under super::REVIEW;
}

const MAP: &str = "[attribution]\nunknown_campaign = \"map\"\n[attribution.campaigns]\n\"spring*\" = \"Spring 2026\"\n\
                   [attribution.sources]\nfb = \"facebook\"\n";
const DEFAULT: &str = "[attribution]\nunknown_campaign = \"default\"\ndefault_campaign = \"Other\"\n";
const REVIEW: &str = "[attribution]\nunknown_campaign = \"review\"\n";

async fn jan_posts(house: &House, fields: &[(&str, &str)]) {
    let who = [("name", "Jan Novák"), ("email", "jan@stavby-novak.cz"), ("message", "Dobrý den, prosím o katalog.")];
    house.form(&[&who[..], fields].concat()).await;
    house.work().await;
}

async fn lead(house: &House) -> RecordDetail {
    let row = only_lead(house).await;
    house.show(EntityKind::Lead, row.id).await
}

/// Role, source and campaign of every touch.
fn touches(record: &RecordDetail) -> Vec<(&str, &str, &str)> {
    let text =
        |touch: &'_ Value, name: &str| -> &'_ str { touch[name].as_str().map_or("", |text| text.to_owned().leak()) };
    record.touches.iter().map(|t| (text(t, "role"), text(t, "source"), text(t, "campaign"))).collect()
}

async fn first_and_last_touch_stay_apart_and_the_first_is_never_overwritten(house: House) {
    let page = "https://okna.cz/kontakt?utm_source=bing&utm_medium=cpc&utm_campaign=zima&msclkid=M1";
    let first = [
        ("_first_utm_source", "heureka"),
        ("_first_utm_medium", "cpc"),
        ("_first_utm_campaign", "akce"),
        ("_first_at", "2026-11-01T08:00:00Z"),
        ("_first_landing", "https://okna.cz/"),
    ];
    jan_posts(&house, &[&first[..], &[("_page", page), ("_referrer", "https://www.bing.com/")]].concat()).await;
    let before = lead(&house).await;
    for (name, value) in [("source", "bing"), ("medium", "cpc"), ("campaign", "zima"), ("channel", "Paid Search")] {
        assert_eq!(before.fields[name], value);
    }
    assert_eq!(before.fields["first_touch"]["source"], "heureka");
    assert_eq!(before.fields["first_touch"]["channel"], "Paid Shopping");
    assert_eq!(before.fields["last_touch"]["click_id"], "msclkid=M1");
    assert_eq!(before.fields["last_touch"]["parameters"]["utm_campaign"], "zima");
    assert_eq!(touches(&before), [("first", "heureka", "akce"), ("visit", "bing", "zima")]);
    assert_eq!(before.touches[0]["at"], 1_793_520_000_000_000_i64);
    assert_eq!(before.touches[1]["parameters"]["msclkid"], "M1");
    assert!(before.touches[1]["arrival"].is_string());

    house.later(DAY);
    let other = [("_first_utm_source", "forged"), ("utm_source", "newsletter"), ("utm_medium", "email")];
    jan_posts(&house, &other).await;
    let after = lead(&house).await;
    assert_eq!(after.communications.len(), 2);
    assert_eq!(after.fields["first_touch"], before.fields["first_touch"], "written once");
    assert_eq!((&after.fields["source"], &after.fields["campaign"]), (&"bing".into(), &"zima".into()));
    assert_eq!(after.fields["last_touch"]["source"], "newsletter");
    assert_eq!(after.fields["last_touch"]["channel"], "Email");
    assert_eq!(touches(&after), [("first", "heureka", "akce"), ("visit", "bing", "zima"), ("visit", "newsletter", "")]);
}

async fn an_arrival_processed_again_is_no_second_touch(house: House) {
    jan_posts(&house, &[("utm_source", "bing"), ("_first_utm_source", "a"), ("_last_utm_source", "b")]).await;
    let before = lead(&house).await;
    assert_eq!(touches(&before), [("first", "a", ""), ("last", "b", ""), ("visit", "bing", "")]);
    let arrival = before.touches[0]["arrival"].as_str().unwrap().parse().unwrap();
    assert!(house.store.requeue(arrival, &[ArrivalState::Decided], false, "test").await.unwrap());
    house.work().await;
    assert_eq!(touches(&lead(&house).await), touches(&before));
}

async fn twenty_touches_are_kept_the_oldest_first(house: House) {
    for batch in 0..3 {
        for n in 0..12 {
            let source = format!("s{:02}", batch * 12 + n);
            let message = format!("Dobrý den, zpráva číslo {source}.");
            house.later(Duration::from_secs(60));
            house
                .form(&[
                    ("name", "Jan Novák"),
                    ("email", "jan@stavby-novak.cz"),
                    ("message", &message),
                    ("utm_source", &source),
                    ("_first_utm_source", "hidden"),
                ])
                .await;
        }
        house.work().await;
    }
    let lead = lead(&house).await;
    assert_eq!(lead.communications.len(), 36);
    let kept = touches(&lead);
    assert!((18..=20).contains(&kept.len()), "{kept:?}");
    let visits: Vec<&str> = kept.iter().filter(|t| t.0 == "visit").map(|t| t.1).collect();
    assert_eq!((kept[0].1, visits[0], visits.len()), ("hidden", "s00", kept.len() - 1));
    assert!(visits.is_sorted(), "{visits:?}");
    assert_eq!(lead.fields["last_touch"]["source"], "s35", "the last one is known although no row is left for it");
}

async fn an_older_message_processed_later_is_not_the_last_touch(house: House) {
    jan_posts(&house, &[("utm_source", "first")]).await;
    house.later(DAY);
    jan_posts(&house, &[("utm_source", "newest")]).await;
    house.step_back(DAY / 2);
    jan_posts(&house, &[("utm_source", "between")]).await;
    let lead = lead(&house).await;
    assert_eq!(lead.fields["last_touch"]["source"], "newest");
    assert_eq!(touches(&lead).iter().map(|t| t.1).collect::<Vec<_>>(), ["first", "between", "newest"]);
}

async fn s66_rules_name_the_campaign_of_each_message_and_what_was_sent_stays(house: House) {
    let jan = "Jan Novák <jan@stavby-novak.cz>";
    let to_alias = mail(jan, "f1@x.cz", "Okna", "", "Dobrý den, viděli jsme se na veletrhu, pošlete katalog.");
    house.mail(&to_alias.replace("To: sales@", "To: sales+batimat26@")).await;
    house.work().await;
    house.later(DAY);
    jan_posts(&house, &[("utm_source", "google"), ("utm_medium", "cpc"), ("utm_campaign", "batimat-search")]).await;
    house.later(DAY);
    jan_posts(&house, &[("utm_source", "newsletter"), ("utm_medium", "email"), ("utm_campaign", "may")]).await;
    let lead = lead(&house).await;
    assert_eq!((&lead.fields["source"], &lead.fields["campaign"]), (&"fair".into(), &"batimat-2026".into()));
    assert_eq!(
        touches(&lead),
        [("visit", "fair", "batimat-2026"), ("visit", "fair", "batimat-2026"), ("visit", "newsletter", "may")],
        "of each message its own, not that of the first"
    );
    assert_eq!(lead.touches[1]["parameters"]["utm_campaign"], "batimat-search", "as sent");
    assert_eq!(lead.touches[1]["channel"], "Paid Other", "by the names in force");
    assert_eq!(lead.fields["first_touch"]["campaign"], "batimat-2026");
    assert_eq!(lead.fields["last_touch"]["campaign"], "may");
}

async fn an_opportunity_keeps_the_first_touch_of_its_lead(house: House) {
    jan_posts(&house, &[("utm_source", "heureka"), ("utm_medium", "cpc")]).await;
    house.later(DAY * 40);
    let deal = [("company", "Stavby Novák s.r.o."), ("budget", "20000"), ("utm_source", "google")];
    jan_posts(&house, &deal).await;
    let deals = house.records(EntityKind::Opportunity).await;
    assert_eq!(deals.len(), 1);
    let deal = house.show(EntityKind::Opportunity, deals[0].id).await;
    assert_eq!(deal.fields["source"], "google", "what made it an opportunity");
    assert_eq!(deal.fields["first_touch"]["source"], "heureka");
    assert_eq!(deal.fields["last_touch"]["source"], "google");
    let lead = lead(&house).await;
    assert_eq!(
        (&lead.fields["status"], &lead.fields["first_touch"]["source"]),
        (&"opportunity".into(), &"heureka".into())
    );
}

async fn how_somebody_heard_of_us_is_kept_beside_what_was_measured(house: House) {
    jan_posts(&house, &[("lead_source", "Od kamaráda"), ("gclid", "G1")]).await;
    let clicked = lead(&house).await;
    assert_eq!((&clicked.fields["source"], &clicked.fields["medium"]), (&"google".into(), &"cpc".into()));
    assert_eq!(clicked.custom_fields["lead_source"], "Od kamaráda");
    let said = [("name", "Eva Malá"), ("email", "eva@mala.cz"), ("message", "Dobrý den"), ("lead_source", "Veletrh")];
    house.form(&said).await;
    house.work().await;
    let eva = house.show(EntityKind::Lead, house.leads().await[1].id).await;
    assert_eq!(eva.fields["source"], "veletrh");
    assert!(eva.custom_fields.is_empty(), "{:?}", eva.custom_fields);
}

async fn names_are_one_in_any_case(house: House) {
    for (n, (source, campaign)) in
        [("Google", "Léto 2026"), ("google", "LÉTO  2026"), ("GOOGLE", "léto 2026 ")].into_iter().enumerate()
    {
        let email = format!("n{n}@person{n}.cz");
        house
            .form(&[
                ("name", "Eva Malá"),
                ("email", &email),
                ("message", "Dobrý den"),
                ("utm_source", source),
                ("utm_campaign", campaign),
            ])
            .await;
    }
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 3);
    let names: Vec<_> = leads.iter().map(|l| (l.source.as_deref(), l.campaign.as_deref())).collect();
    assert!(names.iter().all(|n| *n == (Some("google"), names[0].1) && n.1.is_some()), "{names:?}");
    assert_eq!(house.store.campaigns(false, 0).await.unwrap().len(), 1);
}

async fn an_unknown_campaign_is_left_out_and_a_mapped_one_is_known(house: House) {
    jan_posts(&house, &[("utm_source", "FB"), ("utm_campaign", "SPRING_brand")]).await;
    let other = [("name", "Eva Malá"), ("email", "eva@mala.cz"), ("message", "Dobrý den"), ("utm_campaign", "x1")];
    house.form(&other).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!((leads[0].source.as_deref(), leads[0].campaign.as_deref()), (Some("facebook"), Some("Spring 2026")));
    assert_eq!(leads[1].campaign, None);
    let eva = house.show(EntityKind::Lead, leads[1].id).await;
    assert_eq!(eva.fields["last_touch"]["campaign"], "x1", "what was sent stays");
    assert!(eva.tags.is_empty() || !eva.tags.iter().any(|t| t == "campaign_review"));
    assert_eq!(house.store.campaigns(false, 0).await.unwrap().len(), 1);
}

async fn an_unknown_campaign_counts_as_the_default_one(house: House) {
    house.store.add_campaign("Known", &[]).await.unwrap();
    jan_posts(&house, &[("utm_campaign", "known")]).await;
    house
        .form(&[("name", "Eva Malá"), ("email", "eva@mala.cz"), ("message", "Dobrý den"), ("utm_campaign", "x1")])
        .await;
    house.work().await;
    let campaigns: Vec<_> = house.leads().await.into_iter().map(|l| l.campaign.unwrap()).collect();
    assert_eq!(campaigns, ["Known", "Other"]);
}

async fn an_unknown_campaign_waits_for_a_person(house: House) {
    for (name, email, campaign) in [
        ("Jan Novák", "jan@novak.cz", "Jaro"),
        ("Eva Malá", "eva@mala.cz", "JARO"),
        ("Petr Bílý", "petr@bily.cz", "jaro-27"),
        ("Ota Černý", "ota@cerny.cz", "spam"),
    ] {
        let fields = [("name", name), ("email", email), ("message", "Dobrý den"), ("utm_campaign", campaign)];
        house.form(&[&fields[..], &[("unknown_campaign", "forged")]].concat()).await;
    }
    house.form(&[("name", "Iva"), ("email", "iva@iva.cz"), ("message", "Dobrý den"), ("utm_source", "x")]).await;
    house.work().await;
    let leads = house.leads().await;
    assert!(leads.iter().all(|l| l.campaign.is_none()));
    let tagged = house.show(EntityKind::Lead, leads[0].id).await;
    assert!(tagged.tags.iter().any(|t| t == "campaign_review"), "{:?}", tagged.tags);
    assert_eq!(tagged.custom_fields["unknown_campaign"], "Jaro", "a visitor cannot write it");
    let without = house.show(EntityKind::Lead, leads[4].id).await;
    assert!(!without.tags.iter().any(|t| t == "campaign_review"), "{:?}", without.tags);
    assert!(house.store.campaigns(false, 0).await.unwrap().is_empty(), "nothing is made before a person says so");
    let waiting: Vec<_> =
        house.store.campaigns(true, 0).await.unwrap().into_iter().map(|c| (c.name, c.leads)).collect();
    let mut expected: Vec<_> = ["JARO", "Jaro", "jaro-27", "spam"].map(|c| (c.to_owned(), 1)).into();
    expected.sort();
    let mut sorted = waiting.clone();
    sorted.sort();
    assert_eq!(sorted, expected);

    let made = house.store.add_campaign("jaro", &["Jaro-27".to_owned()]).await.unwrap();
    assert_eq!((made.created, made.records), (true, 3));
    let campaigns: Vec<_> = house.leads().await.into_iter().map(|l| l.campaign).collect();
    let jaro = || Some("jaro".to_owned());
    assert_eq!(campaigns, [jaro(), jaro(), jaro(), None, None]);
    let cleared = house.show(EntityKind::Lead, leads[0].id).await;
    assert!(!cleared.tags.iter().any(|t| t == "campaign_review") && cleared.custom_fields.is_empty());
    assert_eq!(house.store.add_campaign("Jaro", &[]).await.unwrap().records, 0, "twice is once");

    house.later(DAY);
    let known = [("name", "Nela"), ("email", "nela@nela.cz"), ("message", "Dobrý den"), ("utm_campaign", "JARO")];
    house.form(&known).await;
    house.work().await;
    assert_eq!(house.leads().await[5].campaign, jaro(), "known from now on");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_at_once_make_each_name_once() {
    let server = Postgres::shared();
    let url = server.url(&server.database());
    let (one, two) = (House::at(&url).await, House::at(&url).await);
    // Their clocks differ, so that the identifiers they make do.
    two.later(Duration::from_secs(3_600));
    for n in 0..60 {
        let (email, campaign) = (format!("p{n}@person{n}.cz"), format!("Campaign {}", n % 7));
        let campaign = if n % 2 == 0 { campaign.to_uppercase() } else { campaign };
        let source = format!("source{}", n % 5);
        let house = if n % 3 == 0 { &one } else { &two };
        house
            .form(&[
                ("name", "Eva Malá"),
                ("email", &email),
                ("message", "Dobrý den"),
                ("utm_source", &source),
                ("utm_medium", "cpc"),
                ("utm_campaign", &campaign),
            ])
            .await;
    }
    futures::future::join_all([one.work(), two.work(), one.work(), two.work()]).await;
    one.later(Duration::from_secs(60));
    two.later(Duration::from_secs(60));
    futures::future::join_all([one.work(), two.work()]).await;
    let leads = one.leads().await;
    assert_eq!(leads.len(), 60);
    assert!(leads.iter().all(|l| l.campaign.is_some() && l.source.is_some()));
    let campaigns = one.store.campaigns(false, 0).await.unwrap();
    assert_eq!(campaigns.len(), 7, "{campaigns:?}");
    assert_eq!(campaigns.iter().map(|c| c.leads).sum::<i64>(), 60);
}

#[test]
fn a_person_reads_touches_and_makes_a_campaign_known_at_the_command_line() {
    let mut daemon = Setup::new().contact_form().tables("[attribution]\nunknown_campaign = \"review\"\n").start();
    let fields = [
        ("name", "Jan Novák"),
        ("email", "jan@stavby-novak.cz"),
        ("message", "Dobrý den, prosím o katalog."),
        ("utm_source", "google"),
        ("utm_medium", "cpc"),
        ("utm_campaign", "Jaro"),
        ("_first_utm_source", "facebook"),
    ];
    assert!(daemon.public().post_form("/f/contact", &fields).unwrap().status < 400);
    let run = |args: &[&str]| {
        let output = daemon.setup().run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut listed = String::new();
    wait::until("the lead is made", Duration::from_secs(30), || {
        listed = run(&["leads", "list", "--json"]);
        !listed.is_empty()
    });
    let row: Value = serde_json::from_str(&listed).unwrap();
    let id = row["id"].as_str().unwrap();
    let page = run(&["leads", "show", id]);
    for part in
        ["google / cpc / Jaro (Paid Search)", "facebook (Organic Social)", "utm_campaign=Jaro", "campaign_review"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let shown: Value = serde_json::from_str(&run(&["leads", "show", "--json", id])).unwrap();
    assert_eq!(shown["touches"][0]["role"], "first");
    assert_eq!(shown["touches"][1]["parameters"]["utm_medium"], "cpc");
    assert!(run(&["campaigns", "list", "--waiting"]).contains("Jaro"));
    assert!(run(&["campaigns", "add", "jaro"]).contains("1 waiting record got it"));
    let list = run(&["campaigns", "list", "--json"]);
    let known: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&known["name"], &known["leads"]), (&"jaro".into(), &1.into()));
    assert!(run(&["campaigns", "list", "--waiting"]).contains("No campaign waits"));
    daemon.stop_cleanly();
}
