//! Blocking keys of a profile: what two records must share, one of many, before they are compared.
//!
//! Invariants:
//! - a key is made from normalised values only, so the keys of a record contain those of the same record normalised again;
//! - none of these keys proves anything: they find whom to compare with. Those that prove something are made from the
//!   enquiry itself, beside this.

use super::phonetic::codes;
use super::profile::{Mailbox, Profile};
use super::{KeyKind, MatchKey};

/// Shortest local part of an address that is a key by itself, in letters.
const LOCAL: usize = 6;
/// Shortest local part without digits and dots that is a key by itself, in letters.
const LETTERS: usize = 5;
/// Shortest sound that is a key by itself.
const SOUND: usize = 2;
/// Fewest consonants of a whole name that tell it.
const BONES: usize = 4;
/// Shortest word of a street that tells it.
const STREET_WORD: usize = 4;
/// Shortest word of a company's name that tells it.
const COMPANY_WORD: usize = 3;
/// So many digits at the end of a number tell it without its country.
const PHONE_END: usize = 8;

/// Keys by which records like this one are found, sorted, each once.
#[must_use]
pub fn blocking(profile: &Profile) -> Vec<MatchKey> {
    let mut keys = Keys(Vec::with_capacity(48));
    for mailbox in profile.emails.iter().filter(|mailbox| !mailbox.shared) {
        keys.email(mailbox);
    }
    for phone in &profile.phones {
        if let Some(end) = phone.len().checked_sub(PHONE_END).and_then(|from| phone.get(from..)) {
            keys.add(KeyKind::PhoneEnd, &[end]);
        }
    }
    for number in &profile.numbers {
        keys.add(KeyKind::Number, &[number]);
    }
    if let Some(born) = &profile.born {
        keys.add(KeyKind::Birthday, &[&born.digits]);
    }
    keys.names(profile);
    keys.places(profile);
    keys.company(profile);
    let Keys(mut keys) = keys;
    keys.sort_unstable();
    keys.dedup();
    keys
}

struct Keys(Vec<MatchKey>);

impl Keys {
    fn add(&mut self, kind: KeyKind, parts: &[&str]) {
        self.0.push(match parts {
            [one] => MatchKey::of(kind, one),
            parts => MatchKey::of(kind, &parts.join("\n")),
        });
    }

    fn email(&mut self, mailbox: &Mailbox) {
        let (local, domain) = (mailbox.local.as_str(), mailbox.domain.as_str());
        let letters: String = local.chars().filter(|c| c.is_alphabetic()).collect();
        if local.len() >= LOCAL {
            self.add(KeyKind::LocalPart, &[local]);
        }
        if letters.len() >= LETTERS {
            self.add(KeyKind::LocalLetters, &[&letters]);
            self.add(KeyKind::DomainLocal, &[domain, &starts(&letters, 3)]);
        }
        if !domain.is_empty() {
            let host: String = domain.chars().filter(|c| c.is_alphabetic()).take(4).collect();
            self.add(KeyKind::InitialDomain, &[&starts(local, 1), &host]);
        }
    }

