//! One record whole, with everything that hangs on it. Documents are built by the engine, one statement per part.

use serde_json::{Map, Value};
use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::arrivals::decisions;
use super::{json, statements, ulid};
use crate::domain::matching::EntityKind;
use crate::store::StoreResult;
use crate::store::rows::RecordDetail;

statements! {
    WHERE_IS(
        "SELECT s.id, s.ulid, s.kind, p.contact FROM entity x JOIN entity s ON s.id = COALESCE(x.merged_into, x.id)",
        " LEFT JOIN opportunity p ON p.id = s.id WHERE x.ulid = $1");
    LEAD("SELECT ", json_object!(
        "'created_at', r.created_at, 'modified_at', r.modified_at, 'kind', r.kind, 'salutation', r.salutation, ",
        "'first_name', r.first_name, 'last_name', r.last_name, 'full_name', r.full_name, 'gender', r.gender, ",
        "'job_title', r.job_title, 'company', r.company, 'website', r.website, 'topic', r.topic, ",
        "'inquiry_kind', r.inquiry_kind, 'message', r.message, 'language', r.language, 'country', r.country, ",
        "'territory', r.territory, 'source', s.name, 'medium', m.name, 'campaign', g.name, 'channel', r.channel, ",
        "'referred_by', r.referred_by, 'referred_kind', r.referred_kind, 'industry', r.industry, ",
        "'market_segment', r.market_segment, 'annual_revenue', r.annual_revenue, 'employees', r.employees, ",
        "'market_share', r.market_share, 'region', r.region, 'budget', r.budget, 'currency', r.currency"), " AS item, ",
        json_object!(
        "'owner', r.owner, 'queue', r.queue, 'team', r.team, 'status', r.status, 'priority', r.priority, ",
        "'score', r.score, 'next_contact_at', r.next_contact_at, 'next_contact_by', r.next_contact_by, ",
        "'next_action', r.next_action, 'postponed_until', r.postponed_until, 'postpone_note', r.postpone_note, ",
        "'watch', r.watch, 'watch_note', r.watch_note, 'discard_reason', r.discard_reason, ",
        "'discard_detail', r.discard_detail, 'unsubscribed', r.unsubscribed, ",
        "'verification_required', r.verification_required, 'last_message_at', r.last_message_at"), " AS more,",
        " r.first_touch, r.last_touch, r.incomplete FROM lead r LEFT JOIN source s ON s.id = r.source",
        " LEFT JOIN medium m ON m.id = r.medium LEFT JOIN campaign g ON g.id = r.campaign WHERE r.id = $1");
    OPPORTUNITY("SELECT ", json_object!(
        "'created_at', r.created_at, 'modified_at', r.modified_at, 'title', r.title, 'topic', r.topic, ",
        "'inquiry_kind', r.inquiry_kind, 'message', r.message, 'language', r.language, 'country', r.country, ",
        "'territory', r.territory, 'expected_revenue', r.expected_revenue, 'currency', r.currency, ",
        "'probability', r.probability, 'stage', r.stage, 'priority', r.priority, 'score', r.score, ",
        "'expected_close', r.expected_close, 'closed_at', r.closed_at, 'source', s.name, 'medium', m.name, ",
        "'campaign', g.name, 'channel', r.channel, 'referred_by', r.referred_by"), " AS item, ", json_object!(
        "'owner', r.owner, 'queue', r.queue, 'team', r.team, 'lost_reason', r.lost_reason, ",
        "'lost_detail', r.lost_detail, 'quotation_ref', r.quotation_ref, 'order_ref', r.order_ref, ",
        "'questionnaire', r.questionnaire, 'line_items', r.line_items, ",
        "'verification_required', r.verification_required, 'last_message_at', r.last_message_at"), " AS more,",
        " r.first_touch, r.last_touch, r.incomplete FROM opportunity r LEFT JOIN source s ON s.id = r.source",
        " LEFT JOIN medium m ON m.id = r.medium LEFT JOIN campaign g ON g.id = r.campaign WHERE r.id = $1");
    CONTACT("SELECT ", json_object!(
        "'created_at', r.created_at, 'modified_at', r.modified_at, 'salutation', r.salutation, ",
        "'first_name', r.first_name, 'last_name', r.last_name, 'full_name', r.full_name, 'gender', r.gender, ",
        "'job_title', r.job_title, 'company', COALESCE(o.name, r.company), 'website', r.website, ",
        "'language', r.language, 'country', r.country, 'territory', r.territory, 'industry', r.industry, ",
        "'market_segment', r.market_segment"), " AS item, ", json_object!(
        "'owner', r.owner, 'team', r.team, 'customer_since', r.customer_since, 'unsubscribed', r.unsubscribed, ",
        "'verification_required', r.verification_required, 'last_message_at', r.last_message_at"), " AS more,",
        " CAST(NULL AS TEXT) AS first_touch, CAST(NULL AS TEXT) AS last_touch, CAST(NULL AS TEXT) AS incomplete",
        " FROM contact r LEFT JOIN organisation o ON o.id = r.organisation WHERE r.id = $1");
    ORGANISATION("SELECT ", json_object!(
        "'created_at', r.created_at, 'modified_at', r.modified_at, 'name', r.name, 'domain', r.domain, ",
        "'registrations', r.registrations, 'website', r.website, 'industry', r.industry, ",
        "'market_segment', r.market_segment, 'annual_revenue', r.annual_revenue, 'employees', r.employees, ",
        "'country', r.country, 'language', r.language, 'territory', r.territory"), " AS item, ", json_object!(
        "'owner', r.owner, 'team', r.team, 'customer_since', r.customer_since, ",
        "'verification_required', r.verification_required, 'last_message_at', r.last_message_at"), " AS more,",
        " CAST(NULL AS TEXT) AS first_touch, CAST(NULL AS TEXT) AS last_touch, CAST(NULL AS TEXT) AS incomplete",
        " FROM organisation r WHERE r.id = $1");
    POINTS("SELECT ", json_object!("'class', c.class, 'kind', c.kind, 'value', c.raw, 'normalised', c.normalised, ",
        "'bounce', c.bounce, 'bounce_status', c.bounce_status, 'bounced_at', c.bounced_at"),
        " AS item FROM contact_point c WHERE c.record = $1 ORDER BY c.class, c.position, c.normalised");
    ADDRESSES("SELECT ", json_object!(
        "'type', a.type, 'title', a.title, 'street', a.street, 'street2', a.street2, 'postcode', a.postcode, ",
        "'city', a.city, 'state', a.state, 'country', a.country"), " AS item FROM address a WHERE a.record = $1",
        " ORDER BY a.id");
    COMMUNICATIONS("SELECT ", json_object!(
        "'id', c.ulid, 'arrival', a.ulid, 'direction', c.direction, 'channel', c.channel, 'class', c.class, ",
        "'message_id', c.message_id, 'in_reply_to', c.in_reply_to, 'subject', c.subject, 'sender', c.sender, ",
        "'recipients', c.recipients, 'text', c.body, 'at', c.at, 'fields', c.fields"), " AS item FROM communication c",
        " LEFT JOIN arrival a ON a.id = c.arrival WHERE c.record = $1 ORDER BY c.id");
    ATTACHMENTS("SELECT ", json_object!(
        "'communication', c.ulid, 'arrival', a.ulid, 'name', t.name, 'type', t.media_type, 'size', t.size, ",
        "'part', t.part, 'sha256', t.sha256, 'verdict', t.verdict, 'same_file', CASE WHEN t.sha256 IS NULL THEN NULL ",
        "ELSE (SELECT CAST(COUNT(*) AS BIGINT) FROM attachment o WHERE o.sha256 = t.sha256) - 1 END"), " AS item FROM communication c JOIN attachment t ON t.communication = c.id",
        " LEFT JOIN arrival a ON a.id = c.arrival WHERE c.record = $1 ORDER BY c.id, t.position");
    TAGS("SELECT tag FROM record_tag WHERE record = $1 ORDER BY tag");
    CUSTOM_FIELDS("SELECT name, value FROM custom_field WHERE record = $1 ORDER BY name");
    ACTIVITIES("SELECT ", json_object!(
        "'kind', a.kind, 'summary', a.summary, 'assignee', a.assignee, 'due_at', a.due_at, 'done_at', a.done_at, ",
        "'created_at', a.created_at, 'created_by', a.created_by"), " AS item FROM activity a WHERE a.record = $1",
        " ORDER BY a.due_at, a.id");
    ATTEMPTS("SELECT ", json_object!(
        "'at', a.at, 'by', a.by_person, 'channel', a.channel, 'successful', a.successful, 'reason', a.reason, ",
        "'note', a.note, 'next_at', a.next_at"), " AS item FROM attempt a WHERE a.record = $1 ORDER BY a.at, a.id");
    CONSENTS("SELECT ", json_object!(
        "'purpose', c.purpose, 'given', c.given, 'text', c.text, 'version', c.version, 'at', c.at, ",
        "'evidence', a.ulid, 'field', c.field, 'value', c.value, 'language', c.language, 'text_hash', c.text_hash, ",
        "'client_ip', c.client_ip, 'page', c.page, 'confirmed_at', o.confirmed_at, 'confirmed_ip', o.client_ip, ",
        "'confirmed_page', o.page, 'withdrawn_at', o.withdrawn_at"),
        " AS item FROM consent c LEFT JOIN arrival a ON a.id = c.arrival",
        " LEFT JOIN opt_in o ON o.arrival = c.arrival AND o.purpose = c.purpose",
        " WHERE c.record = $1 ORDER BY c.at, c.id");
    TOUCHES("SELECT ", json_object!(
        "'at', t.at, 'role', t.role, 'arrival', a.ulid, 'source', t.source, 'medium', t.medium, ",
        "'campaign', t.campaign, 'channel', t.channel, 'detail', t.detail"),
        " AS item FROM touch t LEFT JOIN arrival a ON a.id = t.arrival WHERE t.record = $1",
        " ORDER BY CASE WHEN t.role = 'first' THEN 0 ELSE 1 END, t.at, t.arrival, t.role");
    NOTES("SELECT ", json_object!("'author', n.author, 'at', n.at, 'text', n.text"),
        " AS item FROM note n WHERE n.record = $1 ORDER BY n.at, n.id");
    DECISIONS("SELECT ", json_object!(
        "'id', d.ulid, 'at', d.at, 'arrival', a.ulid, 'state', d.state, 'reason', d.reason, ",
        "'rules_hash', d.rules_hash, 'pool', d.pool, 'owner', d.owner"),
        " AS item, d.action, d.rule_ids, d.facts, d.trace FROM decision d LEFT JOIN arrival a ON a.id = d.arrival",
        " WHERE d.record = $1 ORDER BY d.id DESC");
    // Both directions: what this record points at, and what points at it.
    LINKS(
        "SELECT l.link, x.kind, x.ulid FROM (",
        " SELECT 'contact' AS link, contact AS other FROM lead WHERE id = $1",
        " UNION ALL SELECT 'organisation', organisation FROM lead WHERE id = $1",
        " UNION ALL SELECT 'linked_to', linked_to FROM lead WHERE id = $1",
        " UNION ALL SELECT 'contact', contact FROM opportunity WHERE id = $1",
        " UNION ALL SELECT 'organisation', organisation FROM opportunity WHERE id = $1",
        " UNION ALL SELECT 'lead', lead FROM opportunity WHERE id = $1",
        " UNION ALL SELECT 'linked_to', linked_to FROM opportunity WHERE id = $1",
        " UNION ALL SELECT 'organisation', organisation FROM contact WHERE id = $1",
        " UNION ALL SELECT 'lead', id FROM lead WHERE contact = $1",
        " UNION ALL SELECT 'lead', id FROM lead WHERE organisation = $1",
        " UNION ALL SELECT 'follow_up', id FROM lead WHERE linked_to = $1",
        " UNION ALL SELECT 'opportunity', id FROM opportunity WHERE contact = $1",
        " UNION ALL SELECT 'opportunity', id FROM opportunity WHERE organisation = $1",
        " UNION ALL SELECT 'opportunity', id FROM opportunity WHERE lead = $1",
        " UNION ALL SELECT 'follow_up', id FROM opportunity WHERE linked_to = $1 AND lead IS NULL",
        " UNION ALL SELECT 'contact', id FROM contact WHERE organisation = $1",
        " UNION SELECT 'candidate', other_now FROM candidate WHERE record_now = $1 AND state = 'open'",
        " UNION SELECT 'candidate', record_now FROM candidate WHERE other_now = $1 AND state = 'open'",
        " UNION ALL SELECT 'merged', loser FROM merge_event WHERE survivor = $1 AND undone_at IS NULL AND kind = 'merge'",
        ") AS l JOIN entity x ON x.id = l.other WHERE x.merged_into IS NULL OR l.link = 'merged'",
        " ORDER BY x.id, l.link");
}

