//! All that a database holds, to compare before with after.

use sqlx::{Connection as _, Row as _};

use super::lab::Lab;

/// What is no record of the CRM: the merges themselves, who did what, and counters.
const BESIDE: [&str; 5] = ["merge_event", "audit", "sequence", "match_size", "pisteur_migration"];

/// Every row of every table of records, byte for byte.
pub async fn dump(lab: &Lab) -> Vec<String> {
    let mut all = Vec::new();
    if lab.store.engine() == "sqlite" {
        let mut conn = sqlx::SqliteConnection::connect(&lab.url).await.unwrap();
        let tables = "SELECT m.name AS t, group_concat('quote(\"' || c.name || '\")', ' || '','' || ') AS c \
                      FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                      WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' GROUP BY m.name";
        for row in sqlx::query(tables).fetch_all(&mut conn).await.unwrap() {
            let (table, columns): (String, String) = (row.get("t"), row.get("c"));
            let sql = format!("SELECT {columns} AS v FROM \"{table}\"");
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
            let rows = rows.iter().map(|r| format!("{table}: {}", r.get::<String, _>("v")));
            all.extend(rows.filter(|_| !BESIDE.contains(&table.as_str())));
        }
        conn.close().await.unwrap();
    } else {
        let mut conn = sqlx::PgConnection::connect(&lab.url).await.unwrap();
        let tables = "SELECT table_name::text AS t FROM information_schema.tables WHERE table_schema = 'public'";
        for row in sqlx::query(tables).fetch_all(&mut conn).await.unwrap() {
            let table: String = row.get("t");
            let sql = format!("SELECT CAST(to_jsonb(x) AS TEXT) AS v FROM \"{table}\" x");
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
            let rows = rows.iter().map(|r| format!("{table}: {}", r.get::<String, _>("v")));
            all.extend(rows.filter(|_| !BESIDE.contains(&table.as_str())));
        }
        conn.close().await.unwrap();
    }
    all.sort_unstable();
    all
}