    fn names(&mut self, profile: &Profile) {
        if let (Some(given), Some(surname)) = (&profile.given, &profile.surname) {
            // Of a compound surname each word is one that she may have had before, or has kept.
            let words = if surname.text.contains(' ') { surname.text.split(' ') } else { "".split(' ') };
            let sounds: Vec<String> = surname.codes.iter().cloned().chain(words.flat_map(codes)).collect();
            for (a, b) in given.codes.iter().flat_map(|a| sounds.iter().map(move |b| (a, b))) {
                self.add(KeyKind::SoundPair, &[a.min(b), a.max(b)]);
            }
            let (a, b) = (given.consonants(), surname.consonants());
            if a.len() + b.len() >= BONES {
                self.add(KeyKind::NameBones, &[(&a).min(&b), (&a).max(&b)]);
            }
            let (a, b) = (starts(&given.text, 3), starts(&surname.text, 3));
            self.add(KeyKind::NameStarts, &[(&a).min(&b), (&a).max(&b)]);
        }
        for sound in [&profile.given, &profile.surname].into_iter().flatten().flat_map(|name| &name.codes) {
            if sound.len() >= SOUND {
                self.add(KeyKind::Sound, &[sound]);
            }
            if let Some(postcode) = &profile.postcode {
                self.add(KeyKind::SoundPostcode, &[sound, postcode]);
            }
            for place in &profile.places {
                self.add(KeyKind::SoundPlace, &[sound, &starts(place, 4)]);
            }
            if let Some(house) = &profile.house {
                self.add(KeyKind::SoundHouse, &[sound, house]);
            }
            if let Some((year, day)) = profile.born.as_ref().and_then(|born| born.digits.split_at_checked(4)) {
                self.add(KeyKind::SoundYear, &[sound, year]);
                self.add(KeyKind::SoundDay, &[sound, day]);
            }
        }
    }

    fn places(&mut self, profile: &Profile) {
        for word in profile.street.iter().filter(|word| word.len() >= STREET_WORD) {
            let word = starts(word, 5);
            if let Some(house) = &profile.house {
                self.add(KeyKind::StreetHouse, &[&word, house]);
            }
            if let Some(postcode) = &profile.postcode {
                self.add(KeyKind::StreetPostcode, &[&word, postcode]);
            }
        }
    }

    fn company(&mut self, profile: &Profile) {
        for word in profile.company.iter().filter(|word| word.len() >= COMPANY_WORD) {
            self.add(KeyKind::CompanyWord, &[word]);
        }
        if !profile.company.is_empty() {
            self.add(KeyKind::CompanyWords, &[&profile.company.join(" ")]);
        }
    }
}

/// The first letters, blanks left out.
fn starts(text: &str, letters: usize) -> String {
    text.chars().filter(|c| *c != ' ').take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::super::profile::Fact;
    use super::*;

    fn of(facts: &[(Fact, &str)]) -> Vec<MatchKey> {
        blocking(&Profile::of(facts.iter().copied()))
    }

    #[test]
    fn records_of_one_person_share_a_key_whatever_was_mistyped() {
        use Fact::{City, Company, DateOfBirth, Email, FirstName, LastName, Phone, Postcode, Street};
        let known = of(&[
            (FirstName, "Jean"),
            (LastName, "Gauthier"),
            (Email, "jean.gauthier7@kovo.fr"),
            (Phone, "+33 6 12 34 56 78"),
            (DateOfBirth, "1971-06-24"),
            (Street, "12 rue Lepic"),
            (City, "Paris"),
            (Postcode, "75018"),
            (Company, "Kovo Table SARL"),
        ]);
        for (other, why) in [
            (vec![(FirstName, "Gautier"), (LastName, "Jean")], "names crossed and mistyped"),
            (vec![(Email, "jean.gauthier7@seznam.cz")], "another provider"),
            (vec![(Email, "jeangauthier@kovo.fr")], "dots and digits"),
            (vec![(Phone, "06 12 34 56 78")], "the country is not known"),
            (vec![(LastName, "Gauthier"), (City, "Paris 18e")], "no given name"),
            (vec![(FirstName, "Jean"), (DateOfBirth, "1971-01-01")], "the year and the name"),
            (vec![(FirstName, "Jean"), (LastName, "Gaultier")], "letters that are silent"),
            (vec![(FirstName, "Jean"), (LastName, "Renoir-Gauthier")], "a compound name"),
            (vec![(Street, "12, r. Lepic")], "the house"),
            (vec![(Company, "KOVO")], "part of the company's name"),
        ] {
            assert!(of(&other).iter().any(|key| known.contains(key)), "{why}: {other:?}");
        }
        assert!(!of(&[(FirstName, "Eve"), (LastName, "Moor")]).iter().any(|key| known.contains(key)));
    }
}
