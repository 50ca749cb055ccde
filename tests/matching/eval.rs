//! `pisteur match eval` on labelled sets. One configuration for all; weights fitted without labels.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::corpora::corpora;

/// Records shuffled anew, weights fitted to other pairs.
const SEEDS: [&str; 5] = ["1", "2", "3", "4", "5"];

struct Set {
    folder: &'static str,
    files: &'static [&'static str],
    truth: &'static str,
    map: &'static str,
    seeds: usize,
}

/// The medians over the seeds.
struct Medians(Vec<Value>);

impl Medians {
    fn of(&self, pointer: &str) -> f64 {
        let mut values: Vec<f64> =
            self.0.iter().map(|report| report.pointer(pointer).and_then(Value::as_f64).expect(pointer)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// Each is at least so much.
    fn reach(&self, aims: &[(&str, f64)]) {
        for (pointer, least) in aims {
            let value = self.of(pointer);
            assert!(value >= *least, "{pointer} {value} < {least}: {:#?}", self.0);
        }
        for report in &self.0 {
            assert!(report["pairs_match"]["precision"].as_f64() >= Some(0.99), "{report:#}");
            assert!(report["entities"]["precision"].as_f64() >= Some(0.99), "{report:#}");
        }
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pisteur")).args(["match", "eval"]).args(arguments).output().unwrap()
}

fn map(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matching/maps").join(name)
}

fn eval(set: &Set) -> Option<Medians> {
    let folder = corpora("matching")?.join(set.folder);
    // All five with the long soaks; else the one that is quick.
    let seeds = if std::env::var_os("PISTEUR_FULL").is_some() { SEEDS.len() } else { set.seeds };
    let path = |name: &str| folder.join(name).display().to_string();
    let (truth, map) = (path(set.truth), map(set.map).display().to_string());
    let mut arguments = vec!["--json".to_owned(), "--truth".to_owned(), truth, "--map".to_owned(), map];
    for (side, file) in ["--left", "--right"].iter().zip(set.files) {
        arguments.extend([(*side).to_owned(), path(file)]);
    }
    let report = |seed: &&str| {
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(["--seed", seed]);
        let output = run(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    Some(Medians(SEEDS.iter().take(seeds).map(report).collect()))
}

const fn febrl(folder: &'static str, map: &'static str) -> Set {
    Set { folder, files: &["records.csv"], truth: "truth_pairs.csv", map, seeds: 1 }
}

#[test]
fn a_thousand_people_repeated_once() {
    let Some(medians) = eval(&febrl("febrl1", "febrl.toml")) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 1.0), ("/entities/f1", 0.9985), ("/candidate_recall", 1.0)]);
    assert!(medians.of("/review_share") <= 0.03 && medians.of("/entities/largest") <= 2.0);
}

#[test]
fn five_thousand_people_some_repeated_often() {
    let Some(medians) = eval(&febrl("febrl2", "febrl.toml")) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 0.9997), ("/entities/f1", 0.9985)]);
    assert!(medians.of("/review_share") <= 0.03 && medians.of("/entities/largest") <= 6.0);
}

#[test]
fn two_thousand_people_most_repeated() {
    let Some(medians) = eval(&febrl("febrl3", "febrl.toml")) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 0.9998), ("/entities/f1", 0.9985)]);
    assert!(medians.of("/review_share") <= 0.03 && medians.of("/entities/largest") <= 6.0);
}

#[test]
fn the_same_without_numbers_and_dates_of_birth() {
    let Some(medians) = eval(&febrl("febrl3", "febrl_without.toml")) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 0.986)]);
    assert!(medians.of("/entities/largest") <= 6.0);
}

#[test]
fn people_with_addresses_gaps_and_exchanged_names() {
    let set = Set {
        folder: "fake1000",
        files: &["fake_1000.csv"],
        truth: "fake_1000.csv",
        map: "fake_1000.toml",
        seeds: SEEDS.len(),
    };
    let Some(medians) = eval(&set) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 0.95)]);
}

#[test]
fn restaurants_of_two_guides() {
    let set = Set {
        folder: "fodors_zagats",
        files: &["fodors.csv", "zagats.csv"],
        truth: "matches_fodors_zagats.csv",
        map: "fodors_zagats.toml",
        seeds: SEEDS.len(),
    };
    let Some(medians) = eval(&set) else { return };
    medians.reach(&[("/pairs_match_or_review/f1", 0.978)]);
}

#[test]
fn a_map_or_a_truth_that_does_not_fit_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let left = file("left.csv", "ref,name\n1,Ann Bell\n2,Anne Bell\n");
    let good = (file("map.toml", "ref = \"id\"\nname = \"full_name\"\n"), file("truth.csv", "a,b\n1,2\n"));
    let twice = file("twice.csv", "ref,name\n1,Ann Bell\n1,Anne Bell\n");
    for (left, map, truth, wanted) in [
        (&left, &file("no_id.toml", "name = \"full_name\"\n"), &good.1, "no column is the id"),
        (&left, &file("field.toml", "ref = \"id\"\nname = \"nom\"\n"), &good.1, "\"nom\" is no field"),
        (&left, &file("column.toml", "ref = \"id\"\nnom = \"full_name\"\n"), &good.1, "there is no column nom"),
        (&left, &good.0, &file("other.csv", "a,b\n1,3\n"), "the id 3 is in no file of records"),
        (&twice, &good.0, &good.1, "the id 1 is there twice"),
        (&place.path().join("none.csv").display().to_string(), &good.0, &good.1, "none.csv"),
    ] {
        let output = run(&["--left", left, "--truth", truth, "--map", map]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(wanted), "{wanted}: {said}");
    }
    let output = run(&["--left", &left, "--truth", &good.1, "--map", &good.0]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 records, 1 true pairs"), "{said}");
}
