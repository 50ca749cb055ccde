-- Conversations, decisions, recognition and turns.

CREATE TABLE communication (
    id          INTEGER NOT NULL PRIMARY KEY,
    ulid        TEXT NOT NULL UNIQUE,
    record      INTEGER REFERENCES entity (id),
    arrival     INTEGER,
    direction   TEXT NOT NULL,
    channel     TEXT NOT NULL,
    class       TEXT,
    message_id  TEXT,
    in_reply_to TEXT,
    subject     TEXT,
    sender      TEXT,
    recipients  TEXT,
    body        TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX communication_record ON communication (record, id);
CREATE INDEX communication_arrival ON communication (arrival) WHERE arrival IS NOT NULL;
CREATE INDEX communication_message_id ON communication (message_id) WHERE message_id IS NOT NULL;

-- Everyone who takes part in the conversation of a record, by lower-case or canonical address.
CREATE TABLE participant (
    record  INTEGER NOT NULL REFERENCES entity (id),
    address TEXT NOT NULL,
    PRIMARY KEY (record, address)
) STRICT, WITHOUT ROWID;

-- Views on parts of the raw bytes of the communication's arrival.
CREATE TABLE attachment (
    communication INTEGER NOT NULL REFERENCES communication (id),
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    size          INTEGER NOT NULL,
    part          TEXT NOT NULL,
    PRIMARY KEY (communication, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
    id         INTEGER NOT NULL PRIMARY KEY,
    ulid       TEXT NOT NULL,
    arrival    INTEGER NOT NULL,
    record     INTEGER,
    state      TEXT NOT NULL,
    reason     TEXT,
    action     TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    rule_ids   TEXT NOT NULL,
    facts      TEXT NOT NULL,
    trace      TEXT NOT NULL,
    pool       TEXT,
    owner      TEXT,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_arrival ON decision (arrival);
CREATE INDEX decision_record ON decision (record) WHERE record IS NOT NULL;

-- Blocking keys: kind and xxh3-64 of the normalised value. Leads, contacts, organisations, opportunities alike.
CREATE TABLE match_key (
    kind   INTEGER NOT NULL,
    hash   INTEGER NOT NULL,
    entity INTEGER NOT NULL REFERENCES entity (id),
    PRIMARY KEY (kind, hash, entity)
) STRICT, WITHOUT ROWID;

-- Records that overlap with another one and wait for a person's word: open, accepted, rejected.
CREATE TABLE candidate (
    record  INTEGER NOT NULL REFERENCES entity (id),
    other   INTEGER NOT NULL REFERENCES entity (id),
    state   TEXT NOT NULL,
    at      INTEGER NOT NULL,
    decided_by TEXT,
    PRIMARY KEY (record, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX candidate_other ON candidate (other);

-- A person said: these are two. The smaller id first.
CREATE TABLE not_duplicate (
    a     INTEGER NOT NULL REFERENCES entity (id),
    b     INTEGER NOT NULL REFERENCES entity (id),
    actor TEXT NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;

CREATE TABLE merge_event (
    id            INTEGER NOT NULL PRIMARY KEY,
    ulid          TEXT NOT NULL UNIQUE,
    survivor      INTEGER NOT NULL REFERENCES entity (id),
    loser         INTEGER NOT NULL REFERENCES entity (id),
    moved         TEXT NOT NULL,
    field_choices TEXT NOT NULL,
    decision      INTEGER,
    actor         TEXT NOT NULL,
    at            INTEGER NOT NULL,
    undone_at     INTEGER,
    undone_by     TEXT
) STRICT;
CREATE INDEX merge_event_survivor ON merge_event (survivor);
CREATE INDEX merge_event_loser ON merge_event (loser);

CREATE TABLE pool (
    name       TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Turns by day (days since 1970), so that a window of turns is a sum over few rows.
CREATE TABLE pool_turn (
    pool    TEXT NOT NULL REFERENCES pool (name),
    day     INTEGER NOT NULL,
    person  TEXT NOT NULL,
    turns   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (pool, day, person)
) STRICT, WITHOUT ROWID;
