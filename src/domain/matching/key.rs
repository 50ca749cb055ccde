//! Blocking keys: what records must share to be compared.

use serde::{Deserialize, Serialize};

/// Kind of a blocking key. Numbers are stored and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Canonical personal email: exclusive.
    Email = 1,
    /// E.164 phone.
    Phone = 3,
    /// Registration number with a valid checksum: exclusive for organisations.
    Registration = 5,
    /// Registrable domain of an organisation.
    Domain = 6,
    /// Company name without legal form, tokens sorted.
    Company = 12,
    /// Id of a request at the system that passed it on: finds what was sent before, proves no person alone.
    Request = 18,
    /// Role or shared email: finds candidates, proves nothing alone.
    SharedEmail = 17,
    /// Local part of an email.
    LocalPart = 2,
    /// The last digits of a phone: its country is not known.
    PhoneEnd = 4,
    /// Sounds of given name and surname, sorted.
    SoundPair = 7,
    /// Domain of an email and the start of its local part.
    DomainLocal = 8,
    /// Sound of a name, and the postcode.
    SoundPostcode = 9,
    /// Starts of given name and surname, sorted.
    NameStarts = 10,
    /// One word of a company's name.
    CompanyWord = 13,
    /// Local part of an email without digits and dots.
    LocalLetters = 16,
    /// A number that a person has alone.
    Number = 19,
    /// Sound of a name, and the year of birth.
    SoundYear = 20,
    /// Sound of a name, and the start of the town.
    SoundPlace = 21,
    /// Sound of a name, and the number of the house.
    SoundHouse = 22,
    /// Date of birth.
    Birthday = 23,
    /// Sound of a name, and month and day of birth.
    SoundDay = 24,
    /// Start of a word of the street, and the number of the house.
    StreetHouse = 25,
    /// Start of a word of the street, and the postcode.
    StreetPostcode = 26,
    /// Sound of a name.
    Sound = 27,
    /// First letter of an email and the start of its domain.
    InitialDomain = 28,
    /// Words of a company's name that tell it.
    CompanyWords = 29,
    /// Consonants of given name and surname, sorted: the same in Persian and in Latin letters.
    NameBones = 30,
}

impl KeyKind {
    /// The stored number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// The kind a stored number names.
    #[must_use]
    pub const fn from_number(n: i64) -> Option<Self> {
        Some(match n {
            1 => Self::Email,
            3 => Self::Phone,
            5 => Self::Registration,
            6 => Self::Domain,
            12 => Self::Company,
            17 => Self::SharedEmail,
            18 => Self::Request,
            2 => Self::LocalPart,
            4 => Self::PhoneEnd,
            7 => Self::SoundPair,
            8 => Self::DomainLocal,
            9 => Self::SoundPostcode,
            10 => Self::NameStarts,
            13 => Self::CompanyWord,
            16 => Self::LocalLetters,
            19 => Self::Number,
            20 => Self::SoundYear,
            21 => Self::SoundPlace,
            22 => Self::SoundHouse,
            23 => Self::Birthday,
            24 => Self::SoundDay,
            25 => Self::StreetHouse,
            26 => Self::StreetPostcode,
            27 => Self::Sound,
            28 => Self::InitialDomain,
            29 => Self::CompanyWords,
            30 => Self::NameBones,
            _ => return None,
        })
    }

    /// The word printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Registration => "registration",
            Self::Domain => "domain",
            Self::Company => "company",
            Self::Request => "request",
            Self::SharedEmail => "shared_email",
            Self::LocalPart => "local_part",
            Self::PhoneEnd => "phone_end",
            Self::SoundPair => "sound_pair",
            Self::DomainLocal => "domain_local",
            Self::SoundPostcode => "sound_postcode",
            Self::NameStarts => "name_starts",
            Self::CompanyWord => "company_word",
            Self::LocalLetters => "local_letters",
            Self::Number => "number",
            Self::SoundYear => "sound_year",
            Self::SoundPlace => "sound_place",
            Self::SoundHouse => "sound_house",
            Self::Birthday => "birthday",
            Self::SoundDay => "sound_day",
            Self::StreetHouse => "street_house",
            Self::StreetPostcode => "street_postcode",
            Self::Sound => "sound",
            Self::InitialDomain => "initial_domain",
            Self::CompanyWords => "company_words",
            Self::NameBones => "name_bones",
        }
    }

    /// It proves nothing: it only finds whom to compare with.
    #[must_use]
    pub const fn is_search(self) -> bool {
        !matches!(
            self,
            Self::Email
                | Self::Phone
                | Self::Registration
                | Self::Domain
                | Self::Company
                | Self::SharedEmail
                | Self::Request
        )
    }

    /// Two arrivals with this key in common may be one person or organisation by that alone,
    /// so their commits exclude each other.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        matches!(self, Self::Email | Self::Phone | Self::Registration | Self::Request)
    }

    /// So many records may carry it that it tells nothing any more: a switchboard's number, a shared mailbox, a company
    /// name. A personal email never: however many records it has, they are that person's.
    #[must_use]
    pub const fn can_be_generic(self) -> bool {
        !matches!(self, Self::Email)
    }

    /// It tells an organisation, not a person.
    #[must_use]
    pub const fn is_corporate(self) -> bool {
        matches!(self, Self::Registration | Self::Domain | Self::Company)
    }
}

/// A blocking key: kind and xxh3-64 of the normalised value, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchKey {
    /// Kind.
    pub kind: KeyKind,
    /// Hash of the normalised value.
    pub hash: i64,
}

impl MatchKey {
    /// Key of `value`, which must be normalised already.
    #[must_use]
    pub fn of(kind: KeyKind, value: &str) -> Self {
        Self { kind, hash: xxhash_rust::xxh3::xxh3_64(value.as_bytes()).cast_signed() }
    }
}
