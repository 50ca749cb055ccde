//! Values a rule compares with, checked against the type of the fact.

use super::Compiler;
use super::keys::cut;
use crate::domain::enquiry::Money;
use crate::domain::rules::address::{Address, canonical_domain};
use crate::domain::rules::diagnostics::{Problem, suggestion};
use crate::domain::rules::fold::fold;
use crate::domain::rules::ir::Operand;
use crate::domain::rules::postcode::department_order;
use crate::domain::rules::schema::FactType;
use crate::domain::rules::tree::{Kind, Node};

impl Compiler<'_> {
    /// A value of the fact's type.
    pub(super) fn operand(
        &mut self,
        file: &str,
        fact: &str,
        kind: &FactType,
        exact: bool,
        node: &Node,
    ) -> Option<Operand> {
        match kind {
            FactType::Text => {
                let text = self.literal_text(file, node)?;
                Some(Operand::Text(if exact { text } else { fold(text.trim()).trim().to_owned() }))
            }
            FactType::Word(words) => self.word(file, fact, words, node).map(Operand::Word),
            FactType::Domain => {
                self.parsed(file, node, "a domain, such as \"acme.fr\"", canonical_domain).map(Operand::Domain)
            }
            FactType::Address => {
                self.parsed(file, node, "an address, such as \"jean@acme.fr\"", Address::parse).map(Operand::Address)
            }
            FactType::Number => self.number(file, node).map(Operand::Number),
            FactType::Money => self.money(file, node).map(Operand::Money),
            FactType::Postcode => {
                self.parsed(file, node, "a postcode as text, such as \"06000\"", postcode).map(Operand::Postcode)
            }
            FactType::Department => self
                .parsed(file, node, "a department as text, such as \"06\" or \"2A\"", department)
                .map(Operand::Department),
            FactType::Bool => self.boolean(file, node).map(Operand::Bool),
        }
    }

    fn literal_text(&mut self, file: &str, node: &Node) -> Option<String> {
        if matches!(node.kind, Kind::Integer(_) | Kind::Float(_) | Kind::Bool(_)) {
            let problem = Problem::error("R004", format!("a text is compared with {}", node.describe()))
                .label("must be a text in quotes")
                .note("texts and numbers are never compared; put the value in quotes");
            self.report.add(file, node.span, problem);
            return None;
        }
        self.text(file, node)
    }

    fn parsed<T>(&mut self, file: &str, node: &Node, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        if node.as_text().is_none() {
            self.wrong_shape(file, node, expected);
            return None;
        }
        let text = self.text(file, node)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            let problem = Problem::error("R004", format!("`{}` is not {expected}", cut(&text)));
            self.report.add(file, node.span, problem.label(format!("must be {expected}")).note("correct the value"));
        }
        parsed
    }

    fn word(&mut self, file: &str, fact: &str, words: &[String], node: &Node) -> Option<String> {
        let text = self.literal_text(file, node)?;
        let found = words.iter().find(|w| w.eq_ignore_ascii_case(text.trim())).cloned();
        if found.is_none() {
            let (code, what) = match fact {
                "form.id" => ("R003", "form"),
                "intake" => ("R003", "intake"),
                "template" => ("R003", "template"),
                _ => ("R004", "value"),
            };
            let problem = Problem::error(code, format!("unknown {what} `{}` for {fact}", cut(&text)))
                .label(suggestion(text.trim(), words.iter().map(String::as_str)))
                .note(match code {
                    "R003" if fact == "template" => "templates stand in the folder of [templates], each with its name",
                    "R003" => "forms and intakes are declared in the configuration",
                    _ => "only the listed values can occur, so this rule would never match",
                });
            self.report.add(file, node.span, problem);
        }
        found
    }

    fn number(&mut self, file: &str, node: &Node) -> Option<f64> {
        match node.kind {
            #[expect(clippy::cast_precision_loss, reason = "numbers in rules are far below 2^53")]
            Kind::Integer(n) => Some(n as f64),
            Kind::Float(n) if n.is_finite() => Some(n),
            _ => {
                self.wrong_shape(file, node, "a number without quotes");
                None
            }
        }
    }

    /// `5000`, `99.5`, or `{ amount = 5000, currency = "EUR" }`.
    pub(super) fn money(&mut self, file: &str, node: &Node) -> Option<Money> {
        if let Some(pairs) = node.as_table() {
            self.only_keys(file, pairs, &["amount", "currency"], "an amount");
            let currency = match node.get("currency") {
                Some(code) => Some(self.currency_code(file, code)?),
                None => self.currency.clone(),
            };
            let Some(amount) = node.get("amount") else {
                self.missing_key(file, node.span, "amount", "an amount", "write { amount = 5000, currency = \"EUR\" }");
                return None;
            };
            let minor = self.hundredths(file, amount)?;
            return Some(Money { minor, currency });
        }
        let minor = self.hundredths(file, node)?;
        Some(Money { minor, currency: self.currency.clone() })
    }

    fn hundredths(&mut self, file: &str, node: &Node) -> Option<i64> {
        let amount = self.number(file, node)?;
        let minor = (amount * 100.0).round();
        if !(0.0..=9.0e15).contains(&minor) {
            self.wrong_shape(file, node, "an amount from 0 to 90 000 000 000 000");
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
        let minor = minor as i64;
        Some(minor)
    }

    /// Three capital letters.
    pub(super) fn currency_code(&mut self, file: &str, node: &Node) -> Option<String> {
        let code =
            |text: &str| (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())).then(|| text.to_owned());
        self.parsed(file, node, "an ISO 4217 currency code, such as \"EUR\"", code)
    }

    /// A language code.
    pub(super) fn language(&mut self, file: &str, node: &Node) -> Option<String> {
        let Some(FactType::Word(words)) = self.schema.get("lang").map(|f| f.kind.clone()) else { return None };
        self.word(file, "lang", &words, node)
    }
}

fn postcode(text: &str) -> Option<String> {
    let code = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    (plain && (2..=12).contains(&code.len()) && code.bytes().any(|b| b.is_ascii_digit())).then_some(code)
}

fn department(text: &str) -> Option<String> {
    let code = text.trim().to_uppercase();
    department_order(&code).map(|_| code)
}
