//! People, teams and rule sets, copied from the rules folder so that the database explains itself.

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{json, run, statements};
use crate::clock::Timestamp;
use crate::store::StoreResult;
use crate::store::batch::{Batch, row};
use crate::store::rows::{PersonRow, TeamRow};

statements! {
    RETIRE_PEOPLE("UPDATE person SET active = 0");
    RETIRE_TEAMS("UPDATE team SET active = 0");
    PEOPLE(
        "INSERT INTO person (id, name, email, active, languages) SELECT value->>0, value->>1, value->>2,",
        " CAST(value->>3 AS BIGINT), value->>4 FROM ", rows!("1"), " WHERE true ON CONFLICT (id) DO UPDATE SET",
        " name = excluded.name, email = excluded.email, active = excluded.active, languages = excluded.languages");
    TEAMS(
        "INSERT INTO team (id, name, active) SELECT value->>0, value->>1, 1 FROM ", rows!("1"),
        " WHERE true ON CONFLICT (id) DO UPDATE SET name = excluded.name, active = 1");
    CLEAR_MEMBERS("DELETE FROM team_member");
    MEMBERS("INSERT INTO team_member (team, person) SELECT value->>0, value->>1 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    SAVE_RULESET("INSERT INTO ruleset (hash, sources, saved_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING");
    RULESET("SELECT sources FROM ruleset WHERE hash = $1");
}

/// Copies people and teams; who is missing becomes inactive.
pub(in super::super) async fn sync_people(
    conn: &mut Connection,
    people: &[PersonRow],
    teams: &[TeamRow],
) -> StoreResult<()> {
    let (mut persons, mut groups, mut members) = (Batch::default(), Batch::default(), Batch::default());
    for person in people {
        let languages = serde_json::to_string(&person.languages).unwrap_or_else(|_| "[]".to_owned());
        row!(persons; person.id, person.name, person.email, i64::from(person.active), languages);
    }
    for team in teams {
        row!(groups; team.id, team.name);
        for member in &team.members {
            row!(members; team.id, member);
        }
    }
    sqlx::query(RETIRE_PEOPLE).execute(&mut *conn).await?;
    sqlx::query(RETIRE_TEAMS).execute(&mut *conn).await?;
    run(conn, PEOPLE, &persons).await?;
    run(conn, TEAMS, &groups).await?;
    sqlx::query(CLEAR_MEMBERS).execute(&mut *conn).await?;
    run(conn, MEMBERS, &members).await?;
    Ok(())
}

/// Keeps the source of a rule set.
pub(in super::super) async fn save_ruleset(
    conn: &mut Connection,
    hash: &str,
    sources: &serde_json::Value,
    now: Timestamp,
) -> StoreResult<()> {
    sqlx::query(SAVE_RULESET).bind(hash).bind(sources.to_string()).bind(now.micros()).execute(conn).await?;
    Ok(())
}

/// Source of a stored rule set.
pub(in super::super) async fn ruleset(conn: &mut Connection, hash: &str) -> StoreResult<Option<serde_json::Value>> {
    let row = sqlx::query(RULESET).bind(hash).fetch_optional(conn).await?;
    row.map(|r| Ok(json(r.try_get("sources")?))).transpose()
}
