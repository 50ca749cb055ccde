//! Which messages to read: pure decisions over what is remembered and what SELECT said.
//!
//! Invariants:
//! - The first run reads what its policy says, and nothing else ever reads older mail.
//! - A rebuilt folder (other UIDVALIDITY, or UIDNEXT below the cursor) is read again by date, and only what has an
//!   unknown content becomes a record: numbers prove nothing there.
//! - A UID below 1 is never asked for.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::config::mailbox::FirstRun;
use crate::imap::{Meta, Selected};
use crate::store::MailboxState;

/// How far back a rebuilt folder is read at least.
const RESCAN: Duration = Duration::from_hours(30 * 24);
/// How far before the last good look it is read: for mail that came a little earlier and was not seen, and for clocks.
const BEFORE_LAST_LOOK: Duration = Duration::from_hours(24);
/// UIDs below the cursor that are looked at again: servers with several machines may show a message late.
const OVERLAP: u32 = 64;

/// A stretch of UIDs read by special rules: the backlog of a first run, or a rebuilt folder. Kept beside the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    /// The UIDVALIDITY it belongs to.
    pub uidvalidity: u32,
    /// The last UID of the stretch.
    pub until: u32,
    /// Nobody is notified about what is read in it.
    pub silent: bool,
    /// The folder was rebuilt: known contents make no second record.
    pub rescan: bool,
    /// Only mail of this day or later, as the server dates it.
    pub day: Option<Date>,
    /// Only mail of this moment or later.
    pub moment: Option<Timestamp>,
    /// The first run of a `from_now` mailbox: what is older is never read.
    pub floor: Option<Timestamp>,
    /// How often UIDNEXT went down under this UIDVALIDITY (see [`life`]).
    pub generation: u32,
}

/// A new start for the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Restart {
    pub history: History,
    pub last_uid: u32,
    /// The folder was rebuilt; otherwise it is the first run.
    pub rebuilt: bool,
}

/// Spreads generations (2^32 divided by the golden ratio: neighbours never meet).
const SPREAD: u32 = 0x9E37_79B1;

/// The number under which positions are stored: UIDVALIDITY, and another one whenever a server uses UIDs again without
/// changing it. So a UID used twice is never taken for the first one, neither in the journal nor by a mark.
pub(super) fn life(history: Option<&History>, uidvalidity: u32) -> u32 {
    let generation = history.filter(|h| h.uidvalidity == uidvalidity).map_or(0, |h| h.generation);
    uidvalidity.wrapping_add(generation.wrapping_mul(SPREAD))
}

/// Does the cursor have to be set anew?
pub(super) fn restart(
    policy: FirstRun,
    state: &MailboxState,
    known: Option<&History>,
    selected: &Selected,
    now: Timestamp,
) -> Option<Restart> {
    let top = selected.uidnext.saturating_sub(1);
    if !state.started {
        let mut history = History { uidvalidity: selected.uidvalidity, until: top, silent: true, ..History::default() };
        match policy {
            FirstRun::All => {}
            FirstRun::Since(day) => history.day = Some(day),
            FirstRun::FromNow => {
                history.silent = false;
                history.floor = Some(Timestamp::from_seconds(now.seconds()));
                return Some(Restart { history, last_uid: top, rebuilt: false });
            }
        }
        return Some(Restart { history, last_uid: 0, rebuilt: false });
    }
    if state.uidvalidity == life(known, selected.uidvalidity) && top >= state.last_uid {
        return None;
    }
    let mut history = known.cloned().unwrap_or_default();
    let unfinished = life(known, history.uidvalidity) == state.uidvalidity && state.last_uid < history.until;
    if !unfinished {
        history.silent = false;
        // Whoever was away for longer than that still finds what came meanwhile.
        let last_look = state.last_ok_at.map_or(now, |at| at.before(BEFORE_LAST_LOOK));
        let window = now.before(RESCAN).min(last_look);
        history.moment = Some(history.floor.map_or(window, |floor| floor.max(window)));
    }
    let same = state.uidvalidity == life(known, selected.uidvalidity);
    history.generation = if same { history.generation.wrapping_add(1) } else { 0 };
    history.uidvalidity = selected.uidvalidity;
    history.until = top;
    history.rescan = true;
    Some(Restart { history, last_uid: 0, rebuilt: true })
}

/// One look: what to search for, and by which rules to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// Search criteria.
    pub criteria: String,
    /// The first UID asked for.
    pub from: u32,
    /// The stretch it lies in, if any.
    pub stretch: Option<History>,
}

