//! The lines that a block is looked for in, each of them looked at once.

use std::cell::OnceCell;

use super::super::signature_words::{after_closing, closes};
use super::TAIL;
use super::line::{Sender, Shape, shape};

/// Lines, who wrote them, and what is known of their shapes.
pub(super) struct Seen<'l> {
    pub(super) lines: &'l [&'l str],
    pub(super) sender: &'l Sender,
    shapes: Vec<OnceCell<Shape>>,
}

impl<'l> Seen<'l> {
    pub(super) fn new(lines: &'l [&'l str], sender: &'l Sender) -> Self {
        Self { lines, sender, shapes: vec![OnceCell::new(); lines.len()] }
    }

    /// The line without the blanks around it; nothing where there is none.
    pub(super) fn line(&self, at: usize) -> &'l str {
        self.lines.get(at).map_or("", |line| line.trim())
    }

    /// What the line looks like: several walks ask for the same one.
    pub(super) fn shape(&self, at: usize) -> Shape {
        let look = || shape(self.line(at), self.sender);
        self.shapes.get(at).map_or(Shape::Text, |known| *known.get_or_init(look))
    }

    /// A closing may stand among the lines that are looked at: behind a paragraph, an afterthought and a block.
    pub(super) fn closes(&self) -> bool {
        let closing = |at: usize| closes(self.line(at)) || after_closing(self.line(at)).is_some();
        self.filled(self.lines.len()).take(3 * (TAIL + 1)).any(closing)
    }

    /// An empty line stands above.
    pub(super) fn is_parted(&self, at: usize) -> bool {
        at > 0 && self.line(at - 1).is_empty()
    }

    /// Where something is written above `end`, the last first.
    pub(super) fn filled(&self, end: usize) -> impl Iterator<Item = usize> {
        (0..end).rev().filter(|&at| !self.line(at).is_empty())
    }
}
