//! People and organisations of labelled sets, by the scorer alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use pisteur::domain::matching::fit::{Material, fit, pairs};
use pisteur::domain::matching::judge;
use pisteur::domain::matching::profile::{Fact, Profile};
use pisteur::domain::matching::score::{Score, score as compare};
use pisteur::domain::matching::verdict::Verdict;

struct Set {
    name: &'static str,
    files: Vec<PathBuf>,
    id: &'static str,
    columns: Vec<(&'static str, Fact)>,
    truth: Option<PathBuf>,
}

struct Records {
    profiles: Vec<Profile>,
    raw: Vec<String>,
    side: Vec<usize>,
    truth: BTreeSet<(u32, u32)>,
}

fn sets(folder: &Path) -> Vec<Set> {
    let febrl = [
        ("given_name", Fact::FirstName),
        ("surname", Fact::LastName),
        ("street_number", Fact::HouseNumber),
        ("address_1", Fact::Street),
        ("address_2", Fact::Suburb),
        ("suburb", Fact::City),
        ("postcode", Fact::Postcode),
        ("state", Fact::State),
    ];
    let born = [("date_of_birth", Fact::DateOfBirth), ("soc_sec_id", Fact::OtherId)];
    let febrls = [("febrl1", true), ("febrl2", true), ("febrl3", true), ("febrl3 without", false)];
    let mut sets: Vec<Set> = febrls
        .map(|(name, whole)| {
            let folder = folder.join(name.split(' ').next().expect("a word"));
            let columns = febrl.into_iter().chain(born.into_iter().filter(|_| whole)).collect();
            let (files, truth) = (vec![folder.join("records.csv")], Some(folder.join("truth_pairs.csv")));
            Set { name, files, id: "rec_id", columns, truth }
        })
        .into();
    sets.push(Set {
        name: "fake_1000",
        files: vec![folder.join("fake1000/fake_1000.csv")],
        id: "unique_id",
        columns: vec![
            ("first_name", Fact::FirstName),
            ("surname", Fact::LastName),
            ("dob", Fact::DateOfBirth),
            ("city", Fact::City),
            ("email", Fact::Email),
        ],
        truth: None,
    });
    let fodors = folder.join("fodors_zagats");
    sets.push(Set {
        name: "fodors_zagats",
        files: vec![fodors.join("fodors.csv"), fodors.join("zagats.csv")],
        id: "id",
        columns: vec![("name", Fact::Company), ("addr", Fact::Street), ("city", Fact::City), ("phone", Fact::Phone)],
        truth: Some(fodors.join("matches_fodors_zagats.csv")),
    });
    sets
}

fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

fn load(set: &Set) -> Records {
    let mut records = Records { profiles: vec![], raw: vec![], side: vec![], truth: BTreeSet::new() };
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut clusters: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (side, file) in set.files.iter().enumerate() {
        let mut reader = csv::Reader::from_path(file).expect("a set");
        let head = reader.headers().expect("a head").clone();
        for row in reader.records() {
            let row = row.expect("a row");
            let at = u32::try_from(records.profiles.len()).expect("few");
            let cells = || head.iter().zip(row.iter());
            let of = |name: &str| cells().find(|(column, _)| *column == name).map(|(_, value)| value.trim().to_owned());
            ids.insert(of(set.id).expect("an id"), at);
            clusters.entry(of("cluster").unwrap_or_default()).or_default().push(at);
            let facts = cells().filter_map(|(column, value)| {
                set.columns.iter().find(|(name, _)| *name == column).map(|(_, fact)| (*fact, value))
            });
            records.profiles.push(Profile::of(facts));
            records.raw.push(row.iter().collect::<Vec<_>>().join(" | "));
            records.side.push(side);
        }
    }
    let Some(truth) = &set.truth else {
        for members in clusters.values() {
            let pairs =
                members.iter().enumerate().flat_map(|(at, a)| members[at + 1..].iter().map(|b| ordered(*a, *b)));
            records.truth.extend(pairs);
        }
        return records;
    };
    for row in csv::Reader::from_path(truth).expect("truth").records() {
        let row = row.expect("a pair");
        records.truth.insert(ordered(ids[row[0].trim()], ids[row[1].trim()]));
    }
    records
}

/// Prints the table.
pub fn score(folder: &Path, verbose: bool) {
    println!("set              recall  match P / R / n            match or review P / R / F1   s");
    let wanted = std::env::var("SET").ok();
    for set in sets(folder).into_iter().filter(|set| wanted.as_deref().is_none_or(|name| set.name == name)) {
        let started = Instant::now();
        let records = load(&set);
        let two = records.side.contains(&1);
        let right = records.side.iter().filter(|side| **side == 1).count() as f64;
        let all = records.profiles.len() as f64;
        let asked = |a: u32, b: u32| !two || records.side[a as usize] != records.side[b as usize];
        let all_pairs = if two { right * (all - right) } else { all * (all - 1.0) / 2.0 };
        let pairs = pairs(&records.profiles, &asked);
        let material = Material { profiles: &records.profiles, pairs: &pairs, asked: &asked, all_pairs };
        let model = fit(&material, 1);
        let known = records.profiles.len() as u64;
        let profile = |at: u32| &records.profiles[at as usize];
        let scored: Vec<((u32, u32), Score)> =
            pairs.iter().map(|(a, b)| ((*a, *b), compare(&model, profile(*a), profile(*b), known))).collect();
        let seen = records.truth.iter().filter(|pair| pairs.binary_search(pair).is_ok()).count();
        let figures = |wanted: &[Verdict]| {
            let found = scored.iter().filter(|(_, score)| wanted.contains(&judge::pair(score)));
            let (right, wrong): (Vec<_>, Vec<_>) = found.partition(|(pair, _)| records.truth.contains(pair));
            (right.len() as f64, wrong.len() as f64)
        };
        let truth = records.truth.len() as f64;
        let (right, wrong) = figures(&[Verdict::Match]);
        let (right2, wrong2) = figures(&[Verdict::Match, Verdict::Review]);
        println!(
            "{:<16} {:.4}  {:.4} / {:.4} / {:<6} ({wrong} wrong)  {:.4} / {:.4} / {:.4}  {:.1}",
            set.name,
            seen as f64 / truth,
            right / (right + wrong),
            right / truth,
            right + wrong,
            right2 / (right2 + wrong2),
            right2 / truth,
            2.0 * right2 / (right2 + wrong2 + truth),
            started.elapsed().as_secs_f64()
        );
        if verbose {
            let pairs_of = |share: f64| share * all_pairs;
            println!("one person {:.2}, kin {:.3?}", pairs_of(model.prior), model.kin.map(pairs_of));
            for (field, (m, u)) in
                pisteur::domain::matching::field::Field::ALL.into_iter().zip(model.m.iter().zip(&model.u))
            {
                let levels = m.iter().zip(u).skip(1).map(|(m, u)| format!("{m:.4}/{u:.5}"));
                println!("{:<14} {}", field.as_str(), levels.collect::<Vec<_>>().join(" "));
            }
            for ((a, b), score) in &scored {
                let (verdict, truth) = (judge::pair(score), records.truth.contains(&(*a, *b)));
                if matches!((verdict, truth), (Verdict::Match, true) | (Verdict::New | Verdict::Review, false)) {
                    continue;
                }
                println!("{verdict:?} {truth} {:.1} {:?} {}", score.total, score.vetoes, score.witnesses);
                let steps = score.steps.iter();
                let told = steps.map(|s| format!("{} {} {:.1}", s.field.as_str(), s.field.level(s.level), s.weight));
                println!("  {}", told.collect::<Vec<_>>().join(", "));
                println!("  {}\n  {}", records.raw[*a as usize], records.raw[*b as usize]);
            }
        }
    }
}
