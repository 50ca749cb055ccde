//! Regular expressions and word patterns: checked before they run, with the place inside the pattern.
//!
//! Only the `regex` crate, which is linear in time, with a size limit; so no pattern can hold an arrival up.

use regex::RegexBuilder;
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{self, Ast, ClassSetItem, GroupKind, RepetitionKind, RepetitionRange, Visitor};
use regex_syntax::hir::{Hir, HirKind, translate::Translator};

use super::Compiler;
use crate::domain::rules::diagnostics::Problem;
use crate::domain::rules::fold::fold;
use crate::domain::rules::ir::Pattern;
use crate::domain::rules::tree::{Kind, Node, Span};

const SIZE_LIMIT: usize = 1 << 20;
const NEST_LIMIT: u32 = 50;
/// Endings that make `name.ending` look like a domain.
const ENDINGS: [&str; 12] = ["com", "fr", "org", "net", "eu", "de", "cz", "ir", "io", "be", "ch", "uk"];

/// Named groups of a pattern, with whether each is always set when the pattern matches.
pub(super) type Groups = Vec<(String, bool)>;

impl Compiler<'_> {
    /// Compiles the pattern of a `regex` operator.
    pub(super) fn regex(&mut self, file: &str, exact: bool, node: &Node) -> Option<(Pattern, Groups)> {
        let Kind::Text { value: source, body: Some(body) } = &node.kind else {
            if node.as_text().is_none() {
                self.wrong_shape(file, node, "a regex in single quotes");
                return None;
            }
            let problem = Problem::error("R005", "a regex must stand in single quotes")
                .label("in double quotes every backslash would need another one")
                .note("write '…' instead of \"…\"");
            self.report.add(file, node.span, problem);
            return None;
        };
        let ast = match ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(source) {
            Ok(ast) => ast,
            Err(error) => {
                let deep = matches!(error.kind(), ast::ErrorKind::NestLimitExceeded(_));
                let code = if deep { "R020" } else { "R005" };
                self.regex_error(file, code, *body, error.span(), &error.kind().to_string());
                return None;
            }
        };
        let groups = self.inspect(file, *body, exact, source, &ast);
        let hir = match Translator::new().translate(source, &ast) {
            Ok(hir) => hir,
            Err(error) => {
                self.regex_error(file, "R005", *body, error.span(), &error.kind().to_string());
                return None;
            }
        };
        let pattern = self.build(file, node.span, source)?;
        self.warn_slow(file, node.span, source, &hir);
        Some((pattern, groups))
    }

    fn regex_error(&mut self, file: &str, code: &'static str, body: usize, span: &ast::Span, said: &str) {
        let place = (body + span.start.offset, body + span.end.offset);
        let problem = Problem::error(code, "this regex cannot be used")
            .label(said.to_owned())
            .note("correct the pattern at the marked place; look-around and back-references do not exist");
        self.report.add(file, place, problem);
    }

    /// Compiles within the size limit and refuses what matches nothing at all.
    fn build(&mut self, file: &str, span: Span, source: &str) -> Option<Pattern> {
        let built = RegexBuilder::new(source).size_limit(SIZE_LIMIT).nest_limit(NEST_LIMIT).build();
        let problem = match built {
            Ok(regex) if regex.is_match("") => Problem::error("R020", "this pattern matches the empty text")
                .label("so it matches every arrival")
                .note("demand at least one character, for instance `+` instead of `*`"),
            Ok(regex) => return Some(Pattern { source: source.to_owned(), regex }),
            Err(regex::Error::CompiledTooBig(limit)) => Problem::error("R020", "this pattern is too big once compiled")
                .label(format!("the limit is {limit} bytes"))
                .note("use smaller repetition counts, or a list in lists/"),
            Err(error) => Problem::error("R005", "this regex cannot be used")
                .label(error.to_string().lines().last().unwrap_or_default().to_owned())
                .note("correct the pattern"),
        };
        self.report.add(file, span, problem);
        None
    }

    fn warn_slow(&mut self, file: &str, span: Span, source: &str, hir: &Hir) {
        if source.starts_with(".*") {
            let problem =
                Problem::warning("R020", "the pattern begins with `.*`").label("a pattern may begin anywhere");
            self.report.add(file, span, problem.note("remove `.*`; it only costs time"));
        }
        if !has_literal(hir) {
            let problem = Problem::warning("R020", "the pattern demands no fixed letters")
                .label("it is tried on every text")
                .note("add a word that must occur, if there is one");
            self.report.add(file, span, problem);
        }
    }

    /// Reports letters that can never occur in folded text, and dots that look like part of a domain.
    fn inspect(&mut self, file: &str, body: usize, exact: bool, source: &str, parsed: &Ast) -> Groups {
        let inspector = Inspector { optional: 0, groups: Vec::new(), unfolded: Vec::new(), dots: Vec::new() };
        let Ok(seen) = ast::visit(parsed, inspector) else { return Vec::new() };
        for (span, c) in seen.unfolded.iter().filter(|_| !exact) {
            let folded = fold(&c.to_string());
            let remedy = if folded.is_empty() { "remove it".to_owned() } else { format!("write `{folded}`") };
            let problem = Problem::error("R021", format!("`{c}` never occurs in folded text"))
                .label(remedy)
                .note("patterns run on text in lower case and without accents; add `exact = true` to match as written");
            self.report.add(file, (body + span.start.offset, body + span.end.offset), problem);
        }
        for span in &seen.dots {
            let after = source.get(span.end.offset..).unwrap_or_default();
            let word: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
            if ENDINGS.contains(&word.as_str()) {
                let problem = Problem::warning("R020", "this dot matches any character")
                    .label("write `\\.` if a domain is meant")
                    .note("an unescaped dot in a domain lets other domains through");
                self.report.add(file, (body + span.start.offset, body + span.end.offset), problem);
            }
        }
        seen.groups
    }

    /// Words and phrases as one pattern. A word is bounded by anything that is no letter, digit or `_` (UTS #18), so
    /// `d'offres` contains the word `offres`; spaces in a phrase match any run of white space.
    pub(super) fn words(&mut self, file: &str, exact: bool, node: &Node) -> Option<Pattern> {
        let mut words = Vec::new();
        for item in self.one_or_many(file, node) {
            let text = self.text(file, item)?;
            let text = if exact { text } else { fold(&text) };
            let parts: Vec<String> = text.split_whitespace().map(regex::escape).collect();
            if parts.is_empty() {
                let problem = Problem::error("R004", "nothing is left of this word once folded").label("no letters");
                self.report.add(file, item.span, problem.note("write a word with letters or digits"));
                return None;
            }
            words.push(parts.join(r"\s+"));
        }
        if words.is_empty() {
            return None;
        }
        let source = format!(r"\b{{start-half}}(?:{})\b{{end-half}}", words.join("|"));
        let built = RegexBuilder::new(&source).size_limit(SIZE_LIMIT * 16).build();
        if built.is_err() {
            let problem = Problem::error("R020", "too many words").label("too big once compiled");
            self.report.add(file, node.span, problem.note("split the rule"));
        }
        built.ok().map(|regex| Pattern { source, regex })
    }
}

