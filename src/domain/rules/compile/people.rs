//! `people.toml`: users and teams. A user removed here becomes inactive in the database, never deleted.

use std::collections::BTreeSet;

use super::Compiler;
use crate::domain::rules::diagnostics::{Problem, suggestion};
use crate::domain::rules::ir::{Person, Team};
use crate::domain::rules::tree::{Node, Span};

impl Compiler<'_> {
    pub(super) fn read_people(&mut self, file: Option<&(String, Node)>) {
        let Some((file, document)) = file else { return };
        self.only_keys(file, document.as_table().unwrap_or(&[]), &["user", "team"], "people.toml");
        let mut ids = BTreeSet::new();
        for node in self.tables(file, document, "user") {
            if let Some(person) = self.person(file, node) {
                self.once(file, node.get("id").map_or(node.span, |n| n.span), &person.id, "user", &mut ids);
                self.people.push(person);
            }
        }
        let mut ids = BTreeSet::new();
        for node in self.tables(file, document, "team") {
            if let Some(team) = self.team(file, node) {
                self.once(file, node.get("id").map_or(node.span, |n| n.span), &team.id, "team", &mut ids);
                self.teams.push(team);
            }
        }
    }

    /// The `[[name]]` tables of a document.
    pub(super) fn tables<'n>(&mut self, file: &str, document: &'n Node, name: &str) -> Vec<&'n Node> {
        let Some(node) = document.get(name) else { return Vec::new() };
        let Some(nodes) = node.as_list() else {
            self.wrong_shape(file, node, &format!("tables, each beginning with [[{name}]]"));
            return Vec::new();
        };
        let (tables, others): (Vec<&Node>, Vec<&Node>) = nodes.iter().partition(|n| n.as_table().is_some());
        for other in others {
            self.wrong_shape(file, other, "a table");
        }
        tables
    }

    pub(super) fn once(&mut self, file: &str, span: Span, id: &str, what: &str, seen: &mut BTreeSet<String>) {
        if !seen.insert(id.to_owned()) {
            let problem = Problem::error("R002", format!("{what} `{id}` is there twice")).label("the second one");
            self.report.add(file, span, problem.note("remove one, or give it another id"));
        }
    }

    fn person(&mut self, file: &str, node: &Node) -> Option<Person> {
        let allowed = ["id", "name", "email", "languages", "active"];
        self.only_keys(file, node.as_table()?, &allowed, "a user");
        let Some(id) = node.get("id") else {
            self.missing_key(file, node.span, "id", "a user", "give the user a short id, such as \"alice\"");
            return None;
        };
        let id = self.slug(file, id)?;
        let name = node.get("name").and_then(|n| self.name(file, n)).unwrap_or_else(|| id.clone());
        let email = node.get("email").and_then(|n| self.email(file, n));
        let active = node.get("active").and_then(|n| self.boolean(file, n)).unwrap_or(true);
        let mut languages = Vec::new();
        if let Some(list) = node.get("languages") {
            for language in self.one_or_many(file, list) {
                languages.extend(self.language(file, language));
            }
        }
        Some(Person { id, name, email, languages, active })
    }

    fn email(&mut self, file: &str, node: &Node) -> Option<String> {
        let text = self.name(file, node)?;
        if crate::domain::rules::address::Address::parse(&text).is_some() {
            return Some(text);
        }
        let problem = Problem::error("R004", "this is no mail address").label("must look like name@domain");
        self.report.add(file, node.span, problem.note("correct the address, or remove the key"));
        None
    }

    fn team(&mut self, file: &str, node: &Node) -> Option<Team> {
        self.only_keys(file, node.as_table()?, &["id", "name", "members"], "a team");
        let Some(id) = node.get("id") else {
            self.missing_key(file, node.span, "id", "a team", "give the team a short id, such as \"france\"");
            return None;
        };
        let id = self.slug(file, id)?;
        let name = node.get("name").and_then(|n| self.name(file, n)).unwrap_or_else(|| id.clone());
        let mut members = Vec::new();
        if let Some(list) = node.get("members") {
            for member in list.as_list().unwrap_or(std::slice::from_ref(list)) {
                members.extend(self.user(file, member));
            }
        }
        Some(Team { id, name, members })
    }

    /// A user of `people.toml`, active or not.
    pub(super) fn user(&mut self, file: &str, node: &Node) -> Option<String> {
        let id = self.text(file, node)?;
        if self.people.iter().any(|p| p.id == id) {
            return Some(id);
        }
        self.unknown_name(file, node.span, "user", &id, "people.toml", |c| {
            c.people.iter().map(|p| p.id.clone()).collect()
        });
        None
    }

    /// An active user.
    pub(super) fn active_user(&mut self, file: &str, node: &Node) -> Option<String> {
        let id = self.user(file, node)?;
        if self.is_active(&id) {
            return Some(id);
        }
        let problem = Problem::error("R016", format!("user `{id}` is inactive"))
            .label("inactive in people.toml")
            .note("name somebody active, or a pool");
        self.report.add(file, node.span, problem);
        None
    }

    pub(super) fn is_active(&self, id: &str) -> bool {
        self.people.iter().any(|p| p.id == id && p.active)
    }

    /// A team of `people.toml`.
    pub(super) fn team_name(&mut self, file: &str, node: &Node) -> Option<String> {
        let id = self.text(file, node)?;
        if self.teams.iter().any(|t| t.id == id) {
            return Some(id);
        }
        self.unknown_name(file, node.span, "team", &id, "people.toml", |c| {
            c.teams.iter().map(|t| t.id.clone()).collect()
        });
        None
    }

    /// R003 for a name that is not declared where it should be.
    pub(super) fn unknown_name(
        &mut self,
        file: &str,
        span: Span,
        what: &str,
        name: &str,
        home: &str,
        known: impl Fn(&Self) -> Vec<String>,
    ) {
        let known = known(self);
        let problem = Problem::error("R003", format!("unknown {what} `{}`", super::keys::cut(name)))
            .label(format!("not in {home}; {}", suggestion(name, known.iter().map(String::as_str))))
            .note(format!("add it to {home}, or correct the name"));
        self.report.add(file, span, problem);
    }
}
