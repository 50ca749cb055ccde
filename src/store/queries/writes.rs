//! Runs a plan: one statement per table, parents before children.

use std::collections::{BTreeMap, BTreeSet};

use super::super::driver::Connection;
use super::{run, run_with, statements};
use crate::domain::matching::KeyKind;
use crate::domain::matching::profile::NORM;
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};
use crate::store::plan::Plan;

statements! {
    SOURCES("INSERT INTO source (name, folded, created_at) SELECT value->>0, value->>1, $2 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    MEDIUMS("INSERT INTO medium (name, folded, created_at) SELECT value->>0, value->>1, $2 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    CAMPAIGNS("INSERT INTO campaign (name, folded, created_at) SELECT value->>0, value->>1, $2 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    /// Records whose campaign nobody knows yet wait for a person, with the name as it was sent.
    REVIEW_TAGS("INSERT INTO record_tag (record, tag) SELECT CAST(value->>0 AS BIGINT), 'campaign_review' FROM ",
        rows!("1"), " WHERE NOT EXISTS (SELECT 1 FROM campaign g WHERE g.folded = e.value->>1)",
        " ON CONFLICT DO NOTHING");
    REVIEW_FIELDS(
        "INSERT INTO custom_field (record, name, value) SELECT CAST(e.value->>0 AS BIGINT), 'unknown_campaign',",
        " e.value->>2 FROM ", rows!("1"), " WHERE NOT EXISTS (SELECT 1 FROM campaign g WHERE g.folded = e.value->>1)",
        " ON CONFLICT DO NOTHING");
    /// At most twenty a record, the oldest kept; value 9 counts those before it in the same plan.
    TOUCHES(
        "INSERT INTO touch (record, at, arrival, role, source, medium, campaign, channel, detail)",
        " SELECT CAST(e.value->>0 AS BIGINT), CAST(e.value->>1 AS BIGINT), CAST(e.value->>2 AS BIGINT), e.value->>3,",
        " e.value->>4, e.value->>5, e.value->>6, e.value->>7, e.value->>8 FROM ", rows!("1"),
        " WHERE (SELECT COUNT(*) FROM touch t WHERE t.record = CAST(e.value->>0 AS BIGINT))",
        " + CAST(e.value->>9 AS BIGINT) < 20 AND NOT EXISTS (SELECT 1 FROM touch t",
        " WHERE t.record = CAST(e.value->>0 AS BIGINT) AND t.role = e.value->>3 AND (t.role = 'first'",
        " OR (t.role = 'last' AND t.detail = e.value->>8 AND t.source IS NOT DISTINCT FROM e.value->>4",
        " AND t.medium IS NOT DISTINCT FROM e.value->>5 AND t.campaign IS NOT DISTINCT FROM e.value->>6)))",
        " ON CONFLICT DO NOTHING");
    STAGES("INSERT INTO stage (id, name, position, probability, outcome)",
        " SELECT value->>0, value->>0, 50, 50, 'open' FROM ", rows!("1"), " WHERE true ON CONFLICT (id) DO NOTHING");
    ENTITIES("INSERT INTO entity (id, ulid, kind, norm) SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, $2 FROM ",
        rows!("1"));
    ORGANISATIONS(
        "INSERT INTO organisation (id, created_at, modified_at, name, domain, registrations, website, country,",
        " language, owner, team, customer_since, verification_required, last_message_at)",
        " SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), CAST(value->>1 AS BIGINT), value->>2,",
        " value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, CAST(value->>10 AS BIGINT),",
        " CAST(value->>11 AS BIGINT), CAST(value->>12 AS BIGINT) FROM ", rows!("1"));
    CONTACTS(
        "INSERT INTO contact (id, created_at, modified_at, organisation, salutation, first_name, last_name,",
        " full_name, job_title, company, website, language, country, owner, team, customer_since,",
        " verification_required, last_message_at, unsubscribed)",
        " SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), CAST(value->>1 AS BIGINT),",
        " CAST(value->>2 AS BIGINT), value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9,",
        " value->>10, value->>11, value->>12, value->>13, CAST(value->>14 AS BIGINT), CAST(value->>15 AS BIGINT),",
        " CAST(value->>16 AS BIGINT),",
        " CASE WHEN EXISTS (SELECT 1 FROM suppression s WHERE s.address IN (e.value->>17, e.value->>18)) THEN 1 ELSE 0 END FROM ",
        rows!("1"));
    LEADS(
        "INSERT INTO lead (id, created_at, modified_at, kind, salutation, first_name, last_name, full_name, job_title,",
        " company, website, topic, inquiry_kind, message, language, country, territory, source, medium, campaign,",
        " channel, first_touch, last_touch, referred_by, referred_kind, industry, market_segment, annual_revenue,",
        " employees, market_share, region, budget, currency, owner, queue, team, status, priority, score, contact,",
        " organisation, linked_to, verification_required, incomplete, last_message_at, unsubscribed)",
        " SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), CAST(value->>1 AS BIGINT), value->>2,",
        " value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10, value->>11,",
        " value->>12, value->>13, value->>14, value->>15, (SELECT id FROM source WHERE folded = e.value->>16),",
        " (SELECT id FROM medium WHERE folded = e.value->>17),",
        " COALESCE((SELECT id FROM campaign WHERE folded = e.value->>18),",
        " (SELECT id FROM campaign WHERE folded = e.value->>44)),",
        " value->>19, value->>20, value->>43, value->>21, value->>22, value->>23, value->>24,",
        " CAST(value->>25 AS BIGINT), CAST(value->>26 AS BIGINT), CAST(value->>27 AS BIGINT), value->>28,",
        " CAST(value->>29 AS BIGINT), value->>30, value->>31, value->>32, value->>33, 'open',",
        " CAST(value->>34 AS BIGINT), CAST(value->>35 AS BIGINT), CAST(value->>36 AS BIGINT),",
        " CAST(value->>37 AS BIGINT), CAST(value->>38 AS BIGINT), CAST(value->>39 AS BIGINT), value->>40,",
        " CAST(value->>41 AS BIGINT),",
        " CASE WHEN EXISTS (SELECT 1 FROM suppression s WHERE s.address IN (e.value->>42, e.value->>45)) THEN 1 ELSE 0 END FROM ",
        rows!("1"));
    // No stage named: the team's first one, else the first one of all.
    OPPORTUNITIES(
        "INSERT INTO opportunity (id, created_at, modified_at, title, contact, organisation, lead, linked_to, topic,",
        " inquiry_kind, message, language, country, territory, expected_revenue, currency, stage, priority, score,",
        " source, medium, campaign, channel, first_touch, last_touch, referred_by, owner, queue, team,",
        " verification_required, incomplete, last_message_at, probability)",
        " SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), CAST(value->>1 AS BIGINT), value->>2,",
        " CAST(value->>3 AS BIGINT), CAST(value->>4 AS BIGINT), CAST(value->>5 AS BIGINT), CAST(value->>6 AS BIGINT),",
        " value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, CAST(value->>13 AS BIGINT), value->>14,",
        " g.id, CAST(value->>16 AS BIGINT), CAST(value->>17 AS BIGINT),",
        " (SELECT id FROM source WHERE folded = e.value->>18), (SELECT id FROM medium WHERE folded = e.value->>19),",
        " COALESCE((SELECT id FROM campaign WHERE folded = e.value->>20),",
        " (SELECT id FROM campaign WHERE folded = e.value->>31)),",
        " value->>21, value->>22, value->>30, value->>23,",
        " value->>24, value->>25, value->>26, CAST(value->>27 AS BIGINT), value->>28, CAST(value->>29 AS BIGINT),",
        " g.probability FROM ", rows!("1"), " JOIN stage g ON g.id = COALESCE(e.value->>15,",
        " (SELECT s.id FROM stage s WHERE s.outcome = 'open' AND (s.team IS NULL OR s.team = e.value->>26)",
        " ORDER BY CASE WHEN s.team IS NULL THEN 1 ELSE 0 END, s.position, s.id LIMIT 1))");
    POINTS(
        "INSERT INTO contact_point (record, class, normalised, kind, raw, position, created_at)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS BIGINT),",
        " CAST(value->>6 AS BIGINT) FROM ", rows!("1"), " WHERE true ON CONFLICT DO NOTHING");
    ADDRESSES(
        "INSERT INTO address (record, street, city, state, postcode, country, created_at)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, value->>3, value->>4, value->>5,",
        " CAST(value->>6 AS BIGINT) FROM ", rows!("1"), " WHERE NOT EXISTS (SELECT 1 FROM address a",
        " WHERE a.record = CAST(e.value->>0 AS BIGINT) AND a.street IS NOT DISTINCT FROM e.value->>1",
        " AND a.city IS NOT DISTINCT FROM e.value->>2 AND a.postcode IS NOT DISTINCT FROM e.value->>4)");
    TAGS("INSERT INTO record_tag (record, tag) SELECT CAST(value->>0 AS BIGINT), value->>1 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    CUSTOM_FIELDS(
        "INSERT INTO custom_field (record, name, value) SELECT CAST(e.value->>0 AS BIGINT), e.value->>1, e.value->>2",
        " FROM ", rows!("1"), " WHERE true ON CONFLICT DO NOTHING");
    // A file that is imported again says again what the newest answer says.
    CONSENTS(
        "INSERT INTO consent (record, purpose, given, text, version, at, arrival, field, value, language, text_hash,",
        " client_ip, page) SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT), value->>3, value->>4,",
        " CAST(value->>5 AS BIGINT), CAST(value->>6 AS BIGINT), value->>7, value->>8, value->>9, value->>10,",
        " value->>11, value->>12 FROM ", rows!("1"), " WHERE NOT EXISTS (SELECT 1",
        " FROM consent c WHERE c.record = CAST(e.value->>0 AS BIGINT) AND c.purpose = e.value->>1",
        " AND (c.arrival = CAST(e.value->>6 AS BIGINT) OR e.value->>6 IS NULL AND c.arrival IS NULL",
        " AND c.given = CAST(e.value->>2 AS BIGINT) AND c.value IS NOT DISTINCT FROM e.value->>8",
        " AND NOT EXISTS (SELECT 1 FROM consent d WHERE d.record = c.record AND d.purpose = c.purpose AND d.at > c.at)))");
    KEYS(
        "INSERT INTO match_key (kind, hash, entity) SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT),",
        " CAST(value->>2 AS BIGINT) FROM ", rows!("1"),
        " WHERE NOT EXISTS (SELECT 1 FROM match_generic g WHERE g.kind = CAST(e.value->>0 AS BIGINT)",
        " AND g.hash = CAST(e.value->>1 AS BIGINT)) ON CONFLICT DO NOTHING");
    GENERIC(
        "INSERT INTO match_generic (kind, hash) SELECT CAST(e.value->>0 AS BIGINT), CAST(e.value->>1 AS BIGINT) FROM ",
        rows!("1"), " WHERE (SELECT COUNT(*) FROM (SELECT m.entity FROM match_key m WHERE m.kind = CAST(e.value->>0 AS BIGINT)",
        " AND m.hash = CAST(e.value->>1 AS BIGINT) LIMIT 201) AS x) > 200 ON CONFLICT DO NOTHING");
    PROFILES(
        "INSERT INTO match_profile (entity, hash, norm, body) SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT),",
        " $2, value->>2 FROM ", rows!("1"), " WHERE true ON CONFLICT DO NOTHING");
    // Counted again once for some records in sixty-four, by chance: it is never far from the truth, and seldom counted.
    // Whoever finds another at it leaves it to them.
    SIZE(
        "UPDATE match_size SET records = (SELECT COUNT(*) FROM entity z WHERE z.merged_into IS NULL) WHERE id IN",
        " (SELECT x.id FROM match_size x WHERE x.id = 1 AND EXISTS (SELECT 1 FROM ", rows!("1"),
        " WHERE CAST(e.value->>1 AS BIGINT) % (x.records / 64 + 1) = 0)", skip_locked!(), ")");
    // Who says what they said before is compared already.
    DUE(
        "INSERT INTO match_due (entity, turn) SELECT DISTINCT CAST(e.value->>0 AS BIGINT), CAST(1 AS BIGINT) FROM ",
        rows!("1"), " WHERE NOT EXISTS (SELECT 1 FROM match_profile p WHERE p.entity = CAST(e.value->>0 AS BIGINT)",
        " AND p.hash = CAST(e.value->>1 AS BIGINT)) ORDER BY 1",
        " ON CONFLICT (entity) DO UPDATE SET turn = match_due.turn + 1");
    CANDIDATES(
        "INSERT INTO candidate (record, other, record_now, other_now, state, at, evidence) SELECT CAST(value->>0 AS BIGINT),",
        " CAST(value->>1 AS BIGINT), CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), 'open',",
        " CAST(value->>2 AS BIGINT), value->>3 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    // An arrival that is processed again says nothing twice.
    COMMUNICATIONS(
        "INSERT INTO communication (id, ulid, record, arrival, direction, channel, class, message_id, in_reply_to,",
        " subject, sender, recipients, body, at, fields, signature, proven)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT), CAST(value->>3 AS BIGINT),",
        " value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10, value->>11, value->>12,",
        " CAST(value->>13 AS BIGINT), value->>14, value->>15, CAST(value->>16 AS BIGINT) FROM ", rows!("1"),
        " WHERE true ON CONFLICT (arrival, record) WHERE arrival IS NOT NULL DO NOTHING");
    PARTICIPANTS(
        "INSERT INTO participant (record, address) SELECT CAST(value->>0 AS BIGINT), value->>1 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    ATTACHMENTS(
        "INSERT INTO attachment (communication, position, name, media_type, size, part, sha256, verdict)",
        " SELECT CAST(value->>0 AS BIGINT), CAST(value->>1 AS BIGINT), value->>2, value->>3,",
        " CAST(value->>4 AS BIGINT), value->>5, value->>6, value->>7 FROM ", rows!("1"),
        " WHERE EXISTS (SELECT 1 FROM communication c WHERE c.id = CAST(e.value->>0 AS BIGINT))");
    DECISIONS(
        "INSERT INTO decision (id, ulid, arrival, record, state, reason, action, rules_hash, rule_ids, facts, trace,",
        " pool, owner, at) SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT),",
        " CAST(value->>3 AS BIGINT), value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10,",
        " value->>11, value->>12, CAST(value->>13 AS BIGINT) FROM ", rows!("1"));
    /// A lead that became an opportunity says so, and is tied to the contact and organisation made from it.
    ORIGINS(
        "UPDATE lead SET status = 'opportunity', modified_at = $2,",
        " contact = COALESCE(lead.contact, CAST(e.value->>1 AS BIGINT)),",
        " organisation = COALESCE(lead.organisation, CAST(e.value->>2 AS BIGINT)) FROM ", rows!("1"),
        " WHERE lead.id = CAST(e.value->>0 AS BIGINT)",
        " AND lead.status IN ('open', 'contacted', 'postponed', 'watching')");
    ORIGIN_TOUCH(
        "UPDATE opportunity SET first_touch = COALESCE((SELECT l.first_touch FROM lead l WHERE l.id = opportunity.lead),",
        " first_touch) WHERE lead IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    TOUCH_LEADS(
        "UPDATE lead SET modified_at = CAST(e.value->>2 AS BIGINT), first_touch = COALESCE(first_touch, e.value->>3),",
        " last_touch = CASE WHEN last_message_at > CAST(e.value->>1 AS BIGINT) THEN COALESCE(last_touch, e.value->>4)",
        " ELSE COALESCE(e.value->>4, last_touch) END, last_message_at =",
        " CASE WHEN last_message_at > CAST(e.value->>1 AS BIGINT) THEN last_message_at",
        " ELSE CAST(e.value->>1 AS BIGINT) END FROM ", rows!("1"), " WHERE lead.id = CAST(e.value->>0 AS BIGINT)");
    TOUCH_OPPORTUNITIES(
        "UPDATE opportunity SET modified_at = CAST(e.value->>2 AS BIGINT),",
        " first_touch = COALESCE(first_touch, e.value->>3),",
        " last_touch = CASE WHEN last_message_at > CAST(e.value->>1 AS BIGINT) THEN COALESCE(last_touch, e.value->>4)",
        " ELSE COALESCE(e.value->>4, last_touch) END, last_message_at =",
        " CASE WHEN last_message_at > CAST(e.value->>1 AS BIGINT) THEN last_message_at",
        " ELSE CAST(e.value->>1 AS BIGINT) END FROM ", rows!("1"), " WHERE opportunity.id = CAST(e.value->>0 AS BIGINT)");
    // Fills what was empty, overwrites nothing. Who says nothing new is left as they are.
    KNOWN_ORGANISATIONS(
        "UPDATE organisation SET modified_at = CAST(e.value->>1 AS BIGINT), domain = COALESCE(domain, e.value->>2),",
        " registrations = COALESCE(registrations, e.value->>3) FROM ", rows!("1"),
        " WHERE organisation.id = CAST(e.value->>0 AS BIGINT) AND (organisation.domain IS NULL AND e.value->>2 IS NOT NULL",
        " OR organisation.registrations IS NULL AND e.value->>3 IS NOT NULL)");
    KNOWN_CONTACTS(
        "UPDATE contact SET modified_at = CAST(e.value->>1 AS BIGINT),",
        " organisation = COALESCE(organisation, CAST(e.value->>2 AS BIGINT)),",
        " salutation = COALESCE(salutation, e.value->>3), first_name = COALESCE(first_name, e.value->>4),",
        " last_name = COALESCE(last_name, e.value->>5), full_name = COALESCE(full_name, e.value->>6),",
        " job_title = COALESCE(job_title, e.value->>7), company = COALESCE(company, e.value->>8),",
        " website = COALESCE(website, e.value->>9), language = COALESCE(language, e.value->>10),",
        " country = COALESCE(country, e.value->>11), owner = COALESCE(owner, e.value->>12),",
        " customer_since = COALESCE(customer_since, CAST(e.value->>13 AS BIGINT)) FROM ", rows!("1"),
        " WHERE contact.id = CAST(e.value->>0 AS BIGINT) AND (contact.organisation IS NULL AND e.value->>2 IS NOT NULL",
        " OR contact.salutation IS NULL AND e.value->>3 IS NOT NULL",
        " OR contact.first_name IS NULL AND e.value->>4 IS NOT NULL",
        " OR contact.last_name IS NULL AND e.value->>5 IS NOT NULL",
        " OR contact.full_name IS NULL AND e.value->>6 IS NOT NULL",
        " OR contact.job_title IS NULL AND e.value->>7 IS NOT NULL",
        " OR contact.company IS NULL AND e.value->>8 IS NOT NULL",
        " OR contact.website IS NULL AND e.value->>9 IS NOT NULL",
        " OR contact.language IS NULL AND e.value->>10 IS NOT NULL",
        " OR contact.country IS NULL AND e.value->>11 IS NOT NULL",
        " OR contact.owner IS NULL AND e.value->>12 IS NOT NULL",
        " OR contact.customer_since IS NULL AND e.value->>13 IS NOT NULL",
        " OR EXISTS (SELECT 1 FROM contact_point p WHERE p.record = contact.id",
        " AND p.created_at = CAST(e.value->>1 AS BIGINT))",
        " OR EXISTS (SELECT 1 FROM address a WHERE a.record = contact.id",
        " AND a.created_at = CAST(e.value->>1 AS BIGINT)))");
    MORE_FIELDS(
        "UPDATE contact SET modified_at = $2 WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"),
        " WHERE NOT EXISTS (SELECT 1 FROM custom_field f WHERE f.record = CAST(e.value->>0 AS BIGINT)",
        " AND f.name = e.value->>1))");
    SUPPRESS(
        "INSERT INTO suppression (address, at, arrival) SELECT value->>0, CAST(value->>1 AS BIGINT),",
        " CAST(value->>2 AS BIGINT) FROM ", rows!("1"), " WHERE true ON CONFLICT DO NOTHING");
    UNSUBSCRIBE_LEADS(
        "UPDATE lead SET unsubscribed = 1, modified_at = $2 WHERE id IN (SELECT m.entity FROM ", rows!("1"),
        " JOIN match_key m ON m.kind = CAST(e.value->>0 AS BIGINT) AND m.hash = CAST(e.value->>1 AS BIGINT))");
    UNSUBSCRIBE_CONTACTS(
        "UPDATE contact SET unsubscribed = 1, modified_at = $2 WHERE id IN (SELECT m.entity FROM ", rows!("1"),
        " JOIN match_key m ON m.kind = CAST(e.value->>0 AS BIGINT) AND m.hash = CAST(e.value->>1 AS BIGINT))");
    /// The latest report counts; a soft one says nothing of an address that a hard one called dead.
    BOUNCED_POINTS(
        "UPDATE contact_point SET bounced_at = CAST(e.value->>5 AS BIGINT), bounce = e.value->>3,",
        " bounce_status = e.value->>4 FROM ", rows!("1"),
        " JOIN match_key m ON m.kind = CAST(e.value->>0 AS BIGINT) AND m.hash = CAST(e.value->>1 AS BIGINT)",
        " WHERE contact_point.record = m.entity AND contact_point.class = 'email'",
        " AND contact_point.normalised = e.value->>2",
        " AND (contact_point.bounce IS NULL OR contact_point.bounce = 'soft' OR e.value->>3 = 'hard')");
    ARRIVALS(
        "UPDATE arrival SET state = e.value->>1, reason = e.value->>2, decided_at = CAST(e.value->>3 AS BIGINT),",
        " subject = e.value->>4, sender = e.value->>5, class = e.value->>6, message_id = e.value->>7,",
        " record = CAST(e.value->>8 AS BIGINT), attempts = CAST(e.value->>9 AS BIGINT), error = NULL FROM ",
        rows!("1"), " WHERE arrival.id = CAST(e.value->>0 AS BIGINT)");
    EFFECTS(
        "INSERT INTO effect (id, ulid, kind, target, payload, arrival, created_at)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS BIGINT),",
        " CAST(value->>6 AS BIGINT) FROM ", rows!("1"));
    JOBS(
        "INSERT INTO job (id, queue, due_at) SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT)",
        " FROM ", rows!("1"));
    SETTLE("DELETE FROM job WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
}

/// Writes a plan inside the caller's transaction.
pub(super) async fn write(conn: &mut Connection, plan: &Plan) -> StoreResult<()> {
    parents(conn, plan).await?;
    details(conn, plan).await?;
    conversation(conn, plan).await?;
    unsubscribe(conn, plan).await?;
    run(conn, BOUNCED_POINTS, &plan.bounced).await?;
    run(conn, ARRIVALS, &plan.arrivals).await?;
    run(conn, EFFECTS, &plan.effects).await?;
    run(conn, JOBS, &plan.jobs).await?;
    run(conn, SETTLE, &plan.settled).await?;
    Ok(())
}

async fn parents(conn: &mut Connection, plan: &Plan) -> StoreResult<()> {
    for (sql, names) in [(SOURCES, &plan.sources), (MEDIUMS, &plan.mediums), (CAMPAIGNS, &plan.campaigns)] {
        let mut batch = Batch::default();
        for (folded, name) in names {
            row!(batch; name, folded);
        }
        run_with(conn, sql, &batch, plan.now).await?;
    }
    run(conn, STAGES, &column(&plan.stages)).await?;
    run_with(conn, ENTITIES, &plan.entities, i64::from(NORM)).await?;
    run(conn, ORGANISATIONS, &plan.organisations).await?;
    run(conn, CONTACTS, &plan.contacts).await?;
    run(conn, LEADS, &plan.leads).await?;
    run(conn, OPPORTUNITIES, &plan.opportunities).await?;
    run_with(conn, ORIGINS, &plan.origins, plan.now).await?;
    run(conn, ORIGIN_TOUCH, &plan.origins).await?;
    Ok(())
}

async fn details(conn: &mut Connection, plan: &Plan) -> StoreResult<()> {
    run(conn, POINTS, &plan.points).await?;
    run(conn, ADDRESSES, &plan.addresses).await?;
    run(conn, TAGS, &plan.tags).await?;
    run(conn, REVIEW_TAGS, &plan.campaign_reviews).await?;
    run(conn, REVIEW_FIELDS, &plan.campaign_reviews).await?;
    if !plan.known_contacts.is_empty() {
        run_with(conn, MORE_FIELDS, &plan.custom_fields, plan.now).await?;
    }
    run(conn, CUSTOM_FIELDS, &plan.custom_fields).await?;
    run(conn, CONSENTS, &plan.consents).await?;
    let mut due = Batch::default();
    for (record, hash) in plan.profiles.keys() {
        row!(due; record, hash);
    }
    run(conn, DUE, &due).await?;
    known_by(conn, &plan.keys, &plan.profiles).await?;
    run(conn, CANDIDATES, &plan.candidates).await?;
    run(conn, KNOWN_ORGANISATIONS, &plan.known_organisations).await?;
    run(conn, KNOWN_CONTACTS, &plan.known_contacts).await?;
    Ok(())
}

/// Writes what records are known by: keys as kind, hash and record; profiles by record and hash. How many are new.
pub(super) async fn known_by(
    conn: &mut Connection,
    keys: &BTreeSet<(i64, i64, i64)>,
    profiles: &BTreeMap<(i64, i64), String>,
) -> StoreResult<u64> {
    let mut batch = Batch::default();
    for (kind, hash, entity) in keys {
        row!(batch; kind, hash, entity);
    }
    let new_keys = run(conn, KEYS, &batch).await?;
    run(conn, GENERIC, &doubted(keys)).await?;
    let mut batch = Batch::default();
    for ((record, hash), body) in profiles {
        row!(batch; record, hash, body);
    }
    let new_profiles = run_with(conn, PROFILES, &batch, i64::from(NORM)).await?;
    if new_profiles > 0 {
        run(conn, SIZE, &batch).await?;
    }
    Ok(new_keys.saturating_add(new_profiles))
}

/// Search keys of a plan that are counted now: one in sixteen of those written, by their hash, so that a key that hundreds
/// carry is found to be generic soon and a rare one costs nothing.
fn doubted(keys: &BTreeSet<(i64, i64, i64)>) -> Batch {
    let search = |kind: i64| KeyKind::from_number(kind).is_some_and(KeyKind::is_search);
    let chosen = keys.iter().filter(|(kind, hash, entity)| (hash ^ entity).trailing_zeros() >= 4 && search(*kind));
    let chosen: BTreeSet<(i64, i64)> = chosen.map(|(kind, hash, _)| (*kind, *hash)).collect();
    let mut batch = Batch::default();
    for (kind, hash) in chosen {
        row!(batch; kind, hash);
    }
    batch
}

async fn conversation(conn: &mut Connection, plan: &Plan) -> StoreResult<()> {
    run(conn, COMMUNICATIONS, &plan.communications).await?;
    let mut participants = Batch::default();
    for (record, address) in &plan.participants {
        row!(participants; record, address);
    }
    run(conn, PARTICIPANTS, &participants).await?;
    run(conn, ATTACHMENTS, &plan.attachments).await?;
    run(conn, DECISIONS, &plan.decisions).await?;
    for (sql, touched) in [(TOUCH_LEADS, &plan.touched_leads), (TOUCH_OPPORTUNITIES, &plan.touched_opportunities)] {
        let mut batch = Batch::default();
        for (id, touched) in touched {
            row!(batch; id, touched.message_at, touched.modified_at, touched.first, touched.last);
        }
        run(conn, sql, &batch).await?;
    }
    // After its record is locked, so that two daemons do not count at once.
    run(conn, TOUCHES, &plan.touches).await?;
    Ok(())
}

/// Marks addresses that asked not to be written to, and whoever carries them.
pub(super) async fn unsubscribe(conn: &mut Connection, plan: &Plan) -> StoreResult<()> {
    run(conn, SUPPRESS, &plan.suppressed).await?;
    run_with(conn, UNSUBSCRIBE_LEADS, &plan.unsubscribed, plan.now).await?;
    run_with(conn, UNSUBSCRIBE_CONTACTS, &plan.unsubscribed, plan.now).await?;
    Ok(())
}
