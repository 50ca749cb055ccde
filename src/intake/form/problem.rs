//! Why a submission is not taken: status, slug, code, and words for it. Nothing here writes an answer.

use std::time::Duration;

use axum::http::StatusCode;

use super::faults::FieldFault;
use super::texts::{Texts, faults};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Nothing is at that address.
    Nowhere,
    /// No form of that name.
    UnknownForm,
    /// The form is switched off.
    Inactive,
    /// Not POST.
    Method,
    /// Not POST, at a form that shows no page of its own.
    PostOnly,
    /// Not GET, at an address that only shows something.
    GetOnly,
    /// Only control fields, or nothing.
    Empty,
    /// The body is not what its type says.
    Malformed {
        /// Where or what, in English, for scripts.
        detail: String,
    },
    /// The body ended too early.
    BrokenOff,
    /// The body came too slowly.
    TooSlow,
    /// The body is larger than `limit` bytes.
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// More fields than `limit`.
    TooManyFields {
        /// Fields.
        limit: usize,
    },
    /// A field name longer than `limit` bytes.
    NameTooLong {
        /// Bytes.
        limit: usize,
    },
    /// A value longer than `limit` bytes.
    ValueTooLong {
        /// Whose value.
        field: String,
        /// Bytes.
        limit: usize,
    },
    /// All values together are longer than `limit` bytes.
    TextTooLong {
        /// Bytes.
        limit: usize,
    },
    /// Fields that are not as the form declares them. What was sent is kept in quarantine.
    Invalid {
        /// What is wrong with which; not empty.
        faults: Vec<FieldFault>,
    },
    /// The form takes no files, and nothing else was sent.
    NoFiles,
    /// Not one of the three encodings of a form.
    ContentType,
    /// A compressed body.
    ContentEncoding,
    /// Another body under a known idempotency key.
    KeyReused,
    /// The website is not on the form's list. What it sent is kept in quarantine.
    Origin,
    /// The captcha was left out. What was sent is kept in quarantine.
    CaptchaMissing,
    /// The captcha failed. What was sent is kept in quarantine.
    CaptchaFailed,
    /// The client knocks too often.
    RateLimited {
        /// Until it may knock again.
        wait: Duration,
    },
    /// The time for a whole request is over, or the daemon stops.
    Late,
    /// Too much in hand at present.
    Busy,
    /// Nothing can be written down at present.
    Unavailable,
}

