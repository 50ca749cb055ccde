//! Who gets it: from the rule's words to a person, a pool with somebody in it, or a queue.

use super::{Run, test};
use crate::domain::decision::{OwnerChoice, PoolMember};
use crate::domain::rules::facts::show;
use crate::domain::rules::ir::{OnEmpty, Owner, Pool, Rule};

impl Run<'_> {
    pub(super) fn assign(&mut self, rule: &Rule) -> String {
        if let Some(team) = &rule.then.team {
            self.out.team = Some(team.clone());
        }
        let Some(owner) = &rule.then.owner else { return String::new() };
        let (choice, did) = self.settle(owner);
        self.out.owner = choice;
        did
    }

    fn settle(&self, owner: &Owner) -> (OwnerChoice, String) {
        match owner {
            Owner::Person(id) => (OwnerChoice::Person(id.clone()), format!("owner {id}")),
            Owner::Queue(queue) => (OwnerChoice::Queue(queue.clone()), format!("queue {queue}")),
            Owner::Pool(pool) => self.pool(pool, format!("pool {pool}")),
            Owner::From { fact, else_pool } => match self.enriched.get(fact).first().map(show) {
                Some(id) if self.is_active(&id) => (OwnerChoice::Person(id.clone()), format!("owner {id} from {fact}")),
                Some(id) => self.pool(else_pool, format!("{fact} {id} is no active user, pool {else_pool}")),
                None => self.pool(else_pool, format!("{fact} absent, pool {else_pool}")),
            },
            Owner::Table { fact, table } => {
                let row = self.enriched.get(fact).iter().find_map(|value| test::lookup(table, value));
                match row {
                    Some(row) => self.pool(&row.pool, format!("pool {}", row.pool)),
                    None => {
                        (OwnerChoice::Queue("triage".to_owned()), format!("{} has no row, queue triage", table.name))
                    }
                }
            }
        }
    }

    /// Follows `on_empty` until somebody, or a queue, is found. Compilation made sure that it ends.
    fn pool(&self, name: &str, mut did: String) -> (OwnerChoice, String) {
        let pools = &self.set.program().pools;
        let mut name = name.to_owned();
        for _ in 0..=pools.len() {
            let Some(pool) = pools.get(&name) else { break };
            let members = self.eligible(pool);
            if !members.is_empty() {
                return (OwnerChoice::Pool { pool: name, members }, did);
            }
            match &pool.on_empty {
                OnEmpty::Queue(queue) => {
                    return (OwnerChoice::Queue(queue.clone()), format!("{did}: nobody, queue {queue}"));
                }
                OnEmpty::User(user) if self.is_active(user) => {
                    return (OwnerChoice::Person(user.clone()), format!("{did}: nobody, owner {user}"));
                }
                OnEmpty::User(_) => break,
                OnEmpty::Pool(next) => {
                    did = format!("{did}: nobody, pool {next}");
                    name.clone_from(next);
                }
            }
        }
        (OwnerChoice::Queue("triage".to_owned()), format!("{did}: nobody, queue triage"))
    }

    /// Active members with a weight, in file order.
    fn eligible(&self, pool: &Pool) -> Vec<PoolMember> {
        if self.facts.pool_is_empty(&pool.name) {
            return Vec::new();
        }
        let seats = pool.members.iter().filter(|seat| seat.weight > 0 && self.is_active(&seat.user));
        seats.map(|seat| PoolMember { user: seat.user.clone(), weight: seat.weight }).collect()
    }

    fn is_active(&self, id: &str) -> bool {
        self.set.program().people.iter().any(|p| p.id == id && p.active)
    }
}
