-- The CRM records and what hangs on them.

-- Every lead, contact, organisation and opportunity, in one number space; a merged one names its survivor.
CREATE TABLE entity (
    id          INTEGER NOT NULL PRIMARY KEY,
    ulid        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    merged_into INTEGER REFERENCES entity (id)
) STRICT;

CREATE TABLE source (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    details    TEXT,
    budget     INTEGER,
    currency   TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE medium (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    details    TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE campaign (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    details    TEXT,
    budget     INTEGER,
    currency   TEXT,
    starts_at  INTEGER,
    ends_at    INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE person (
    id        TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    email     TEXT,
    active    INTEGER NOT NULL,
    languages TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE team (
    id     TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    active INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE team_member (
    team   TEXT NOT NULL REFERENCES team (id),
    person TEXT NOT NULL,
    PRIMARY KEY (team, person)
) STRICT, WITHOUT ROWID;

-- open: work may go on; tied: an action of the product sets it, so it cannot be deleted.
CREATE TABLE lead_status (
    id       TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    open     INTEGER NOT NULL,
    tied     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO lead_status (id, position, open, tied) VALUES
    ('open', 1, 1, 1), ('contacted', 2, 1, 1), ('postponed', 3, 1, 1), ('watching', 4, 1, 1),
    ('opportunity', 5, 0, 1), ('quotation', 6, 1, 1), ('converted', 7, 0, 1), ('lost_quotation', 8, 0, 1),
    ('discarded', 9, 0, 1), ('do_not_contact', 10, 0, 1);

-- outcome: open, won or lost; team NULL = every team. A stage that a rule names first is made at its use.
CREATE TABLE stage (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    team        TEXT,
    position    INTEGER NOT NULL,
    probability INTEGER NOT NULL,
    outcome     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO stage (id, name, team, position, probability, outcome) VALUES
    ('new', 'New', NULL, 10, 10, 'open'), ('qualified', 'Qualified', NULL, 20, 30, 'open'),
    ('quotation', 'Quotation', NULL, 30, 50, 'open'), ('negotiation', 'Negotiation', NULL, 40, 70, 'open'),
    ('won', 'Won', NULL, 90, 100, 'won'), ('lost', 'Lost', NULL, 91, 0, 'lost');

-- Reasons a person gives on discarding a lead or losing an opportunity; some ask for a detail.
CREATE TABLE closing_reason (
    id           TEXT NOT NULL PRIMARY KEY,
    applies_to   TEXT NOT NULL,
    name         TEXT NOT NULL,
    needs_detail INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO closing_reason (id, applies_to, name, needs_detail) VALUES
    ('not_interested', 'lead', 'Not interested', 0), ('unreachable', 'lead', 'Cannot be reached', 0),
    ('spam', 'lead', 'Spam or advertising', 0), ('duplicate', 'lead', 'Duplicate', 0),
    ('out_of_territory', 'lead', 'Outside our territory', 0), ('other', 'lead', 'Other', 1),
    ('price', 'opportunity', 'Price', 0), ('competitor', 'opportunity', 'Bought elsewhere', 1),
    ('no_budget', 'opportunity', 'No budget', 0), ('no_answer', 'opportunity', 'No answer', 0);

CREATE TABLE organisation (
    id                    INTEGER NOT NULL PRIMARY KEY REFERENCES entity (id),
    created_at            INTEGER NOT NULL,
    modified_at           INTEGER NOT NULL,
    name                  TEXT NOT NULL,
    domain                TEXT,
    registrations         TEXT,
    website               TEXT,
    industry              TEXT,
    market_segment        TEXT,
    annual_revenue        INTEGER,
    employees             INTEGER,
    country               TEXT,
    language              TEXT,
    territory             TEXT,
    owner                 TEXT,
    team                  TEXT,
    customer_since        INTEGER,
    verification_required INTEGER NOT NULL DEFAULT 0,
    last_message_at       INTEGER
) STRICT;

CREATE TABLE contact (
    id                    INTEGER NOT NULL PRIMARY KEY REFERENCES entity (id),
    created_at            INTEGER NOT NULL,
    modified_at           INTEGER NOT NULL,
    organisation          INTEGER REFERENCES organisation (id),
    salutation            TEXT,
    first_name            TEXT,
    last_name             TEXT,
    full_name             TEXT,
    gender                TEXT,
    job_title             TEXT,
    company               TEXT,
    website               TEXT,
    language              TEXT,
    country               TEXT,
    territory             TEXT,
    industry              TEXT,
    market_segment        TEXT,
    owner                 TEXT,
    team                  TEXT,
    customer_since        INTEGER,
    unsubscribed          INTEGER NOT NULL DEFAULT 0,
    verification_required INTEGER NOT NULL DEFAULT 0,
    last_message_at       INTEGER
) STRICT;
CREATE INDEX contact_organisation ON contact (organisation) WHERE organisation IS NOT NULL;

CREATE TABLE lead (
    id                    INTEGER NOT NULL PRIMARY KEY REFERENCES entity (id),
    created_at            INTEGER NOT NULL,
    modified_at           INTEGER NOT NULL,
    kind                  TEXT NOT NULL,
    salutation            TEXT,
    first_name            TEXT,
    last_name             TEXT,
    full_name             TEXT,
    gender                TEXT,
    job_title             TEXT,
    company               TEXT,
    website               TEXT,
    topic                 TEXT,
    inquiry_kind          TEXT,
    message               TEXT,
    language              TEXT,
    country               TEXT,
    territory             TEXT,
    source                INTEGER REFERENCES source (id),
    medium                INTEGER REFERENCES medium (id),
    campaign              INTEGER REFERENCES campaign (id),
    channel               TEXT,
    first_touch           TEXT,
    last_touch            TEXT,
    referred_by           TEXT,
    referred_kind         TEXT,
    industry              TEXT,
    market_segment        TEXT,
    annual_revenue        INTEGER,
    employees             INTEGER,
    market_share          INTEGER,
    region                TEXT,
    budget                INTEGER,
    currency              TEXT,
    owner                 TEXT,
    queue                 TEXT,
    team                  TEXT,
    status                TEXT NOT NULL REFERENCES lead_status (id),
    priority              INTEGER NOT NULL DEFAULT 0,
    score                 INTEGER NOT NULL DEFAULT 0,
    next_contact_at       INTEGER,
    next_contact_by       TEXT,
    next_action           TEXT,
    postponed_until       INTEGER,
    postpone_note         TEXT,
    watch                 TEXT,
    watch_note            TEXT,
    discard_reason        TEXT,
    discard_detail        TEXT,
    unsubscribed          INTEGER NOT NULL DEFAULT 0,
    contact               INTEGER REFERENCES contact (id),
    organisation          INTEGER REFERENCES organisation (id),
    linked_to             INTEGER REFERENCES entity (id),
    verification_required INTEGER NOT NULL DEFAULT 0,
    incomplete            TEXT,
    last_message_at       INTEGER
) STRICT;
CREATE INDEX lead_owner ON lead (owner, id);
CREATE INDEX lead_by_status ON lead (status, id);
CREATE INDEX lead_contact ON lead (contact) WHERE contact IS NOT NULL;
CREATE INDEX lead_organisation ON lead (organisation) WHERE organisation IS NOT NULL;
CREATE INDEX lead_linked_to ON lead (linked_to) WHERE linked_to IS NOT NULL;

CREATE TABLE opportunity (
    id                    INTEGER NOT NULL PRIMARY KEY REFERENCES entity (id),
    created_at            INTEGER NOT NULL,
    modified_at           INTEGER NOT NULL,
    title                 TEXT NOT NULL,
    contact               INTEGER REFERENCES contact (id),
    organisation          INTEGER REFERENCES organisation (id),
    lead                  INTEGER REFERENCES lead (id),
    linked_to             INTEGER REFERENCES entity (id),
    topic                 TEXT,
    inquiry_kind          TEXT,
    message               TEXT,
    language              TEXT,
    country               TEXT,
    territory             TEXT,
    expected_revenue      INTEGER,
    currency              TEXT,
    probability           INTEGER,
    stage                 TEXT NOT NULL REFERENCES stage (id),
    priority              INTEGER NOT NULL DEFAULT 0,
    score                 INTEGER NOT NULL DEFAULT 0,
    expected_close        INTEGER,
    closed_at             INTEGER,
    source                INTEGER REFERENCES source (id),
    medium                INTEGER REFERENCES medium (id),
    campaign              INTEGER REFERENCES campaign (id),
    channel               TEXT,
    first_touch           TEXT,
    last_touch            TEXT,
    referred_by           TEXT,
    owner                 TEXT,
    queue                 TEXT,
    team                  TEXT,
    questionnaire         TEXT,
    line_items            TEXT,
    lost_reason           TEXT,
    lost_detail           TEXT,
    quotation_ref         TEXT,
    order_ref             TEXT,
    verification_required INTEGER NOT NULL DEFAULT 0,
    incomplete            TEXT,
    last_message_at       INTEGER
) STRICT;
CREATE INDEX opportunity_owner ON opportunity (owner, id);
CREATE INDEX opportunity_by_stage ON opportunity (stage, id);
CREATE INDEX opportunity_contact ON opportunity (contact) WHERE contact IS NOT NULL;
CREATE INDEX opportunity_organisation ON opportunity (organisation) WHERE organisation IS NOT NULL;
CREATE INDEX opportunity_lead ON opportunity (lead) WHERE lead IS NOT NULL;
CREATE INDEX opportunity_linked_to ON opportunity (linked_to) WHERE linked_to IS NOT NULL;

-- class: email or phone; kind: personal, role, .. or phone, mobile, fax, whatsapp; raw: as written, for use;
-- normalised: for recognition only.
CREATE TABLE contact_point (
    record     INTEGER NOT NULL REFERENCES entity (id),
    class      TEXT NOT NULL,
    normalised TEXT NOT NULL,
    kind       TEXT NOT NULL,
    raw        TEXT NOT NULL,
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (record, class, normalised)
) STRICT, WITHOUT ROWID;

-- type: billing, delivery, shop, office, warehouse, home, work.
CREATE TABLE address (
    id         INTEGER PRIMARY KEY,
    record     INTEGER NOT NULL REFERENCES entity (id),
    type       TEXT,
    title      TEXT,
    street     TEXT,
    street2    TEXT,
    city       TEXT,
    state      TEXT,
    postcode   TEXT,
    country    TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX address_record ON address (record);

CREATE TABLE record_tag (
    record INTEGER NOT NULL REFERENCES entity (id),
    tag    TEXT NOT NULL,
    PRIMARY KEY (record, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE custom_field (
    record INTEGER NOT NULL REFERENCES entity (id),
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (record, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE consent (
    id      INTEGER PRIMARY KEY,
    record  INTEGER NOT NULL REFERENCES entity (id),
    purpose TEXT NOT NULL,
    given   INTEGER NOT NULL,
    text    TEXT,
    version TEXT,
    at      INTEGER NOT NULL,
    arrival INTEGER
) STRICT;
CREATE INDEX consent_record ON consent (record);

-- Addresses that asked not to be written to, known as a record or not.
CREATE TABLE suppression (
    address TEXT NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    arrival INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    id     INTEGER PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES entity (id),
    author TEXT NOT NULL,
    at     INTEGER NOT NULL,
    text   TEXT NOT NULL
) STRICT;
CREATE INDEX note_record ON note (record);

CREATE TABLE activity (
    id         INTEGER PRIMARY KEY,
    record     INTEGER NOT NULL REFERENCES entity (id),
    kind       TEXT NOT NULL,
    summary    TEXT NOT NULL,
    assignee   TEXT,
    due_at     INTEGER NOT NULL,
    done_at    INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX activity_record ON activity (record);
CREATE INDEX activity_due ON activity (assignee, due_at) WHERE done_at IS NULL;

CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    record     INTEGER NOT NULL REFERENCES entity (id),
    at         INTEGER NOT NULL,
    by_person  TEXT NOT NULL,
    channel    TEXT NOT NULL,
    successful INTEGER NOT NULL,
    reason     TEXT,
    note       TEXT,
    next_at    INTEGER
) STRICT;
CREATE INDEX attempt_record ON attempt (record);
