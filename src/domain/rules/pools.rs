//! Who gets the next turn of a pool. Pure; the store keeps the turns and calls this inside the record's transaction.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ulid::Ulid;

use crate::clock::Timestamp;
use crate::domain::decision::PoolMember;

/// Days over which turns count.
pub const WINDOW_DAYS: i64 = 28;

/// What a member had in the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberTurns {
    /// Turns taken, the credit of a newcomer included.
    pub assigned: i64,
    /// Last turn taken; `None` for one who never had any.
    pub last_at: Option<Timestamp>,
}

/// Turns by user id. A member without an entry is a newcomer.
pub type PoolTurns = BTreeMap<String, MemberTurns>;

/// Gives newcomers the mean of the pool by weight, so that no flood of catching up follows; returns who got how much.
pub fn welcome(turns: &mut PoolTurns, members: &[PoolMember]) -> Vec<(String, i64)> {
    let known: Vec<(i64, i64)> =
        members.iter().filter_map(|m| turns.get(&m.user).map(|t| (t.assigned, weight(m)))).collect();
    let assigned: i64 = known.iter().map(|(a, _)| *a).fold(0, i64::saturating_add);
    let weights: i64 = known.iter().map(|(_, w)| *w).fold(0, i64::saturating_add);
    let mut credits = Vec::new();
    for member in members {
        if turns.contains_key(&member.user) {
            continue;
        }
        let credit = assigned.saturating_mul(weight(member)).checked_div(weights).unwrap_or(0);
        turns.insert(member.user.clone(), MemberTurns { assigned: credit, last_at: None });
        credits.push((member.user.clone(), credit));
    }
    credits
}

/// The member with the smallest `(assigned + 1) / weight`; ties go to the least recently served, then by a hash of
/// record and member. `None` only for an empty list.
#[must_use]
pub fn choose<'m>(turns: &PoolTurns, members: &'m [PoolMember], record: Ulid) -> Option<&'m str> {
    members.iter().min_by(|a, b| compare(turns, a, b, record)).map(|m| m.user.as_str())
}

fn compare(turns: &PoolTurns, a: &PoolMember, b: &PoolMember, record: Ulid) -> Ordering {
    let (mine, yours) = (had(turns, a), had(turns, b));
    let left = i128::from(mine.assigned.saturating_add(1)) * i128::from(weight(b));
    let right = i128::from(yours.assigned.saturating_add(1)) * i128::from(weight(a));
    left.cmp(&right)
        .then_with(|| mine.last_at.cmp(&yours.last_at))
        .then_with(|| lot(record, &a.user).cmp(&lot(record, &b.user)))
        .then_with(|| a.user.cmp(&b.user))
}

fn had(turns: &PoolTurns, member: &PoolMember) -> MemberTurns {
    turns.get(&member.user).copied().unwrap_or_default()
}

fn weight(member: &PoolMember) -> i64 {
    i64::from(member.weight.max(1))
}

fn lot(record: Ulid, user: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(user.as_bytes(), xxhash_rust::xxh3::xxh3_64(&record.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(user: &str, weight: u32) -> PoolMember {
        PoolMember { user: user.to_owned(), weight }
    }

    fn deal(turns: &mut PoolTurns, members: &[PoolMember], count: u64) -> BTreeMap<String, i64> {
        let mut dealt = BTreeMap::new();
        for n in 0..count {
            welcome(turns, members);
            let user = choose(turns, members, Ulid::from_parts(n, 7)).unwrap().to_owned();
            let had = turns.get_mut(&user).unwrap();
            had.assigned += 1;
            had.last_at = Some(Timestamp::from_seconds(i64::try_from(n).unwrap()));
            *dealt.entry(user).or_insert(0) += 1;
        }
        dealt
    }

    #[test]
    fn turns_follow_the_weights_exactly() {
        let members = [member("ana", 2), member("bea", 1)];
        let dealt = deal(&mut PoolTurns::new(), &members, 300);
        assert_eq!(dealt, BTreeMap::from([("ana".to_owned(), 200), ("bea".to_owned(), 100)]));
    }

    #[test]
    fn a_newcomer_starts_at_the_mean_and_is_not_flooded() {
        let mut turns = PoolTurns::new();
        deal(&mut turns, &[member("ana", 1), member("bea", 1)], 100);
        let dealt = deal(&mut turns, &[member("ana", 1), member("bea", 1), member("cyr", 1)], 30);
        assert!(dealt.values().all(|n| *n == 10), "{dealt:?}");
    }

    #[test]
    fn nobody_is_chosen_from_an_empty_pool() {
        assert_eq!(choose(&PoolTurns::new(), &[], Ulid::nil()), None);
    }
}