/// Whether every match contains a fixed text of at least two letters.
fn has_literal(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len() >= 2,
        HirKind::Concat(parts) => parts.iter().any(has_literal),
        HirKind::Alternation(parts) => parts.iter().all(has_literal),
        HirKind::Capture(capture) => has_literal(&capture.sub),
        HirKind::Repetition(repetition) => repetition.min > 0 && has_literal(&repetition.sub),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// Walks a pattern without recursion.
struct Inspector {
    optional: usize,
    groups: Groups,
    unfolded: Vec<(ast::Span, char)>,
    dots: Vec<ast::Span>,
}

impl Inspector {
    fn literal(&mut self, literal: &ast::Literal) {
        let text = literal.c.to_string();
        if fold(&text) != text {
            self.unfolded.push((literal.span, literal.c));
        }
    }
}

const fn may_be_absent(node: &Ast) -> bool {
    match node {
        Ast::Alternation(_) => true,
        Ast::Repetition(r) => matches!(
            r.op.kind,
            RepetitionKind::ZeroOrOne
                | RepetitionKind::ZeroOrMore
                | RepetitionKind::Range(
                    RepetitionRange::Exactly(0) | RepetitionRange::AtLeast(0) | RepetitionRange::Bounded(0, _)
                )
        ),
        _ => false,
    }
}

impl Visitor for Inspector {
    type Output = Self;
    type Err = ();

    fn finish(self) -> Result<Self, ()> {
        Ok(self)
    }

    fn visit_pre(&mut self, node: &Ast) -> Result<(), ()> {
        if may_be_absent(node) {
            self.optional += 1;
        }
        match node {
            Ast::Literal(literal) => self.literal(literal),
            Ast::Group(group) => {
                if let GroupKind::CaptureName { name, .. } = &group.kind {
                    self.groups.push((name.name.clone(), self.optional == 0));
                }
            }
            Ast::Concat(concat) => {
                for three in concat.asts.windows(3) {
                    if let [Ast::Literal(a), Ast::Dot(dot), Ast::Literal(b)] = three
                        && a.c.is_ascii_alphanumeric()
                        && b.c.is_ascii_alphanumeric()
                    {
                        self.dots.push(**dot);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, node: &Ast) -> Result<(), ()> {
        if may_be_absent(node) {
            self.optional = self.optional.saturating_sub(1);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), ()> {
        match item {
            ClassSetItem::Literal(literal) => self.literal(literal),
            ClassSetItem::Range(range) => {
                self.literal(&range.start);
                self.literal(&range.end);
            }
            _ => {}
        }
        Ok(())
    }
}
