//! How much of what comes to each form is taken. When hardly anything is, somebody should look: a captcha set wrongly
//! turns every visitor away, a flood of spam hides them.

use std::time::Instant;

use crate::clock::Timestamp;
use crate::telemetry::lately::{Count, Lately};
use crate::telemetry::seldom::Seldom;

/// Fewest submissions from which anything can be told.
const FEWEST: u32 = 20;
/// Fewest taken out of a hundred.
const LEAST_PERCENT: u32 = 20;

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is on its way to a record.
    Taken,
    /// It waits in quarantine because of what it is.
    Held,
    /// It waits because its form takes too much.
    FormOverflow,
    /// It waits because all forms together take too much.
    Overflow,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    taken: u32,
    held: u32,
    over_form: u32,
    over_all: u32,
}

impl Count for Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            taken: self.taken.saturating_add(other.taken),
            held: self.held.saturating_add(other.held),
            over_form: self.over_form.saturating_add(other.over_form),
            over_all: self.over_all.saturating_add(other.over_all),
        }
    }
}

impl Counts {
    /// One submission with this fate.
    fn one(fate: Fate) -> Self {
        let none = Self::default();
        match fate {
            Fate::Taken => Self { taken: 1, ..none },
            Fate::Held => Self { held: 1, ..none },
            Fate::FormOverflow => Self { over_form: 1, ..none },
            Fate::Overflow => Self { over_all: 1, ..none },
        }
    }

    const fn collapsed(self) -> bool {
        let all = self.taken.saturating_add(self.held);
        all >= FEWEST && self.taken.saturating_mul(100) < all.saturating_mul(LEAST_PERCENT)
    }
}

/// Counts by form.
#[derive(Debug, Default)]
pub(super) struct Shares {
    forms: Lately<Counts>,
    warned: Seldom,
}

impl Shares {
    /// Counts one submission to `form`, and warns when little of them is taken.
    pub(super) fn note(&self, form: &str, fate: Fate, now: Timestamp) {
        let counts = self.forms.note(form, Counts::one(fate), now);
        self.warn(form, fate, counts);
    }

    fn warn(&self, form: &str, fate: Fate, counts: Counts) {
        let (name, says) = match fate {
            Fate::FormOverflow => (format!("form:{form}"), over_form(form, counts)),
            Fate::Overflow => ("all".to_owned(), over_all(counts)),
            Fate::Held if counts.collapsed() => (format!("share:{form}"), collapsed(form, counts)),
            Fate::Taken | Fate::Held => return,
        };
        if let Some(times) = self.warned.due(&name, Instant::now()) {
            tracing::warn!(form, times, "{says}");
        }
    }

    /// What somebody should look at, one sentence each.
    pub(super) fn troubles(&self, now: Timestamp) -> Vec<String> {
        let mut all = Counts::default();
        let mut troubles = Vec::new();
        for (form, counts) in self.forms.counts(now) {
            all = all.plus(counts);
            if counts.over_form > 0 {
                troubles.push(over_form(&form, counts));
            }
            if counts.collapsed() {
                troubles.push(collapsed(&form, counts));
            }
        }
        if all.over_all > 0 {
            troubles.push(over_all(all));
        }
        troubles
    }
}

fn over_form(form: &str, counts: Counts) -> String {
    format!(
        "form {form} takes more than limits.per_form_per_minute; {} submissions of the last minutes wait in quarantine: \
         pisteur submissions list --state quarantined",
        counts.over_form
    )
}

fn over_all(counts: Counts) -> String {
    format!(
        "the forms together take more than limits.all_forms_per_minute; {} submissions of the last minutes wait in \
         quarantine: pisteur submissions list --state quarantined",
        counts.over_all
    )
}

fn collapsed(form: &str, counts: Counts) -> String {
    format!(
        "only {} of the last {} submissions to form {form} were taken: try the form yourself, its captcha may be set \
         wrongly; the others are in pisteur submissions list --state quarantined",
        counts.taken,
        counts.taken.saturating_add(counts.held)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::lately::WINDOW;

    #[test]
    fn a_form_of_which_hardly_anything_is_taken_is_reported_until_it_is_over() {
        let (shares, start) = (Shares::default(), Timestamp::from_seconds(1_000));
        for _ in 0..19 {
            shares.note("contact", Fate::Held, start);
        }
        assert!(shares.troubles(start).is_empty(), "too few to tell");
        shares.note("contact", Fate::Taken, start);
        shares.note("other", Fate::Taken, start);
        let told = shares.troubles(start);
        assert_eq!(told.len(), 1);
        assert!(told.first().unwrap().contains("only 1 of the last 20"), "{told:?}");
        assert_eq!(shares.troubles(start.after(WINDOW)).len(), 1, "of the window before");
        assert!(shares.troubles(start.after(WINDOW * 3)).is_empty());
    }

    #[test]
    fn a_usual_share_of_spam_is_no_trouble_and_an_overflow_is() {
        let (shares, start) = (Shares::default(), Timestamp::from_seconds(1_000));
        for n in 0..100 {
            shares.note("contact", if n % 3 == 0 { Fate::Taken } else { Fate::Held }, start);
        }
        assert!(shares.troubles(start).is_empty());
        shares.note("contact", Fate::FormOverflow, start);
        shares.note("contact", Fate::Overflow, start);
        let told = shares.troubles(start);
        assert_eq!(told.len(), 2);
        assert!(told.first().unwrap().contains("per_form_per_minute") && told[1].contains("all_forms_per_minute"));
    }
}
