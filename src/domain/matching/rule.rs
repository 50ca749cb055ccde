//! What a verdict on one record rests on before, or above, what counting says.

use serde::{Deserialize, Serialize};

/// The rule that gave a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One personal email, and names that do not contradict.
    Email,
    /// One personal email and names that contradict.
    EmailOtherName,
    /// One number and an agreeing surname.
    PhoneSurname,
    /// One number without an agreeing name.
    PhoneAlone,
    /// One request of one sender, and something of the person beside it.
    Request,
    /// Said to be one request, but about another person.
    RequestOtherPerson,
    /// One id of a request and nothing beside it.
    RequestAlone,
    /// An address of a domain for examples.
    Reserved,
    /// The same, and another name.
    ReservedOtherName,
    /// A throw-away address.
    Disposable,
    /// The same, and another name.
    DisposableOtherName,
    /// A mailbox that several people read.
    SharedMailbox,
    /// The same, and another name.
    SharedMailboxOtherName,
    /// Only the organisation is in common.
    OrganisationOnly,
    /// A rule says the same person, born on another day.
    BornOtherwise,
    /// A rule says the same person, and they may be relatives.
    MayBeRelatives,
    /// Everything counted, it is the same.
    Counted,
    /// Very like this one and very like another one.
    TwoAlike,
    /// Much in common, and a contradiction.
    Contradicted,
    /// Much in common, not enough.
    NotEnough,
    /// The closest one there is, and too little in common.
    Unlike,
    /// A person called it and the one that matches better two.
    NotThis,
    /// This one or another one, which a person called two.
    Either,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 23] = [
        Self::Email,
        Self::EmailOtherName,
        Self::PhoneSurname,
        Self::PhoneAlone,
        Self::Request,
        Self::RequestOtherPerson,
        Self::RequestAlone,
        Self::Reserved,
        Self::ReservedOtherName,
        Self::Disposable,
        Self::DisposableOtherName,
        Self::SharedMailbox,
        Self::SharedMailboxOtherName,
        Self::OrganisationOnly,
        Self::BornOtherwise,
        Self::MayBeRelatives,
        Self::Counted,
        Self::TwoAlike,
        Self::Contradicted,
        Self::NotEnough,
        Self::Unlike,
        Self::NotThis,
        Self::Either,
    ];

    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::EmailOtherName => "email_other_name",
            Self::PhoneSurname => "phone_surname",
            Self::PhoneAlone => "phone_alone",
            Self::Request => "request",
            Self::RequestOtherPerson => "request_other_person",
            Self::RequestAlone => "request_alone",
            Self::Reserved => "reserved",
            Self::ReservedOtherName => "reserved_other_name",
            Self::Disposable => "disposable",
            Self::DisposableOtherName => "disposable_other_name",
            Self::SharedMailbox => "shared_mailbox",
            Self::SharedMailboxOtherName => "shared_mailbox_other_name",
            Self::OrganisationOnly => "organisation_only",
            Self::BornOtherwise => "born_otherwise",
            Self::MayBeRelatives => "may_be_relatives",
            Self::Counted => "counted",
            Self::TwoAlike => "two_alike",
            Self::Contradicted => "contradicted",
            Self::NotEnough => "not_enough",
            Self::Unlike => "unlike",
            Self::NotThis => "not_this",
            Self::Either => "either",
        }
    }
}
