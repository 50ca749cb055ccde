//! The raw limits: the same rows through the same driver in a plain loop, and a plain FETCH loop against the same Dovecot.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, PgConnection, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _,
};

use crate::support::daemon::Setup;

/// One value of a row as stored.
#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The rows one arrival left in each table, oldest arrival first.
pub struct Rows {
    /// Table -> INSERT statement.
    inserts: BTreeMap<String, String>,
    /// For each arrival: table and its rows.
    arrivals: Vec<Vec<(String, Vec<Cell>)>>,
}

/// Tables an accepted form writes, with the column that names the arrival.
const JOURNAL: [(&str, &str); 3] = [("arrival", "id"), ("arrival_raw", "arrival"), ("arrival_key", "arrival")];

async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.expect("the database opens")
}

fn cell(row: &sqlx::sqlite::SqliteRow, index: usize) -> Cell {
    let value = row.try_get_raw(index).expect("a column");
    if value.is_null() {
        return Cell::Null;
    }
    match value.type_info().name() {
        "INTEGER" => Cell::Int(row.get(index)),
        "BLOB" => Cell::Blob(row.get(index)),
        _ => Cell::Text(row.get(index)),
    }
}

/// Every row of `table` with its owner, and its INSERT.
async fn table(db: &mut SqliteConnection, name: &str, owner: &str) -> (String, Vec<(i64, Vec<Cell>)>) {
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT {owner} AS owner_of_row, * FROM {name}")))
        .fetch_all(db)
        .await
        .expect("the table is read");
    let columns: Vec<String> =
        rows.first().map(|r| r.columns().iter().skip(1).map(|c| c.name().to_owned()).collect()).unwrap_or_default();
    let marks: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let insert = format!("INSERT INTO {name} ({}) VALUES ({})", columns.join(", "), marks.join(", "));
    let found = rows
        .iter()
        .map(|r| (r.try_get::<i64, _>(0).unwrap_or(0), (1..r.len()).map(|i| cell(r, i)).collect()))
        .collect();
    (insert, found)
}

impl Rows {
    /// The journal rows of a database.
    pub async fn journal(path: &Path) -> Self {
        Self::read(path, &JOURNAL.map(|(t, o)| (t, o.to_owned()))).await
    }

    /// Every row that arrivals left, the records they made included.
    pub async fn all(path: &Path) -> Self {
        let record = "(SELECT a.id FROM arrival a WHERE a.record = {} AND a.duplicate_of IS NULL LIMIT 1)";
        let of_record = |column: &str| record.replace("{}", column);
        let tables = [
            ("arrival", "id".to_owned()),
            ("arrival_raw", "arrival".to_owned()),
            ("arrival_key", "arrival".to_owned()),
            ("entity", of_record("entity.id")),
            ("lead", of_record("lead.id")),
            ("contact_point", of_record("contact_point.record")),
            ("match_key", of_record("match_key.entity")),
            ("communication", "arrival".to_owned()),
            ("decision", "arrival".to_owned()),
        ];
        Self::read(path, &tables).await
    }

    async fn read(path: &Path, tables: &[(&str, String)]) -> Self {
        let mut db = open(path).await;
        let mut inserts = BTreeMap::new();
        let mut grouped: BTreeMap<i64, Vec<(String, Vec<Cell>)>> = BTreeMap::new();
        sqlx::query("CREATE INDEX IF NOT EXISTS bench_record ON arrival (record)")
            .execute(&mut db)
            .await
            .expect("index");
        for (name, owner) in tables {
            let (insert, rows) = table(&mut db, name, owner).await;
            inserts.insert((*name).to_owned(), insert);
            for (arrival, cells) in rows {
                grouped.entry(arrival).or_default().push(((*name).to_owned(), cells));
            }
        }
        Self { inserts, arrivals: grouped.into_values().collect() }
    }

    /// Arrivals a second when these rows are written to a fresh database, `group` arrivals in a transaction.
    pub async fn write_sqlite(&self, group: usize) -> f64 {
        let setup = Setup::new();
        assert!(setup.run(&["migrate"]).status.success());
        let mut db = open(Path::new(&setup.database_url()["sqlite://".len()..])).await;
        let started = Instant::now();
        for chunk in self.arrivals.chunks(group) {
            let mut tx = db.begin().await.expect("a transaction");
            for (table, cells) in chunk.iter().flatten() {
                let mut query = sqlx::query(AssertSqlSafe(self.inserts[table].clone()));
                for cell in cells {
                    query = match cell.clone() {
                        Cell::Null => query.bind(None::<String>),
                        Cell::Int(n) => query.bind(n),
                        Cell::Text(t) => query.bind(t),
                        Cell::Blob(b) => query.bind(b),
                    };
                }
                query.execute(&mut *tx).await.unwrap_or_else(|e| panic!("{table}: {e}"));
            }
            tx.commit().await.expect("a commit");
        }
        self.arrivals.len() as f64 / started.elapsed().as_secs_f64()
    }

