-- Conversations, decisions, recognition and turns.

CREATE TABLE communication (
    id          BIGINT NOT NULL PRIMARY KEY,
    ulid        TEXT NOT NULL UNIQUE,
    record      BIGINT REFERENCES entity (id),
    arrival     BIGINT,
    direction   TEXT NOT NULL,
    channel     TEXT NOT NULL,
    class       TEXT,
    message_id  TEXT,
    in_reply_to TEXT,
    subject     TEXT,
    sender      TEXT,
    recipients  TEXT,
    body        TEXT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX communication_record ON communication (record, id);
CREATE INDEX communication_arrival ON communication (arrival) WHERE arrival IS NOT NULL;
CREATE INDEX communication_message_id ON communication (message_id) WHERE message_id IS NOT NULL;

-- Everyone who takes part in the conversation of a record, by lower-case or canonical address.
CREATE TABLE participant (
    record  BIGINT NOT NULL REFERENCES entity (id),
    address TEXT NOT NULL,
    PRIMARY KEY (record, address)
);

-- Views on parts of the raw bytes of the communication's arrival.
CREATE TABLE attachment (
    communication BIGINT NOT NULL REFERENCES communication (id),
    position      BIGINT NOT NULL,
    name          TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    size          BIGINT NOT NULL,
    part          TEXT NOT NULL,
    PRIMARY KEY (communication, position)
);

CREATE TABLE decision (
    id         BIGINT NOT NULL PRIMARY KEY,
    ulid       TEXT NOT NULL,
    arrival    BIGINT NOT NULL,
    record     BIGINT,
    state      TEXT NOT NULL,
    reason     TEXT,
    action     TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    rule_ids   TEXT NOT NULL,
    facts      TEXT NOT NULL,
    trace      TEXT NOT NULL,
    pool       TEXT,
    owner      TEXT,
    at         BIGINT NOT NULL
);
CREATE INDEX decision_arrival ON decision (arrival);
CREATE INDEX decision_record ON decision (record) WHERE record IS NOT NULL;

-- Blocking keys: kind and xxh3-64 of the normalised value. Leads, contacts, organisations, opportunities alike.
CREATE TABLE match_key (
    kind   BIGINT NOT NULL,
    hash   BIGINT NOT NULL,
    entity BIGINT NOT NULL REFERENCES entity (id),
    PRIMARY KEY (kind, hash, entity)
);

-- Records that overlap with another one and wait for a person's word: open, accepted, rejected.
CREATE TABLE candidate (
    record  BIGINT NOT NULL REFERENCES entity (id),
    other   BIGINT NOT NULL REFERENCES entity (id),
    state   TEXT NOT NULL,
    at      BIGINT NOT NULL,
    decided_by TEXT,
    PRIMARY KEY (record, other)
);
CREATE INDEX candidate_other ON candidate (other);

-- A person said: these are two. The smaller id first.
CREATE TABLE not_duplicate (
    a     BIGINT NOT NULL REFERENCES entity (id),
    b     BIGINT NOT NULL REFERENCES entity (id),
    actor TEXT NOT NULL,
    at    BIGINT NOT NULL,
    PRIMARY KEY (a, b)
);

CREATE TABLE merge_event (
    id            BIGINT NOT NULL PRIMARY KEY,
    ulid          TEXT NOT NULL UNIQUE,
    survivor      BIGINT NOT NULL REFERENCES entity (id),
    loser         BIGINT NOT NULL REFERENCES entity (id),
    moved         TEXT NOT NULL,
    field_choices TEXT NOT NULL,
    decision      BIGINT,
    actor         TEXT NOT NULL,
    at            BIGINT NOT NULL,
    undone_at     BIGINT,
    undone_by     TEXT
);
CREATE INDEX merge_event_survivor ON merge_event (survivor);
CREATE INDEX merge_event_loser ON merge_event (loser);

CREATE TABLE pool (
    name       TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- Turns by day (days since 1970), so that a window of turns is a sum over few rows.
CREATE TABLE pool_turn (
    pool    TEXT NOT NULL REFERENCES pool (name),
    day     BIGINT NOT NULL,
    person  TEXT NOT NULL,
    turns   BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (pool, day, person)
);
