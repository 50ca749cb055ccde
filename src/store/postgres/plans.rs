//! Preparing every statement and asking for its plan: proof that schema and statements agree.

use sqlx::{Acquire as _, AssertSqlSafe, Row as _};

use super::driver::{self, Connection};
use super::queries;
use crate::store::{StoreError, StoreResult};

const PARAMETERS: &str =
    "SELECT COALESCE(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = 'pisteur_plan'";

/// Statements whose arguments the server cannot tell the types of; the driver names them on every call.
const TYPED: [(&str, &str); 1] = [("INSERT_RAW", "(TEXT, BYTEA)")];

/// The plan of each statement, by name, as it is without knowing the arguments.
pub(super) async fn plans(conn: &mut Connection) -> StoreResult<Vec<(&'static str, String)>> {
    let mut transaction = conn.begin().await?;
    sqlx::raw_sql("SET LOCAL plan_cache_mode = force_generic_plan").execute(&mut *transaction).await?;
    // Small tables would be read whole; the question is whether an index can serve.
    sqlx::raw_sql("SET LOCAL enable_seqscan = off").execute(&mut *transaction).await?;
    let own = [
        ("RESERVE", driver::RESERVE),
        ("LOCK_KEYS", driver::LOCK_KEYS),
        ("HOLD", driver::HOLD),
        ("HAVE_ULIDS", super::HAVE_ULIDS),
    ];
    let mut plans = Vec::new();
    for (name, sql) in queries::all_statements().into_iter().chain(own) {
        let plan = plan(&mut transaction, name, sql)
            .await
            .map_err(|e| StoreError::Other(format!("the statement {name} cannot be prepared: {e}").into()))?;
        plans.push((name, plan));
    }
    transaction.rollback().await?;
    Ok(plans)
}

async fn plan(conn: &mut Connection, name: &str, sql: &str) -> Result<String, sqlx::Error> {
    let types = TYPED.iter().find(|(typed, _)| *typed == name).map_or("", |(_, types)| types);
    sqlx::raw_sql(AssertSqlSafe(format!("PREPARE pisteur_plan {types} AS {sql}"))).execute(&mut *conn).await?;
    let parameters: i32 = sqlx::query(PARAMETERS).fetch_one(&mut *conn).await?.try_get(0)?;
    let nulls = vec!["NULL"; usize::try_from(parameters).unwrap_or(0)].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE pisteur_plan{arguments}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut *conn).await?;
    sqlx::raw_sql("DEALLOCATE pisteur_plan").execute(&mut *conn).await?;
    let lines: Vec<String> = rows.iter().map(|r| r.try_get(0)).collect::<Result<_, _>>()?;
    Ok(lines.join("\n"))
}
