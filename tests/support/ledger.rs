//! Counting in the database behind the daemon's back, the same for both engines.

use sqlx::{Connection, PgConnection, SqliteConnection};

/// The answer of one statement that yields one number. `url` is the daemon's `database`.
pub async fn count(url: &str, sql: &'static str) -> i64 {
    if url.starts_with("sqlite:") {
        let mut db = SqliteConnection::connect(url).await.expect("the database file opens");
        let n = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut db).await.expect(sql);
        db.close().await.expect("closes");
        n
    } else {
        let mut db = PgConnection::connect(url).await.expect("the server answers");
        let n = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut db).await.expect(sql);
        db.close().await.expect("closes");
        n
    }
}

/// The first column of every row, as text.
pub async fn texts(url: &str, sql: &'static str) -> Vec<String> {
    if url.starts_with("sqlite:") {
        let mut db = SqliteConnection::connect(url).await.expect("the database file opens");
        let rows = sqlx::query_scalar::<_, String>(sql).fetch_all(&mut db).await.expect(sql);
        db.close().await.expect("closes");
        rows
    } else {
        let mut db = PgConnection::connect(url).await.expect("the server answers");
        let rows = sqlx::query_scalar::<_, String>(sql).fetch_all(&mut db).await.expect(sql);
        db.close().await.expect("closes");
        rows
    }
}

/// Runs statements.
pub async fn run(url: &str, sql: &str) {
    let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    if url.starts_with("sqlite:") {
        let mut db = SqliteConnection::connect(url).await.expect("the database file opens");
        statements.execute(&mut db).await.expect(sql);
        db.close().await.expect("closes");
    } else {
        let mut db = PgConnection::connect(url).await.expect("the server answers");
        statements.execute(&mut db).await.expect(sql);
        db.close().await.expect("closes");
    }
}

/// [`count`] for tests without a runtime.
pub fn count_blocking(url: &str, sql: &'static str) -> i64 {
    runtime().block_on(count(url, sql))
}

/// [`texts`] for tests without a runtime.
pub fn texts_blocking(url: &str, sql: &'static str) -> Vec<String> {
    runtime().block_on(texts(url, sql))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