/// The next look from a cursor.
pub(super) fn look(last_uid: u32, history: Option<&History>, uidvalidity: u32) -> Look {
    let next = last_uid.saturating_add(1);
    if let Some(stretch) = history.filter(|h| h.uidvalidity == uidvalidity && last_uid < h.until) {
        let mut criteria = format!("UID {next}:{}", stretch.until);
        if let Some(since) = search_day(stretch) {
            criteria.push_str(" SINCE ");
            criteria.push_str(&since.strftime("%-d-%b-%Y").to_string());
        }
        return Look { criteria, from: next, stretch: Some(stretch.clone()) };
    }
    // What the stretch covered is settled, the messages it passed over too.
    let settled = history.filter(|h| h.uidvalidity == uidvalidity).map_or(last_uid, |h| h.until);
    let from = next.saturating_sub(OVERLAP).max(settled.saturating_add(1)).min(next).max(1);
    Look { criteria: format!("UID {from}:*"), from, stretch: None }
}

/// SINCE knows days only, in the server's time zone: one day earlier is asked for, the exact rule is [`wanted`].
fn search_day(stretch: &History) -> Option<Date> {
    let of_moment = stretch.moment.and_then(|m| jiff::Timestamp::from_microsecond(m.micros()).ok());
    let of_moment = of_moment.map(|t| t.to_zoned(TimeZone::UTC).date());
    let day = stretch.day.into_iter().chain(of_moment).max()?;
    day.checked_sub(1.day()).ok()
}

/// Does a stretch want this message? One whose date is unknown is wanted: reading too much is the smaller harm.
pub(super) fn wanted(stretch: Option<&History>, meta: &Meta) -> bool {
    let Some(stretch) = stretch else { return true };
    let by_day = match (stretch.day, meta.day) {
        (Some(first), Some(day)) => day >= first,
        _ => true,
    };
    let by_moment = match (stretch.moment, meta.at) {
        (Some(first), Some(at)) => at >= first,
        _ => true,
    };
    by_day && by_moment
}

