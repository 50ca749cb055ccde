//! `tables/*.csv`: postcodes or departments, from and to, and the pool that takes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Compiler, MAX_ENTRIES};
use crate::domain::rules::diagnostics::{Problem, listed, suggestion};
use crate::domain::rules::ir::{Row, Table};
use crate::domain::rules::postcode::department_order;
use crate::domain::rules::tree::{Node, Span};

const COLUMNS: [&str; 4] = ["from", "to", "pool", "comment"];

impl Compiler<'_> {
    pub(super) fn read_tables(&mut self, files: &BTreeMap<String, (String, String)>) {
        for (name, (file, text)) in files {
            let mut rows = self.rows(file, text);
            rows.sort_by_key(|(row, _)| order(row));
            for pair in rows.windows(2) {
                if let [(a, _), (b, span)] = pair
                    && (a.departments, a.width, a.from.len()) == (b.departments, b.width, b.from.len())
                    && place(&b.from, b.departments) <= place(&a.to, a.departments)
                {
                    let problem = Problem::error("R017", format!("{}-{} overlaps {}-{}", b.from, b.to, a.from, a.to))
                        .label(format!("as precise as line {}, so neither wins", a.line))
                        .note("remove one row, or make one of them more precise");
                    self.report.add(file, *span, problem);
                }
            }
            let rows = rows.into_iter().map(|(row, _)| row).collect();
            self.tables.insert(name.clone(), Arc::new(Table { name: format!("{name}.csv"), rows }));
        }
    }

    fn rows(&mut self, file: &str, text: &str) -> Vec<(Row, Span)> {
        let body = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let skipped = text.len() - body.len();
        let first = body.lines().next().unwrap_or_default();
        let delimiter = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(body.as_bytes());
        let header: Vec<String> = reader.headers().map(|h| h.iter().map(str::to_owned).collect()).unwrap_or_default();
        if !self.check_header(file, &header, (skipped, skipped + first.len())) {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let at = error.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0)) + skipped;
                    let problem = Problem::error("R001", "this is not CSV").label(error.to_string());
                    self.report.add(
                        file,
                        (at, at),
                        problem.note("correct the row; quote cells that contain the separator"),
                    );
                    return rows;
                }
            };
            let start = skipped + record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0));
            let span = line_span(text, start);
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |name: &str| {
                let column = header.iter().position(|h| h == name);
                column.and_then(|c| record.get(c)).unwrap_or_default().to_owned()
            };
            rows.extend(self.row(file, span, line, &cell).map(|row| (row, span)));
            if rows.len() > MAX_ENTRIES {
                let problem = Problem::error("R020", format!("more than {MAX_ENTRIES} rows")).label("too long");
                self.report.add(file, span, problem.note("split the table"));
                return rows;
            }
        }
        rows
    }

    fn check_header(&mut self, file: &str, header: &[String], span: Span) -> bool {
        let mut good = true;
        for name in header.iter().filter(|h| !COLUMNS.contains(&h.as_str())) {
            let problem = Problem::error("R002", format!("unknown column `{}`", super::keys::cut(name)))
                .label(suggestion(name, COLUMNS))
                .note(format!("columns of a table: {}", listed(COLUMNS)));
            self.report.add(file, span, problem);
            good = false;
        }
        for name in COLUMNS.iter().filter(|c| **c != "comment" && !header.iter().any(|h| h == *c)) {
            self.missing_key(file, span, name, "the table", "begin the file with the line from,to,pool,comment");
            good = false;
        }
        good
    }

    fn row(&mut self, file: &str, span: Span, line: u64, cell: &dyn Fn(&str) -> String) -> Option<Row> {
        let (from, to, pool) = (cell("from").to_uppercase(), cell("to").to_uppercase(), cell("pool"));
        if from.is_empty() || to.is_empty() || pool.is_empty() {
            let problem = Problem::error("R017", "empty cell").label("`from`, `to` and `pool` must be filled");
            self.report.add(file, span, problem.note("fill the cell, or remove the row"));
            return None;
        }
        let departments = department_order(&from).is_some() && department_order(&to).is_some();
        let codes = from.len() == to.len() && from.len() > 3;
        let (first, last) = (place(&from, departments), place(&to, departments));
        if !(departments || codes) || first > last {
            let problem = Problem::error("R017", format!("{from}-{to} is no range"))
                .label("two departments or two postcodes, the lower one first")
                .note("read every column as text in the spreadsheet, so that 06 does not become 6");
            self.report.add(file, span, problem);
            return None;
        }
        if !self.pools.contains_key(&pool) {
            self.unknown_name(file, span, "pool", &pool, "pools.toml", |c| c.pools.keys().cloned().collect());
            return None;
        }
        let width = width(&from, &to, departments);
        Some(Row { from, to, pool, departments, width, line })
    }

    /// A table by name, with or without `.csv`.
    pub(super) fn table(&mut self, file: &str, node: &Node) -> Option<Arc<Table>> {
        let name = self.text(file, node)?;
        let found = self.tables.get(name.strip_suffix(".csv").unwrap_or(&name)).cloned();
        if found.is_none() {
            self.unknown_name(file, node.span, "table", &name, "tables/", |c| {
                c.tables.values().map(|t| t.name.clone()).collect()
            });
        }
        found
    }
}

/// Sorting: the most precise first, then by place.
fn order(row: &Row) -> (bool, u32, usize, (u32, String)) {
    (row.departments, row.width, row.from.len(), place(&row.from, row.departments))
}

/// Where a code stands among its kind.
fn place(code: &str, departments: bool) -> (u32, String) {
    if departments { (department_order(code).unwrap_or(0), String::new()) } else { (0, code.to_owned()) }
}

fn width(from: &str, to: &str, departments: bool) -> u32 {
    if departments {
        let order = |d| department_order(d).unwrap_or(0);
        return order(to).saturating_sub(order(from)) + 1;
    }
    match (from.parse::<u32>(), to.parse::<u32>()) {
        (Ok(from), Ok(to)) => to.saturating_sub(from).saturating_add(1),
        _ if from == to => 1,
        _ => u32::MAX,
    }
}

fn line_span(text: &str, start: usize) -> Span {
    let rest = text.get(start..).unwrap_or_default();
    let lead = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    let line = rest.get(lead..).unwrap_or_default().lines().next().unwrap_or_default();
    (start + lead, start + lead + line.len())
}
