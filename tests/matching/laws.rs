//! Laws of recognition: comparing is symmetric, and writing a value in another way changes no key.

use std::collections::BTreeSet;

use pisteur::domain::enquiry::email::EmailAddress;
use pisteur::domain::enquiry::{Address, Enquiry, phone};
use pisteur::domain::matching::blocking::blocking;
use pisteur::domain::matching::compare::compare;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::profile::{Fact, Profile};
use pisteur::domain::matching::score::{Score, score};
use pisteur::domain::matching::{KeyKind, MatchKey, keys};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use crate::reading::generated::crm::measure::{Scene, enquiry};
use crate::reading::generated::crm::{Change, World};

fn profiles(scene: &Scene) -> (Vec<Profile>, Vec<Profile>) {
    let profile = |being| Profile::of_enquiry(&enquiry(being)).expect("somebody");
    (scene.contacts.iter().map(profile).collect(), scene.arrivals.iter().map(|a| profile(&a.says)).collect())
}

#[test]
fn two_records_are_as_like_whichever_comes_first() {
    let scene = Scene::of(5, 60, 300, &Change::ALL);
    let (known, came) = profiles(&scene);
    for model in [Model::start(), Scene::of(5, 300, 300, &Change::ALL).fitted()] {
        let mut like = 0;
        for (a, b) in came.iter().flat_map(|a| known.iter().map(move |b| (a, b))) {
            assert_eq!(compare(a, b), compare(b, a), "{a:?}\n{b:?}");
            let (one, other) = (score(&model, a, b, 100_000), score(&model, b, a, 100_000));
            let said = |score: &Score| (score.vetoes.clone(), score.witnesses, score.apart, score.steps.len());
            assert!((one.total - other.total).abs() < 1e-9, "{} {}\n{a:?}\n{b:?}", one.total, other.total);
            assert_eq!(said(&one), said(&other), "{a:?}\n{b:?}");
            like += usize::from(one.total > 0.0);
        }
        assert!(like > 100, "some of them are like each other: {like}");
    }
}

/// All keys by which whoever says this is found.
fn all_keys(enquiry: &Enquiry) -> BTreeSet<MatchKey> {
    let profile = Profile::of_enquiry(enquiry).expect("somebody");
    keys::keys_of(enquiry).into_iter().chain(blocking(&profile)).collect()
}

/// Letters in another case, with marks written apart or left out, more blanks: the same value.
#[derive(Debug, Clone, Copy)]
enum Hand {
    Upper,
    Lower,
    Apart,
    Bare,
    Wide,
}

const HANDS: [Hand; 5] = [Hand::Upper, Hand::Lower, Hand::Apart, Hand::Bare, Hand::Wide];

fn written(hand: Hand, text: &str) -> String {
    match hand {
        Hand::Upper => text.to_uppercase(),
        Hand::Lower => text.to_lowercase(),
        Hand::Apart => text.nfd().collect(),
        // Marks alone: what is a letter of its own stays one.
        Hand::Bare if text.chars().all(|c| u32::from(c) < 0x250) => {
            text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect()
        }
        Hand::Bare => text.to_owned(),
        Hand::Wide => format!("  {} ", text.split(' ').collect::<Vec<_>>().join(" \u{a0} ")),
    }
}

