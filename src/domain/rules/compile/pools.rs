//! `pools.toml`: who takes turns, and what happens when nobody can.

use std::collections::BTreeSet;

use super::Compiler;
use super::keys::is_slug;
use crate::domain::rules::diagnostics::{Problem, suggestion};
use crate::domain::rules::ir::{OnEmpty, Pool, PoolSeat};
use crate::domain::rules::tree::{Key, Node};

const METHODS: [&str; 2] = ["round-robin", "weighted-round-robin"];

impl Compiler<'_> {
    pub(super) fn read_pools(&mut self, file: Option<&(String, Node)>) {
        let Some((file, document)) = file else { return };
        self.only_keys(file, document.as_table().unwrap_or(&[]), &["pool"], "pools.toml");
        let Some(pools) = document.get("pool") else { return };
        let Some(pairs) = pools.as_table() else {
            return self.wrong_shape(file, pools, "pools, each beginning with [pool.NAME]");
        };
        for (key, node) in pairs {
            if let Some(pool) = self.pool(file, key, node) {
                self.pools.insert(pool.name.clone(), pool);
            }
        }
        for (key, node) in pairs {
            self.check_fallback(file, key, node);
        }
    }

    fn pool(&mut self, file: &str, key: &Key, node: &Node) -> Option<Pool> {
        let place = format!("pool `{}`", key.name);
        let Some(pairs) = node.as_table() else {
            self.wrong_shape(file, node, "a table");
            return None;
        };
        if !is_slug(&key.name) {
            let problem = Problem::error("R004", format!("`{}` is no name for a pool", super::keys::cut(&key.name)));
            self.report.add(file, key.span, problem.label("use lower-case letters, digits, `-` and `_`"));
        }
        self.only_keys(file, pairs, &["method", "on_empty", "members"], &place);
        if let Some(method) = node.get("method") {
            self.method(file, method);
        }
        let members = self.members(file, key, node);
        let on_empty = self.on_empty(file, key, node).unwrap_or(OnEmpty::Queue(key.name.clone()));
        Some(Pool { name: key.name.clone(), members, on_empty })
    }

    fn method(&mut self, file: &str, node: &Node) {
        let Some(method) = self.text(file, node) else { return };
        if !METHODS.contains(&method.as_str()) {
            let problem = Problem::error("R004", format!("unknown method `{}`", super::keys::cut(&method)))
                .label(suggestion(&method, METHODS))
                .note("round-robin and weighted-round-robin both follow the weights");
            self.report.add(file, node.span, problem);
        }
    }

    fn on_empty(&mut self, file: &str, key: &Key, pool: &Node) -> Option<OnEmpty> {
        let Some(node) = pool.get("on_empty") else {
            let problem = Problem::error("R013", format!("pool `{}` has no `on_empty`", key.name))
                .label("what happens when nobody can take the turn?")
                .note("add `on_empty = \"queue:triage\"`, or `\"pool:OTHER\"`, or `\"user:ID\"`");
            self.report.add(file, key.span, problem);
            return None;
        };
        let text = self.text(file, node)?;
        match text.split_once(':') {
            Some(("queue", queue)) if is_slug(queue) => Some(OnEmpty::Queue(queue.to_owned())),
            Some(("pool", pool)) if is_slug(pool) => Some(OnEmpty::Pool(pool.to_owned())),
            Some(("user", user)) if is_slug(user) => Some(OnEmpty::User(user.to_owned())),
            _ => {
                let problem = Problem::error("R004", "`on_empty` names no queue, pool or user")
                    .label("write \"queue:NAME\", \"pool:NAME\" or \"user:ID\"")
                    .note("a lead always ends with an owner or in a named queue");
                self.report.add(file, node.span, problem);
                None
            }
        }
    }

    fn members(&mut self, file: &str, key: &Key, pool: &Node) -> Vec<PoolSeat> {
        let mut seats = Vec::new();
        let mut seen = BTreeSet::new();
        let Some(list) = pool.get("members") else {
            self.missing_key(file, key.span, "members", &format!("pool `{}`", key.name), "list at least one member");
            return seats;
        };
        for node in self.one_or_many(file, list) {
            if let Some(seat) = self.seat(file, node) {
                self.once(file, node.span, &seat.user, "member", &mut seen);
                seats.push(seat);
            }
        }
        self.check_seats(file, key, list, &seats);
        seats
    }

    fn seat(&mut self, file: &str, node: &Node) -> Option<PoolSeat> {
        let (user, weight) = match node.as_table() {
            None => (node, 1),
            Some(pairs) => {
                self.only_keys(file, pairs, &["user", "weight"], "a pool member");
                let weight = node.get("weight").map_or(Some(1), |n| self.integer(file, n, 0, 1000));
                let Some(user) = node.get("user") else {
                    self.missing_key(file, node.span, "user", "a pool member", "name a user of people.toml");
                    return None;
                };
                (user, weight?)
            }
        };
        let id = self.text(file, user)?;
        if !self.people.iter().any(|p| p.id == id) {
            let known: Vec<String> = self.people.iter().map(|p| p.id.clone()).collect();
            let problem = Problem::error("R016", format!("unknown member `{}`", super::keys::cut(&id)))
                .label(format!("not in people.toml; {}", suggestion(&id, known.iter().map(String::as_str))))
                .note("add the user to people.toml, or correct the name");
            self.report.add(file, user.span, problem);
            return None;
        }
        if !self.is_active(&id) {
            let problem = Problem::warning("R016", format!("member `{id}` is inactive"))
                .label("takes no turns")
                .note("remove the member, or set `active = true` in people.toml");
            self.report.add(file, user.span, problem);
        }
        Some(PoolSeat { user: id, weight: u32::try_from(weight).unwrap_or(1) })
    }

    fn check_seats(&mut self, file: &str, key: &Key, list: &Node, seats: &[PoolSeat]) {
        if !seats.is_empty() && seats.iter().all(|s| s.weight == 0) {
            let problem = Problem::error("R016", format!("pool `{}`: every weight is 0", key.name))
                .label("nobody ever takes a turn")
                .note("give at least one member a weight of 1 or more");
            self.report.add(file, list.span, problem);
        } else if !seats.is_empty() && !seats.iter().any(|s| s.weight > 0 && self.is_active(&s.user)) {
            let problem = Problem::warning("R016", format!("pool `{}`: nobody is active", key.name))
                .label("every turn goes to `on_empty`")
                .note("add an active member");
            self.report.add(file, list.span, problem);
        }
    }

    /// Follows `on_empty` from pool to pool: every name must exist, and it must end.
    fn check_fallback(&mut self, file: &str, key: &Key, node: &Node) {
        let span = node.get("on_empty").map_or(key.span, |n| n.span);
        let Some(first) = self.pools.get(&key.name).map(|p| p.on_empty.clone()) else { return };
        match &first {
            OnEmpty::User(user) if !self.is_active(user) => {
                let problem = Problem::error("R016", format!("`on_empty` names `{user}`, who is not an active user"))
                    .label("nobody to fall back to")
                    .note("name an active user of people.toml, or a queue");
                return self.report.add(file, span, problem);
            }
            OnEmpty::Pool(pool) if !self.pools.contains_key(pool) => {
                let pool = pool.clone();
                return self
                    .unknown_name(file, span, "pool", &pool, "pools.toml", |c| c.pools.keys().cloned().collect());
            }
            _ => {}
        }
        let mut path = vec![key.name.clone()];
        let mut next = first;
        while let OnEmpty::Pool(pool) = next {
            let again = path.contains(&pool);
            path.push(pool.clone());
            if again {
                let problem = Problem::error("R013", format!("pool `{}`: the fallback goes in a circle", key.name))
                    .label(path.join(" -> "))
                    .note("let one of them fall back to a queue: on_empty = \"queue:triage\"");
                return self.report.add(file, span, problem);
            }
            let Some(found) = self.pools.get(&pool) else { return };
            next = found.on_empty.clone();
        }
    }

    /// A pool by name.
    pub(super) fn pool_name(&mut self, file: &str, node: &Node) -> Option<String> {
        let name = self.text(file, node)?;
        if self.pools.contains_key(&name) {
            return Some(name);
        }
        self.unknown_name(file, node.span, "pool", &name, "pools.toml", |c| c.pools.keys().cloned().collect());
        None
    }
}
