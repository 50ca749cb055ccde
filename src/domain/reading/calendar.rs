//! Invitations (iCalendar, RFC 5545): what, when, where, by whom; the first event of a part.

use super::text::one_line;
use super::vcard::{Line, lines};
use crate::domain::submission::Event;

/// Lines looked at.
const LINES: usize = 5_000;
/// Longest value kept, in characters.
const VALUE: usize = 300;
/// Longest description kept, in characters.
const WORDS: usize = 20_000;

/// Reads the first event or task of a calendar; `None` when there is none.
#[must_use]
pub fn read(text: &str) -> Option<Event> {
    let mut event = None;
    let mut method = None;
    // Alarms and time zones have lines of the same names.
    let mut inner = 0_u32;
    for (_, raw) in lines(text).take(LINES) {
        let Some(line) = Line::parse(&raw) else { continue };
        let named = line.text().to_ascii_uppercase();
        match line.name.as_str() {
            "METHOD" if event.is_none() => method = Some(named.to_lowercase()),
            "BEGIN" if event.is_none() && matches!(named.as_str(), "VEVENT" | "VTODO") => {
                event = Some(Event::default());
            }
            "BEGIN" if event.is_some() => inner = inner.saturating_add(1),
            "END" if event.is_some() && inner == 0 => break,
            "END" => inner = inner.saturating_sub(1),
            _ if inner == 0 => {
                if let Some(event) = &mut event {
                    property(event, &line);
                }
            }
            _ => {}
        }
    }
    event.map(|event| Event { method: method.filter(|m| m.len() <= 20), ..event })
}

fn property(event: &mut Event, line: &Line<'_>) {
    let short = || Some(one_line(&line.text(), VALUE)).filter(|value| !value.is_empty());
    match line.name.as_str() {
        "SUMMARY" => event.summary = short(),
        "LOCATION" => event.location = short(),
        "DTSTART" => event.starts = moment(&line.text(), line.parameter("TZID")),
        "DTEND" | "DUE" => event.ends = moment(&line.text(), line.parameter("TZID")),
        "ORGANIZER" => {
            let address = line.text();
            let bare = address.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).and(address.get(7..));
            event.organizer = super::addresses::clean_address(bare.unwrap_or(&address));
        }
        "DESCRIPTION" => event.description = Some(line.text().chars().take(WORDS).collect()),
        _ => {}
    }
}

/// `20250503T100000Z` as `2025-05-03T10:00:00Z`; a local moment keeps the zone it names, as written.
fn moment(raw: &str, zone: Option<&str>) -> Option<String> {
    let (day, time) = raw.split_once('T').map_or((raw, None), |(day, time)| (day, Some(time)));
    let digits =
        |text: &str, length: usize| text.len() >= length && text.bytes().take(length).all(|b| b.is_ascii_digit());
    if !digits(day, 8) || day.len() != 8 {
        return None;
    }
    let date = format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..8)?);
    let Some(time) = time.filter(|time| digits(time, 6)) else { return Some(date) };
    let clock = format!("{}:{}:{}", time.get(..2)?, time.get(2..4)?, time.get(4..6)?);
    let utc = if time.ends_with('Z') { "Z" } else { "" };
    let zone = zone.filter(|_| utc.is_empty()).map(|zone| format!("[{}]", one_line(zone, 60))).unwrap_or_default();
    Some(format!("{date}T{clock}{utc}{zone}"))
}

/// An event on one line: `2025-05-03T10:00:00Z Visit (Prague)`.
#[must_use]
pub fn line(event: &Event) -> String {
    let place = event.location.as_deref().map(|place| format!("({place})"));
    let parts = [event.starts.as_deref(), event.summary.as_deref(), place.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_is_read_and_its_alarm_is_not() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Prague\r\nDTSTART:19700101T000000\r\n\
            END:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/Prague:20250503T100000\r\nDTEND:20250503T093000Z\r\n\
            SUMMARY:Prohlídka\\, st\r\n řecha\r\nLOCATION:Brno\r\nORGANIZER;CN=Eva:MAILTO:eva@firma.cz\r\n\
            DESCRIPTION:Dobrý den\\nEva\r\nBEGIN:VALARM\r\nDESCRIPTION:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nSUMMARY:second\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let event = read(text).unwrap();
        assert_eq!(event.summary.as_deref(), Some("Prohlídka, střecha"));
        assert_eq!(event.starts.as_deref(), Some("2025-05-03T10:00:00[EUROPE/PRAGUE]"));
        assert_eq!(event.ends.as_deref(), Some("2025-05-03T09:30:00Z"));
        assert_eq!(event.organizer.as_deref(), Some("eva@firma.cz"));
        assert_eq!(event.description.as_deref(), Some("Dobrý den\nEva"));
        assert_eq!(event.method.as_deref(), Some("request"));
        assert_eq!(line(&event), "2025-05-03T10:00:00[EUROPE/PRAGUE] Prohlídka, střecha (Brno)");
    }

    #[test]
    fn what_is_no_calendar_is_none() {
        for text in ["", "BEGIN:VCARD\nFN:A\nEND:VCARD", "hello", "BEGIN:VEVENT"] {
            assert_eq!(read(text).filter(|event| *event != Event::default()), None, "{text}");
        }
    }
}