/// One record whole; redirects of merged ids are followed. `None` when there is none of this kind.
pub(in super::super) async fn show(
    conn: &mut Connection,
    kind: EntityKind,
    id: Ulid,
) -> StoreResult<Option<RecordDetail>> {
    let Some(found) = sqlx::query(WHERE_IS).bind(id.to_string()).fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    if found.try_get::<&str, _>("kind")? != kind.as_str() {
        return Ok(None);
    }
    let inside: i64 = found.try_get("id")?;
    let Some(fields) = fields(conn, kind, inside).await? else { return Ok(None) };
    // Details of an opportunity's person hang on its contact.
    let mut contact_points = items(conn, POINTS, inside).await?;
    let mut addresses = items(conn, ADDRESSES, inside).await?;
    if let Some(contact) = found.try_get::<Option<i64>, _>("contact")? {
        contact_points.extend(items(conn, POINTS, contact).await?);
        addresses.extend(items(conn, ADDRESSES, contact).await?);
    }
    Ok(Some(RecordDetail {
        id: ulid(found.try_get("ulid")?)?,
        kind: kind.as_str().to_owned(),
        fields,
        contact_points,
        addresses,
        communications: items(conn, COMMUNICATIONS, inside).await?,
        attachments: items(conn, ATTACHMENTS, inside).await?,
        tags: tags(conn, inside).await?,
        custom_fields: custom_fields(conn, inside).await?,
        activities: items(conn, ACTIVITIES, inside).await?,
        attempts: items(conn, ATTEMPTS, inside).await?,
        consents: items(conn, CONSENTS, inside).await?,
        notes: items(conn, NOTES, inside).await?,
        touches: items(conn, TOUCHES, inside).await?.into_iter().map(whole_touch).collect(),
        decisions: decisions(conn, DECISIONS, inside).await?,
        links: links(conn, inside).await?,
    }))
}