    /// The same on PostgreSQL, in a database that `pisteur migrate` has made: `group` arrivals in a transaction.
    pub async fn write_postgres(&self, url: &str, group: usize) -> f64 {
        let mut db = PgConnection::connect(url).await.expect("the server answers");
        sqlx::raw_sql("SET session_replication_role = replica").execute(&mut db).await.expect("set");
        let started = Instant::now();
        for chunk in self.arrivals.chunks(group) {
            let mut tx = db.begin().await.expect("a transaction");
            for (table, cells) in chunk.iter().flatten() {
                let head = self.inserts[table].split(" VALUES").next().expect("an INSERT");
                let mut marks = (1..).map(|n| format!("${n}"));
                let values: Vec<String> = cells
                    .iter()
                    .map(|c| if matches!(c, Cell::Null) { "NULL".to_owned() } else { marks.next().unwrap_or_default() })
                    .collect();
                let mut query = sqlx::query(AssertSqlSafe(format!("{head} VALUES ({})", values.join(", "))));
                for cell in cells {
                    query = match cell.clone() {
                        Cell::Null => query,
                        Cell::Int(n) => query.bind(n),
                        Cell::Text(t) => query.bind(t),
                        Cell::Blob(b) => query.bind(b),
                    };
                }
                query.execute(&mut *tx).await.unwrap_or_else(|e| panic!("{table}: {e}"));
            }
            tx.commit().await.expect("a commit");
        }
        self.arrivals.len() as f64 / started.elapsed().as_secs_f64()
    }

    /// The first `count` arrivals alone.
    pub fn first(mut self, count: usize) -> Self {
        self.arrivals.truncate(count);
        self
    }

    /// A pgbench script that writes the rows of one typical arrival under fresh numbers.
    pub fn pgbench_script(&self) -> String {
        let typical = self.arrivals.get(self.arrivals.len() / 2).expect("an arrival");
        let mut numbers: BTreeMap<i64, usize> = BTreeMap::new();
        let mut texts: BTreeMap<String, usize> = BTreeMap::new();
        let mut script = String::from("SELECT nextval('bench_numbers') * 64 AS base \\gset\nBEGIN;\n");
        for (table, cells) in typical {
            let head = self.inserts[table].split(" VALUES").next().expect("an INSERT");
            let values: Vec<String> = cells
                .iter()
                .map(|cell| match cell {
                    Cell::Null => "NULL".to_owned(),
                    Cell::Int(n) if *n > 1_000_000_000_000 || *n < 100 => n.to_string(),
                    Cell::Int(n) => {
                        let next = numbers.len();
                        format!("(:base + {})", *numbers.entry(*n).or_insert(next))
                    }
                    Cell::Text(t) if t.len() == 26 || t.starts_with("form:") => {
                        let next = texts.len();
                        format!("lpad((:base + {})::text, 26, '0')", *texts.entry(t.clone()).or_insert(next))
                    }
                    Cell::Text(t) => format!("'{}'", t.replace('\'', "''").replace(':', "\u{a789}")),
                    Cell::Blob(b) => {
                        let hex = b.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
                        format!("'\\x{hex}'")
                    }
                })
                .collect();
            script.push_str(&format!("{head} VALUES ({});\n", values.join(", ")));
        }
        script.push_str("COMMIT;\n");
        script
    }
}

/// Looks at the daemon's database over a connection of its own.
pub enum Eye {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Eye {
    /// `url` is the daemon's `database`.
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await.expect("the database file opens"))
        } else {
            Self::Postgres(PgConnection::connect(url).await.expect("the server answers"))
        }
    }

    /// Whether the arrival has led to a record.
    pub async fn sees_lead_of(&mut self, id: &str) -> bool {
        let sql = "SELECT count(*) FROM arrival a JOIN lead l ON l.id = a.record WHERE a.ulid = $1";
        let leads: i64 = match self {
            Self::Sqlite(db) => sqlx::query_scalar(sql).bind(id).fetch_one(db).await.expect(sql),
            Self::Postgres(db) => sqlx::query_scalar(sql).bind(id).fetch_one(db).await.expect(sql),
        };
        leads > 0
    }
}

/// Messages a second of a plain `UID FETCH n (BODY.PEEK[])` loop over the first `count` messages.
pub fn fetch_loop(port: u16, user: &str, count: usize) -> f64 {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("Dovecot answers");
    stream.set_nodelay(true).expect("set");
    let (mut lines, mut out) = (BufReader::new(&stream), &stream);
    let mut line = String::new();
    lines.read_line(&mut line).expect("a greeting");
    let mut command = |tag: usize, text: &str| {
        write!(out, "a{tag} {text}\r\n").expect("sent");
        loop {
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line).expect("a line");
            let text = String::from_utf8_lossy(&line).into_owned();
            if let Some(size) = text.trim_end().strip_suffix('}').and_then(|t| t.rsplit('{').next()) {
                let mut literal = vec![0; size.parse().expect("a literal's size")];
                lines.read_exact(&mut literal).expect("a literal");
            }
            if text.starts_with(&format!("a{tag} ")) {
                assert!(text.contains(" OK "), "{text}");
                return;
            }
        }
    };
    command(1, &format!("LOGIN {user} secret"));
    command(2, "SELECT INBOX");
    let started = Instant::now();
    for n in 1..=count {
        command(n + 2, &format!("UID FETCH {n} (BODY.PEEK[])"));
    }
    count as f64 / started.elapsed().as_secs_f64()
}