fn rewrite(value: &mut Option<String>, how: impl Fn(&str) -> String) {
    if let Some(value) = value {
        *value = how(value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn another_hand_changes_no_key(seed in any::<u64>(), at in 0_usize..5) {
        let said = enquiry(&World::of(seed).being());
        let mut again = said.clone();
        let hand = |text: &str| written(HANDS[at], text);
        again.person.full_name = None;
        rewrite(&mut again.person.first_name, hand);
        rewrite(&mut again.person.last_name, hand);
        for Address { street, city, postcode, .. } in &mut again.addresses {
            rewrite(street, hand);
            rewrite(city, hand);
            rewrite(postcode, |code| format!(" {} {}", &code[..3], &code[3..]));
        }
        for (_, value) in again.particulars.iter_mut().filter(|(fact, _)| *fact == Fact::DateOfBirth) {
            *value = value.replace('-', " / ");
        }
        prop_assert_eq!(all_keys(&again), all_keys(&said), "{:?} {:?}", again, said);
    }

    #[test]
    fn tags_dots_and_capitals_of_a_mailbox_change_no_key(local in "[a-z]{3,9}", tag in "[a-z0-9]{1,8}", at in 0_usize..4) {
        let (domain, others): (&str, &[&str]) = [
            ("gmail.com", &["googlemail.com", "GMail.com"][..]),
            ("outlook.com", &["Outlook.com"][..]),
            ("fastmail.com", &["FASTMAIL.com"][..]),
            ("seznam.cz", &["SEZNAM.cz"][..]),
        ][at];
        let mut ways = vec![local.to_uppercase()];
        if at < 3 {
            ways.push(format!("{local}+{tag}"));
        }
        if at == 0 {
            ways.push(format!("{}.{}", &local[..1], &local[1..]));
        }
        let of = |address: &str| {
            let mut enquiry = Enquiry::default();
            enquiry.emails.extend(EmailAddress::parse(address).map(|email| email.to_email(&[])));
            all_keys(&enquiry)
        };
        let known = of(&format!("{local}@{domain}"));
        prop_assert!(known.iter().any(|key| matches!(key.kind, KeyKind::Email | KeyKind::SharedEmail)));
        for (way, domain) in ways.iter().flat_map(|way| others.iter().map(move |domain| (way, domain))) {
            prop_assert_eq!(of(&format!(" {way}@{domain} ")), known.clone(), "{} {}", way, domain);
        }
    }

    #[test]
    fn a_number_written_in_another_way_has_the_same_keys(digits in "[124-8][0-9]{7}", at in 0_usize..6) {
        let whole = format!("+336{digits}");
        let pairs: Vec<&str> = (0..4).map(|n| &digits[2 * n..2 * n + 2]).collect();
        let persian = |text: &str| -> String {
            text.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0x6f0 + d)).unwrap_or(c)).collect()
        };
        let way = [
            format!("06{digits}"),
            format!("06 {}", pairs.join(" ")),
            format!("06.{}", pairs.join(".")),
            format!("+33 (0)6 {}", pairs.join("-")),
            format!("00336{digits}"),
            persian(&whole),
        ][at].clone();
        let of = |number: &str| {
            let mut enquiry = Enquiry::default();
            enquiry.phones.extend(phone::read(number, Some("FR"), None));
            all_keys(&enquiry)
        };
        let known = of(&whole);
        prop_assert!(known.iter().any(|key| key.kind == KeyKind::Phone));
        prop_assert_eq!(of(&way), known, "{}", way);
    }

    #[test]
    fn form_case_and_order_of_a_companys_name_change_no_key(words in proptest::collection::vec("[b-z]{4,9}", 1..4), at in 0_usize..6) {
        let of = |name: &str| {
            let mut enquiry = Enquiry::default();
            enquiry.organisation.name = Some(name.to_owned());
            all_keys(&enquiry)
        };
        let bare = words.join(" ");
        let turned = words.iter().rev().cloned().collect::<Vec<_>>().join(" ");
        let way = [
            format!("{bare} s.r.o."),
            format!("{} GmbH & Co. KG", bare.to_uppercase()),
            format!("  {bare},  S.A.R.L. "),
            format!("{turned} Ltd"),
            format!("{} & {} SAS", words[0], words[1..].join(" ")),
            bare.replace('z', "ž").replace('r', "ř").replace('u', "ü"),
        ][at].clone();
        // A word that is itself a legal form stands for one at the end, and only there.
        let known = of(&bare);
        prop_assume!(!words.iter().any(|word| is_form(word)) && !known.is_empty());
        prop_assert_eq!(of(&way), known, "{}", way);
    }

    #[test]
    fn what_is_stored_of_somebody_finds_them(seed in any::<u64>()) {
        let profile = Profile::of_enquiry(&enquiry(&World::of(seed).being())).expect("somebody");
        let known: BTreeSet<MatchKey> = blocking(&profile).into_iter().collect();
        let stored: Profile = serde_json::from_str(&serde_json::to_string(&profile).expect("text")).expect("a profile");
        prop_assert_eq!(blocking(&stored).into_iter().collect::<BTreeSet<_>>(), known.clone());
        let again: BTreeSet<MatchKey> = blocking(&normalised_again(&profile)).into_iter().collect();
        // Of what was written in Persian letters the sounds are kept beside what the letters are in Latin ones.
        let script = [&profile.given, &profile.surname].into_iter().flatten().any(|name| name.bones.is_some());
        let lost: Vec<_> = again.difference(&known).filter(|key| !(script && key.kind == KeyKind::NameBones)).collect();
        prop_assert!(lost.is_empty(), "{:?} {:?}", lost, profile);
    }
}

fn is_form(word: &str) -> bool {
    pisteur::domain::enquiry::company::has_legal_form(&format!("bell {word}"))
}

/// The values as they are stored, read as if somebody had written them like that.
fn normalised_again(profile: &Profile) -> Profile {
    let name = |name: &Option<pisteur::domain::matching::profile::Name>| name.as_ref().map(|name| name.text.clone());
    let mut facts: Vec<(Fact, String)> = Vec::new();
    facts.extend(name(&profile.given).map(|text| (Fact::FirstName, text)));
    facts.extend(name(&profile.surname).map(|text| (Fact::LastName, text)));
    facts.extend(profile.emails.iter().map(|mailbox| (Fact::Email, format!("{}@{}", mailbox.local, mailbox.domain))));
    facts.extend(profile.phones.iter().map(|number| (Fact::Phone, number.clone())));
    facts.extend(profile.born.iter().map(|born| (Fact::DateOfBirth, born.digits.clone())));
    facts.extend(profile.numbers.iter().map(|number| (Fact::OtherId, number.clone())));
    facts.push((Fact::Company, profile.company.join(" ")));
    facts.push((Fact::Street, profile.street.join(" ")));
    facts.extend(profile.house.iter().map(|house| (Fact::HouseNumber, house.clone())));
    facts.extend(profile.places.iter().map(|place| (Fact::City, place.clone())));
    facts.extend(profile.postcode.iter().map(|code| (Fact::Postcode, code.clone())));
    Profile::of(facts.iter().map(|(fact, value)| (*fact, value.as_str())))
}