/// The UIDs to read, ascending, out of what the search found. `n:*` always names the last message, so everything at
/// or below the cursor is dropped, except what appeared late: UIDs asked for and not journalled. Above the cursor
/// `journalled` proves nothing: some servers use numbers twice.
pub(super) fn candidates(look: &Look, last_uid: u32, found: &[u32], journalled: &[u32]) -> Vec<u32> {
    let mut uids: Vec<u32> = found
        .iter()
        .copied()
        .filter(|uid| match &look.stretch {
            Some(stretch) => *uid > last_uid && *uid <= stretch.until,
            None if *uid > last_uid => true,
            None => *uid >= look.from && !journalled.contains(uid),
        })
        .collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn selected(uidvalidity: u32, uidnext: u32) -> Selected {
        Selected { uidvalidity, uidnext, ..Selected::default() }
    }

    fn state(uidvalidity: u32, last_uid: u32) -> MailboxState {
        MailboxState { uidvalidity, last_uid, started: true, ..MailboxState::default() }
    }

    #[test]
    fn s16_the_first_run_follows_its_policy() {
        let fresh = MailboxState::default();
        let from_now = restart(FirstRun::FromNow, &fresh, None, &selected(7, 101), NOW).unwrap();
        assert_eq!((from_now.last_uid, from_now.history.until, from_now.history.silent), (100, 100, false));
        assert_eq!(look(100, Some(&from_now.history), 7).criteria, "UID 101:*");
        let all = restart(FirstRun::All, &fresh, None, &selected(7, 101), NOW).unwrap();
        assert_eq!((all.last_uid, all.history.until, all.history.silent), (0, 100, true));
        let since = restart(FirstRun::Since(date(2026, 3, 1)), &fresh, None, &selected(7, 101), NOW).unwrap();
        assert_eq!(look(0, Some(&since.history), 7).criteria, "UID 1:100 SINCE 28-Feb-2026");
    }

    #[test]
    fn s09_a_rebuilt_folder_is_read_again_by_date() {
        assert_eq!(restart(FirstRun::All, &state(7, 50), None, &selected(7, 51), NOW), None);
        let changed = restart(FirstRun::All, &state(7, 50), None, &selected(8, 20), NOW).unwrap();
        assert!(changed.rebuilt && changed.history.rescan && !changed.history.silent);
        assert_eq!((changed.last_uid, changed.history.until), (0, 19));
        assert_eq!(changed.history.moment, Some(NOW.before(RESCAN)));
        let down = restart(FirstRun::All, &state(7, 50), None, &selected(7, 20), NOW).unwrap();
        assert_eq!((down.last_uid, down.history.until), (0, 19));
        assert_ne!(life(Some(&down.history), 7), 7, "its numbers are others");
        assert_eq!(life(Some(&changed.history), 8), 8);
        let after = MailboxState { uidvalidity: life(Some(&down.history), 7), ..state(7, 19) };
        assert_eq!(restart(FirstRun::All, &after, Some(&down.history), &selected(7, 21), NOW), None);
    }

    #[test]
    fn s09_a_folder_rebuilt_during_a_long_stop_is_read_from_the_last_good_look() {
        let days = |n: u64| Duration::from_hours(n * 24);
        let since = |last: Option<Timestamp>| {
            let state = MailboxState { last_ok_at: last, ..state(7, 50) };
            restart(FirstRun::All, &state, None, &selected(8, 20), NOW).unwrap().history.moment.unwrap()
        };
        assert_eq!(since(Some(NOW.before(days(45)))), NOW.before(days(46)));
        assert_eq!(since(Some(NOW.before(days(1)))), NOW.before(RESCAN));
        assert_eq!(since(Some(NOW.after(days(400)))), NOW.before(RESCAN), "a clock that stepped back");
        assert_eq!(since(None), NOW.before(RESCAN));
        let known = History { uidvalidity: 7, floor: Some(NOW.before(days(40))), ..History::default() };
        let state = MailboxState { last_ok_at: Some(NOW.before(days(45))), ..state(7, 50) };
        let floored = restart(FirstRun::FromNow, &state, Some(&known), &selected(8, 60), NOW).unwrap();
        assert_eq!(floored.history.moment, known.floor, "but never before the first run");
    }

    #[test]
    fn s09_a_rebuilt_folder_never_reads_what_from_now_left_out() {
        let started = NOW.before(Duration::from_hours(24));
        let known = History { uidvalidity: 7, floor: Some(started), ..History::default() };
        let changed = restart(FirstRun::FromNow, &state(7, 50), Some(&known), &selected(8, 60), NOW).unwrap();
        assert_eq!(changed.history.moment, Some(started));
        let older = Meta { at: Some(started.before(Duration::from_secs(1))), ..Meta::default() };
        assert!(!wanted(Some(&changed.history), &older));
        assert!(wanted(Some(&changed.history), &Meta::default()));
    }

    #[test]
    fn a_backlog_interrupted_by_a_rebuilt_folder_stays_silent() {
        let known = History { uidvalidity: 7, until: 90, silent: true, ..History::default() };
        let changed = restart(FirstRun::All, &state(7, 50), Some(&known), &selected(8, 60), NOW).unwrap();
        assert!(changed.history.silent && changed.history.rescan);
        assert_eq!(changed.history.moment, None);
    }

    #[test]
    fn s09_an_old_uid_from_a_star_range_is_dropped() {
        let history = History { uidvalidity: 7, until: 20, ..History::default() };
        let look = look(100, Some(&history), 7);
        assert_eq!(look.criteria, "UID 37:*");
        assert_eq!(candidates(&look, 100, &[100], &[100]), Vec::<u32>::new());
        assert_eq!(candidates(&look, 100, &[20], &[]), Vec::<u32>::new());
        assert_eq!(candidates(&look, 100, &[103, 101], &[100]), [101, 103]);
    }

    #[test]
    fn uids_that_appear_late_are_read_and_those_before_the_first_run_are_not() {
        let history = History { uidvalidity: 7, until: 100, ..History::default() };
        let look = look(105, Some(&history), 7);
        assert_eq!(look.criteria, "UID 101:*");
        assert_eq!(candidates(&look, 105, &[101, 102, 103, 105, 106], &[101, 103, 105]), [102, 106]);
    }

    #[test]
    fn numbers_used_twice_are_read_again() {
        let look = look(19, None, 7);
        assert_eq!(candidates(&look, 19, &[19, 20], &[18, 19, 20, 21]), [20]);
    }

    #[test]
    fn no_uid_below_one_is_asked_for() {
        assert_eq!(look(0, None, 7).criteria, "UID 1:*");
        assert_eq!(look(u32::MAX, None, 7).from, u32::MAX);
    }

    #[test]
    fn a_finished_stretch_is_left() {
        let done = History { uidvalidity: 7, until: 10, silent: true, ..History::default() };
        assert_eq!(look(10, Some(&done), 7).stretch, None);
        assert_eq!(look(5, Some(&done), 8).stretch, None);
        assert!(look(9, Some(&done), 7).stretch.is_some());
    }
}
