//! Names of people.

use super::super::given_names::are_two;
use super::super::nicknames::same_nickname;
use super::super::profile::{Name, Profile};
use super::text;

/// What is said of two people's names.
pub(super) struct Names {
    pub(super) given: u8,
    pub(super) surname: u8,
    pub(super) crossed: u8,
}

impl Names {
    /// Given name and surname are those of one person.
    pub(super) const fn agree(&self) -> bool {
        matches!((self.given, self.surname), (1..=4, 1..=4))
    }
}

/// Shortest word of a compound name that stands for it, in letters.
const PART: usize = 3;
/// Names that French compound names begin with.
const HEADS: [&str; 4] = ["jean", "marie", "anne", "pierre"];
/// The level of names that are hardly alike.
const FAR: u8 = 6;
/// The level of two names.
const OTHER: u8 = 7;
/// The level from which on an email says nothing of a name that it was made from.
const OTHER_EMAIL: u8 = 5;
/// Shortest name that is looked for in an address, in letters.
const LOOKED_FOR: usize = 4;
/// Shortest name without vowels in which an edit is thought to be an error, in letters.
const LONG: usize = 6;
/// How much better names must fit in each other's place to be thought crossed.
const MARGIN: f64 = 1.5;

/// Levels of the names, each in its own place or, where that fits far better, in the other's. A name that only one side
/// has is looked for in the address of the other, unless the addresses are compared already.
pub(super) fn levels(a: &Profile, b: &Profile, email: u8) -> Names {
    let level = |x: &Option<Name>, y: &Option<Name>| x.as_ref().zip(y.as_ref()).map_or(0, |(x, y)| of_names(x, y));
    let (given, surname) = (of_given(a, b, level(&a.given, &b.given)), level(&a.surname, &b.surname));
    let (across, back) = (level(&a.given, &b.surname), level(&a.surname, &b.given));
    let fits = |level: u8| (1..=4).contains(&level);
    if closeness(across) + closeness(back) > closeness(given) + closeness(surname) + MARGIN
        && (fits(across) || fits(back))
    {
        // Which of the two is called the given name must not depend on the side.
        let (given, surname) =
            if a.given.is_some() && b.given.is_some() { ordered(across, back) } else { (across.max(back), 0) };
        return Names { given, surname, crossed: 1 };
    }
    let straight = if given > 0 || surname > 0 { 2 } else { 0 };
    let mailed = |level: u8, x: &Option<Name>, y: &Option<Name>| match level {
        0 if email == 0 || (OTHER_EMAIL..super::email::SHARED).contains(&email) => {
            in_email(x.as_ref(), y.as_ref(), b).max(in_email(y.as_ref(), x.as_ref(), a))
        }
        level => level,
    };
    Names {
        given: mailed(given, &a.given, &b.given),
        surname: mailed(surname, &a.surname, &b.surname),
        crossed: straight,
    }
}

fn ordered(a: u8, b: u8) -> (u8, u8) {
    if a <= b { (a, b) } else { (b, a) }
}

/// A name that the other side lacks is part of its address (8), or is not (9); 0 where that cannot be asked.
fn in_email(name: Option<&Name>, other: Option<&Name>, of: &Profile) -> u8 {
    let Some(name) = name.filter(|name| other.is_none() && name.text.len() >= LOOKED_FOR) else { return 0 };
    if of.emails.is_empty() {
        return 0;
    }
    if of.emails.iter().any(|mailbox| mailbox.local.contains(&name.text)) { 8 } else { 9 }
}

/// Two names that parents choose are two, however alike they are, and Jean-Pierre is neither Jean nor Pierre.
fn of_given(a: &Profile, b: &Profile, level: u8) -> u8 {
    let Some((a, b)) = a.given.as_ref().zip(b.given.as_ref()).filter(|_| level > 1) else { return level };
    if are_two(&a.text, &b.text) && !same_nickname(&a.text, &b.text) {
        OTHER
    } else if in_compound(&a.text, &b.text) || in_compound(&b.text, &a.text) {
        level.max(FAR)
    } else {
        level
    }
}

/// One is a word of the other, which is another name: any but the first word, and that one, too, in French names.
fn in_compound(word: &str, compound: &str) -> bool {
    let Some((first, rest)) = compound.split_once(' ') else { return false };
    word == rest || word == first && HEADS.contains(&first)
}

/// Names written without vowels: the same, or spellings of one, or others. A letter makes another name of them.
fn of_bones(a: &Name, b: &Name) -> u8 {
    match (&a.bones, &b.bones) {
        _ if a.text == b.text => 1,
        (Some(_), Some(_)) if a.text.len().min(b.text.len()) >= LONG && text::edits(&a.text, &b.text) <= 1 => 2,
        (Some(_), Some(_)) => 7,
        _ if same_nickname(&a.text, &b.text) => 3,
        _ => {
            let (a, b) = (a.consonants(), b.consonants());
            if a == b && a.len() >= 2 { 3 } else { 7 }
        }
    }
}

/// Short forms, spellings and errors of names.
fn of_names(a: &Name, b: &Name) -> u8 {
    if a.bones.is_some() || b.bones.is_some() {
        return of_bones(a, b);
    }
    let (shape, contains) = (text::level(&a.text, &b.text), a.text.starts_with(&b.text) || b.text.starts_with(&a.text));
    match shape {
        1 | 2 => shape,
        3 => 3,
        _ if same_nickname(&a.text, &b.text) => 3,
        _ if contains || part_of(&a.text, &b.text) || a.codes.iter().any(|code| b.codes.contains(code)) => 4,
        4 => 5,
        5 => 6,
        _ => 7,
    }
}

/// One is a word of the other, or its initials: Martin and Dupont-Martin, JP and Jean-Pierre.
fn part_of(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let initials = || long.split(' ').filter_map(|word| word.chars().next()).eq(short.chars());
    long.contains(' ') && (short.len() >= PART && long.split(' ').any(|word| word == short) || initials())
}

/// What a level is worth where it is asked which names belong together.
fn closeness(level: u8) -> f64 {
    match level {
        1 => 4.0,
        2 => 3.2,
        3 => 2.8,
        4 => 2.0,
        5 => 1.0,
        0 | 6 => 0.0,
        _ => -1.0,
    }
}