impl Why {
    /// Status and slug.
    #[must_use]
    pub const fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Nowhere => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownForm => (StatusCode::NOT_FOUND, "form_not_found"),
            Self::Inactive => (StatusCode::GONE, "inactive"),
            Self::Method | Self::PostOnly | Self::GetOnly => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Empty => (StatusCode::BAD_REQUEST, "empty"),
            Self::Malformed { .. } | Self::BrokenOff => (StatusCode::BAD_REQUEST, "malformed"),
            Self::NoFiles => (StatusCode::BAD_REQUEST, "no_file_uploads"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooManyFields { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_many_fields"),
            Self::NameTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "name_too_long"),
            Self::ValueTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "value_too_long"),
            Self::TextTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "text_too_long"),
            Self::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields"),
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type"),
            Self::ContentEncoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin_refused"),
            Self::CaptchaMissing => (StatusCode::FORBIDDEN, "captcha_missing"),
            Self::CaptchaFailed => (StatusCode::FORBIDDEN, "captcha_failed"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::Late => (StatusCode::SERVICE_UNAVAILABLE, "too_slow"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// Code of the single entry of `errors`; the names that form libraries know where there is one.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownForm => "FORM_NOT_FOUND",
            Self::Nowhere => "NOT_FOUND",
            Self::Inactive => "INACTIVE",
            Self::Empty => "EMPTY",
            Self::NoFiles => "NO_FILE_UPLOADS",
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::TooManyFields { .. } => "TOO_MANY_FIELDS",
            Self::Invalid { .. } => "INVALID_FIELDS",
            Self::NameTooLong { .. } | Self::ValueTooLong { .. } | Self::TextTooLong { .. } => "TOO_LONG",
            Self::Origin | Self::CaptchaMissing | Self::CaptchaFailed | Self::RateLimited { .. } => "BLOCKED",
            Self::Malformed { .. } | Self::BrokenOff | Self::TooSlow => "MALFORMED",
            Self::Method
            | Self::PostOnly
            | Self::GetOnly
            | Self::ContentType
            | Self::ContentEncoding
            | Self::KeyReused => "INVALID_REQUEST",
            Self::Late | Self::Busy | Self::Unavailable => "TRY_AGAIN",
        }
    }

    /// What became of the message, in a few words: what only lacks a captcha is kept.
    #[must_use]
    pub const fn title(&self, texts: &Texts) -> &'static str {
        match self {
            Self::CaptchaMissing | Self::CaptchaFailed => texts.unconfirmed,
            Self::Nowhere => texts.problems.nothing_here,
            _ => texts.problem,
        }
    }

    /// The same for a page that somebody only wanted to see: nothing was sent.
    #[must_use]
    pub fn title_when_opened(&self, texts: &Texts) -> &'static str {
        match self {
            Self::Inactive => texts.no_form.trim_end_matches('.'),
            _ => texts.problems.nothing_here,
        }
    }

    /// What is wrong, one entry for each fault: code, field, and what to do in the visitor's language.
    #[must_use]
    pub fn errors(&self, texts: &Texts) -> Vec<(&'static str, Option<&str>, String)> {
        match self {
            Self::Invalid { faults: found } => {
                let words = faults::of(texts.lang);
                let each = found.iter();
                each.map(|f| (f.fault.code(), Some(f.field.as_str()), f.fault.words(words, &f.field))).collect()
            }
            _ => vec![(self.code(), self.field(), self.words(texts))],
        }
    }

    /// Where or what, in English: for who writes a script, no word for visitors.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        if let Self::Malformed { detail } = self { Some(detail) } else { None }
    }

    /// The field at fault.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::ValueTooLong { field, .. } => Some(field),
            _ => None,
        }
    }

    /// Whole seconds after which to try again, at least 1.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { wait } => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())),
            Self::Late => Some(5),
            Self::Busy => Some(1),
            Self::Unavailable => Some(10),
            _ => None,
        }
    }

    /// One or two plain sentences in the visitor's language: what is wrong and what to do.
    #[must_use]
    pub fn words(&self, texts: &Texts) -> String {
        let p = &texts.problems;
        match self {
            Self::Nowhere => p.check_address.to_owned(),
            Self::UnknownForm => p.unknown_form.to_owned(),
            Self::Inactive => p.inactive.to_owned(),
            Self::Method => p.method.to_owned(),
            Self::PostOnly => p.post_only.to_owned(),
            Self::GetOnly => p.get_only.to_owned(),
            Self::Empty => p.empty.to_owned(),
            Self::Malformed { .. } => p.malformed.to_owned(),
            Self::BrokenOff => p.broken_off.to_owned(),
            Self::TooSlow => p.too_slow.to_owned(),
            Self::TooLarge { limit } => p.too_large.replace("{limit}", &faults::of(texts.lang).size(*limit)),
            Self::TooManyFields { limit } => p.too_many_fields.replace("{limit}", &limit.to_string()),
            Self::NameTooLong { limit } => p.name_too_long.replace("{limit}", &limit.to_string()),
            Self::ValueTooLong { field, limit } => {
                p.value_too_long.replace("{limit}", &limit.to_string()).replace("{field}", field)
            }
            Self::TextTooLong { limit } => p.text_too_long.replace("{limit}", &faults::of(texts.lang).size(*limit)),
            Self::Invalid { faults: found } => {
                let texts = faults::of(texts.lang);
                let each = found.iter().map(|fault| fault.fault.words(texts, &fault.field));
                std::iter::once(texts.invalid.to_owned()).chain(each).collect::<Vec<_>>().join(" ")
            }
            Self::NoFiles => p.no_files.to_owned(),
            Self::ContentType => p.content_type.to_owned(),
            Self::ContentEncoding => p.content_encoding.to_owned(),
            Self::KeyReused => p.key_reused.to_owned(),
            Self::Origin => p.origin.to_owned(),
            Self::CaptchaMissing => p.captcha_missing.to_owned(),
            Self::CaptchaFailed => p.captcha_failed.to_owned(),
            Self::RateLimited { .. } => {
                p.rate_limited.replace("{seconds}", &self.retry_after().unwrap_or(1).to_string())
            }
            Self::Late => p.late.to_owned(),
            Self::Busy => p.busy.to_owned(),
            Self::Unavailable => p.unavailable.to_owned(),
        }
    }
}
