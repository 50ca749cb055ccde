//! Moments as people write and read them: local time on a terminal, several ways to say `--since`.

use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use crate::clock::Timestamp;

/// `2026-03-14 09:26`, in the zone of this machine.
pub(super) fn local(moment: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(moment.micros()) {
        Ok(t) => t.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => moment.to_string(),
    }
}

/// A moment from `2026-03-14`, `2026-03-14T09:26:00Z`, or a time ago: `90m`, `2h`, `3d`, `2w`.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(t) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_micros(t.as_microsecond()));
    }
    if let Ok(date) = text.parse::<jiff::civil::DateTime>() {
        let zoned = date.to_zoned(TimeZone::system()).ok()?;
        return Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()));
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        let zoned = date.to_zoned(TimeZone::system()).ok()?;
        return Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()));
    }
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| (0..100_000).contains(n))?;
    let ago: Span = match unit {
        's' => count.seconds(),
        'm' => count.minutes(),
        'h' => count.hours(),
        'd' => (count * 24).hours(),
        'w' => (count * 24 * 7).hours(),
        _ => return None,
    };
    let now = jiff::Timestamp::from_microsecond(now.micros()).ok()?;
    now.checked_sub(ago).ok().map(|t| Timestamp::from_micros(t.as_microsecond()))
}

/// [`parse`], with the remedy.
///
/// # Errors
/// When the text is none of the ways.
pub(super) fn since(text: Option<&str>, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    text.map(|t| {
        parse(t, now).ok_or_else(|| {
            anyhow::anyhow!("--since {t}: not a moment; write 2026-03-14, 2026-03-14T09:26:00Z, 2h or 3d")
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_can_be_said_in_several_ways() {
        let now = Timestamp::from_seconds(1_000_000);
        assert_eq!(parse("2h", now), Some(Timestamp::from_seconds(1_000_000 - 7_200)));
        assert_eq!(parse("1w", now), Some(Timestamp::from_seconds(1_000_000 - 604_800)));
        assert_eq!(parse("1970-01-01T00:00:05Z", now), Some(Timestamp::from_seconds(5)));
        assert!(parse("2026-03-14", now).is_some());
        for wrong in ["", "yesterday", "-2h", "2y", "1e9d", "é"] {
            assert_eq!(parse(wrong, now), None, "{wrong}");
        }
    }
}
