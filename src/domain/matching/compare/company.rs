//! Names of organisations.

use super::super::profile::Profile;
use super::text::{edits, likeness};

/// Shortest word in which an edit is thought to be an error, in letters.
const LONG: usize = 4;
/// Likeness of whole names from which on they share half of their words.
const SIMILAR: f64 = 0.85;

/// Equal, same words, part of the other, half of the words, one word, different. A town in one of the names tells nothing
/// where it is the town of either.
pub(super) fn level(a: &Profile, b: &Profile) -> u8 {
    if a.company.is_empty() || b.company.is_empty() {
        return 0;
    }
    let town = |word: &String| a.places.iter().chain(&b.places).any(|place| place.split(' ').any(|part| part == word));
    let bare = |words: &[String]| -> Vec<String> {
        let told: Vec<String> = words.iter().filter(|word| !town(word)).cloned().collect();
        if told.is_empty() { words.to_vec() } else { told }
    };
    of_words(&a.company, &b.company).min(of_words(&bare(&a.company), &bare(&b.company)))
}

fn of_words(a: &[String], b: &[String]) -> u8 {
    if a == b {
        return 1;
    }
    let like = |word: &String, other: &String| word == other || word.len() >= LONG && edits(word, other) <= 1;
    let within = |these: &[String], those: &[String]| {
        these.iter().filter(|word| those.iter().any(|other| like(word, other) || like(other, word))).count()
    };
    let shared = within(a, b).min(within(b, a));
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    match shared {
        shared if shared == long || shared == short && shared >= 2 => 2,
        shared if shared == short => 3,
        shared if shared * 2 >= long => 4,
        _ if likeness(&a.concat(), &b.concat()) >= SIMILAR => 4,
        0 => 6,
        _ => 5,
    }
}
