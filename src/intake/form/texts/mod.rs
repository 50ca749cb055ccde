//! Every sentence a visitor may read, in the four languages of the house.

mod cs;
mod en;
mod fa;
pub mod faults;
mod fr;

/// A language of our pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Czech.
    Cs,
    /// Persian.
    Fa,
}

impl Language {
    /// In the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Fr, Self::En, Self::Cs, Self::Fa];

    /// ISO 639-1 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Cs => "cs",
            Self::Fa => "fa",
        }
    }

    /// Its own name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fr => "Français",
            Self::Cs => "Čeština",
            Self::Fa => "فارسی",
        }
    }

    /// The language of a tag such as `fr` or `fr-CA`, if it is one of ours.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| language.code() == primary)
    }

    /// The language an `Accept-Language` header likes best among ours (RFC 9110 section 12.5.4).
    #[must_use]
    pub fn of_header(header: &str) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        for item in header.split(',').take(50) {
            let mut parts = item.split(';');
            let Some(language) = Self::of_tag(parts.next().unwrap_or_default()) else { continue };
            let weight =
                parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()).unwrap_or(1.0);
            if !(weight > 0.0 && weight <= 1.0) {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
            let weight = (weight * 1000.0) as u32;
            if best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// Its texts.
    #[must_use]
    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &en::TEXTS,
            Self::Fr => &fr::TEXTS,
            Self::Cs => &cs::TEXTS,
            Self::Fa => &fa::TEXTS,
        }
    }
}

/// The texts of one language. `{..}` is filled in.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "the names say where each text stands")]
pub struct Texts {
    pub lang: &'static str,
    pub dir: &'static str,
    pub heading: &'static str,
    pub intro: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    pub phone: &'static str,
    pub company: &'static str,
    pub message: &'static str,
    pub postcode: &'static str,
    pub budget: &'static str,
    pub send: &'static str,
    pub no_form: &'static str,
    pub languages: &'static str,
    pub thanks: &'static str,
    pub thanks_more: &'static str,
    pub back: &'static str,
    pub another: &'static str,
    pub problem: &'static str,
    pub unconfirmed: &'static str,
    pub kept: &'static str,
    pub send_again: &'static str,
    pub reference: &'static str,
    pub required_note: &'static str,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub mobile: &'static str,
    pub job_title: &'static str,
    pub website: &'static str,
    pub street: &'static str,
    pub city: &'static str,
    pub country: &'static str,
    pub topic: &'static str,
    pub product: &'static str,
    pub quantity: &'static str,
    pub consent: &'static str,
    pub files: &'static str,
    pub files_again: &'static str,
    pub choose: &'static str,
    pub leave_empty: &'static str,
    pub captcha: &'static str,
    pub captcha_service: &'static str,
    pub captcha_waits: &'static str,
    pub sending: &'static str,
    pub field_required: &'static str,
    pub field_tick: &'static str,
    pub field_email: &'static str,
    pub field_invalid: &'static str,
    pub go_back: &'static str,
    pub site: SiteTexts,
    pub operator: OperatorTexts,
    pub problems: Problems,
}

/// How the form comes onto a website.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "the names say where each text stands")]
pub struct SiteTexts {
    pub heading: &'static str,
    pub link: &'static str,
    pub plain: &'static str,
    pub script: &'static str,
    pub frame: &'static str,
    pub more: &'static str,
}

/// What the landing page tells the operator to try.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "the names say where each text stands")]
pub struct OperatorTexts {
    pub heading: &'static str,
    pub post: &'static str,
    pub mail: &'static str,
    pub see: &'static str,
    pub rules: &'static str,
    pub health: &'static str,
}

/// One text per reason of refusal.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "the names are those of the reasons")]
pub struct Problems {
    pub nothing_here: &'static str,
    pub check_address: &'static str,
    pub unknown_form: &'static str,
    pub inactive: &'static str,
    pub method: &'static str,
    pub post_only: &'static str,
    pub get_only: &'static str,
    pub empty: &'static str,
    pub malformed: &'static str,
    pub broken_off: &'static str,
    pub too_slow: &'static str,
    pub too_large: &'static str,
    pub too_many_fields: &'static str,
    pub name_too_long: &'static str,
    pub value_too_long: &'static str,
    pub text_too_long: &'static str,
    pub no_files: &'static str,
    pub content_type: &'static str,
    pub content_encoding: &'static str,
    pub key_reused: &'static str,
    pub origin: &'static str,
    pub captcha_missing: &'static str,
    pub captcha_failed: &'static str,
    pub rate_limited: &'static str,
    pub late: &'static str,
    pub busy: &'static str,
    pub unavailable: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_liked_best_is_taken() {
        let cases = [
            ("fr-CA,fr;q=0.9,en;q=0.8", Some(Language::Fr)),
            ("de, cs;q=0.5, en;q=0.4", Some(Language::Cs)),
            ("en;q=0.1, fa;q=0.2", Some(Language::Fa)),
            ("de, *;q=0.5", None),
            ("fr;q=0, en;q=nonsense", Some(Language::En)),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(Language::of_header(header), expected, "{header}");
        }
    }

    #[test]
    fn every_language_fills_in_the_same_places() {
        let places = |texts: &Texts| {
            let problems = serde_json::to_value(&texts.problems).unwrap();
            let of = |text: &str| ["{limit}", "{field}", "{seconds}", "{detail}"].map(|place| text.contains(place));
            problems.as_object().unwrap().values().map(|v| of(v.as_str().unwrap())).collect::<Vec<_>>()
        };
        for language in Language::ALL {
            assert_eq!(places(language.texts()), places(Language::En.texts()), "{language:?}");
            assert_eq!(language.texts().lang, language.code());
            assert!(language.texts().captcha_service.contains("{service}"));
        }
    }
}
