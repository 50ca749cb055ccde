//! Whatever a folder holds, the answer is a rule set or diagnostics, never a panic.

use pisteur::domain::rules::{RuleSet, RuleSources, diagnostics};

use super::fixtures::{Arrival, declared, folder};
use super::shipped;

/// A small generator with a fixed seed (xorshift64*), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides.max(1)
    }
}

fn survive(sources: &RuleSources) -> bool {
    match RuleSet::compile(sources, &declared()) {
        Ok(compiled) => {
            let _shown = diagnostics::render(&compiled.diagnostics, sources, false);
            let arrival = Arrival::mail("Demande de devis", "250 pièces pour 69003").postcode("69003");
            let _run = compiled.rules.evaluate(&arrival.facts(), super::fixtures::NOW);
            true
        }
        Err(found) => {
            assert!(!found.is_empty());
            let _shown = diagnostics::render(&found, sources, true);
            false
        }
    }
}

fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let pieces: [&[u8]; 14] = [
        b"'",
        b"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b".",
        b"\n",
        b"\0",
        b"\xff",
        b"99999999999999999999",
        "é".as_bytes(),
        b"when.",
    ];
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(4) {
            0 => drop(bytes.splice(at..at, pieces[dice.roll(pieces.len())].iter().copied())),
            1 => drop(bytes.drain(at..(at + dice.roll(12)).min(bytes.len()))),
            2 => bytes.truncate(at.max(bytes.len() / 2)),
            _ => {
                let from = dice.roll(bytes.len() + 1);
                let piece = bytes[from..(from + dice.roll(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn mutated_folders_give_diagnostics_and_never_panic() {
    let shipped = shipped::sources();
    let names: Vec<String> = shipped.files.keys().cloned().collect();
    let mut dice = Dice(0x00C0_FFEE);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..600 {
        let mut sources = shipped.clone();
        let name = &names[dice.roll(names.len())];
        let text = mutate(&sources.files[name], &mut dice);
        sources.files.insert(name.clone(), text);
        if survive(&sources) { good += 1 } else { bad += 1 }
    }
    assert!(bad > 100 && good > 10, "{good} {bad}");
}

#[test]
fn files_of_one_kind_under_the_name_of_another_are_diagnosed() {
    let shipped = shipped::sources();
    for a in shipped.files.keys() {
        for b in shipped.files.values() {
            let mut sources = shipped.clone();
            sources.files.insert(a.clone(), b.clone());
            survive(&sources);
        }
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let dotted = format!("when.{}x = 1", "a.".repeat(100_000));
    let nested = format!("when.any = {}", "[{any=".repeat(5_000));
    let inline = format!("when = {}", "{ a.b.c.d.e.f.g.h = ".repeat(70));
    let wide = format!("when = {{ {} = 1 }}", vec!["a"; 70].join("."));
    let deep_inline = format!("when = {}1{}", format!("{{ {} = ", vec!["a"; 70].join(".")).repeat(70), "}".repeat(70));
    let regex = format!("when.text = {{ regex = '{}x{}' }}", "(".repeat(10_000), ")".repeat(10_000));
    let words = format!("when.text = {{ any_word = [{}] }}", "\"word\",".repeat(20_000));
    for body in [dotted, nested, inline, wide, deep_inline, regex, words] {
        survive(&folder(&[("30-classify.toml", &format!("[[rule]]\nid = \"r\"\n{body}\nthen.create = \"lead\"\n"))]));
    }
    survive(&folder(&[("lists/big.txt", &"x\n".repeat(600_000))]));
    survive(&folder(&[("30-classify.toml", &" ".repeat(5_000_000))]));
}

#[test]
fn an_empty_folder_is_refused() {
    assert!(!survive(&RuleSources::default()));
}