async fn fields(conn: &mut Connection, kind: EntityKind, inside: i64) -> StoreResult<Option<Map<String, Value>>> {
    let sql = match kind {
        EntityKind::Lead => LEAD,
        EntityKind::Opportunity => OPPORTUNITY,
        EntityKind::Contact => CONTACT,
        EntityKind::Organisation => ORGANISATION,
    };
    let Some(row) = sqlx::query(sql).bind(inside).fetch_optional(conn).await? else { return Ok(None) };
    let mut fields = Map::new();
    for part in ["item", "more"] {
        if let Value::Object(map) = json(row.try_get(part)?) {
            fields.extend(map);
        }
    }
    for name in ["first_touch", "last_touch", "incomplete"] {
        if let Some(text) = row.try_get::<Option<&str>, _>(name)? {
            fields.insert(name.to_owned(), json(text));
        }
    }
    for flag in ["unsubscribed", "verification_required"] {
        if let Some(value) = fields.get_mut(flag) {
            *value = Value::Bool(value.as_i64() == Some(1));
        }
    }
    Ok(Some(fields))
}

async fn items(conn: &mut Connection, sql: &'static str, inside: i64) -> StoreResult<Vec<Value>> {
    let rows = sqlx::query(sql).bind(inside).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let mut item = json(row.try_get("item")?);
            unfold(&mut item);
            Ok(item)
        })
        .collect()
}

/// What of a touch has no column, beside what has one.
fn whole_touch(mut touch: Value) -> Value {
    if let Value::Object(map) = &mut touch
        && let Some(Value::String(detail)) = map.remove("detail")
        && let Value::Object(detail) = json(&detail)
    {
        map.extend(detail);
    }
    touch
}

/// Documents kept as text become documents, flags become booleans.
fn unfold(item: &mut Value) {
    for name in ["recipients", "fields"] {
        if let Some(list) = item.get_mut(name) {
            *list = list.as_str().map_or(Value::Array(Vec::new()), json);
        }
    }
    for flag in ["given", "successful"] {
        if let Some(value) = item.get_mut(flag) {
            *value = Value::Bool(value.as_i64() == Some(1));
        }
    }
}

async fn tags(conn: &mut Connection, inside: i64) -> StoreResult<Vec<String>> {
    let rows = sqlx::query(TAGS).bind(inside).fetch_all(conn).await?;
    rows.iter().map(|r| Ok(r.try_get("tag")?)).collect()
}

async fn custom_fields(conn: &mut Connection, inside: i64) -> StoreResult<Map<String, Value>> {
    let rows = sqlx::query(CUSTOM_FIELDS).bind(inside).fetch_all(conn).await?;
    rows.iter().map(|r| Ok((r.try_get("name")?, Value::String(r.try_get("value")?)))).collect()
}

async fn links(conn: &mut Connection, inside: i64) -> StoreResult<Vec<Value>> {
    let rows = sqlx::query(LINKS).bind(inside).fetch_all(conn).await?;
    rows.iter()
        .map(|r| {
            let (link, kind, id): (String, String, String) =
                (r.try_get("link")?, r.try_get("kind")?, r.try_get("ulid")?);
            Ok(serde_json::json!({ "link": link, "kind": kind, "id": id }))
        })
        .collect()
}
