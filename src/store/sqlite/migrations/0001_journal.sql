-- The journal: what arrived, byte for byte, the work it gives, and what is remembered of the doors.
-- Times are unix microseconds, booleans 0 or 1, identifiers ULIDs outside (ulid) and 64-bit numbers inside (id).

-- The next free inside number, shared by arrivals, jobs, effects, records, communications and decisions.
CREATE TABLE sequence (
    name TEXT NOT NULL PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequence (name, next) VALUES ('id', 1);

CREATE TABLE arrival (
    id           INTEGER NOT NULL PRIMARY KEY,
    ulid         TEXT NOT NULL UNIQUE,
    channel      TEXT NOT NULL,
    intake       TEXT NOT NULL,
    state        TEXT NOT NULL,
    reason       TEXT,
    received_at  INTEGER NOT NULL,
    decided_at   INTEGER,
    digest       TEXT NOT NULL,
    content_type TEXT,
    raw_kind     TEXT NOT NULL,
    context      TEXT NOT NULL,
    size         INTEGER NOT NULL,
    subject      TEXT,
    sender       TEXT,
    class        TEXT,
    message_id   TEXT,
    duplicate_of INTEGER REFERENCES arrival (id),
    record       INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    error        TEXT
) STRICT;
CREATE INDEX arrival_state ON arrival (state, id);
CREATE INDEX arrival_message_id ON arrival (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX arrival_duplicate_of ON arrival (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- The bytes apart, so that lists never drag them; retention deletes rows here only.
CREATE TABLE arrival_raw (
    arrival INTEGER NOT NULL PRIMARY KEY,
    raw     BLOB NOT NULL
) STRICT;

-- Names under which an arrival is known; after expires_at a key makes no repeat and may be taken over.
CREATE TABLE arrival_key (
    key        TEXT NOT NULL PRIMARY KEY,
    arrival    INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- id is that of the arrival (queue process) or of the effect (queue deliver), so one thing never has two jobs.
-- due_at: when it may be claimed next; for a leased job that is the end of its lease.
-- suspect: a worker has it, or had it and vanished without a word (attempt > failures).
CREATE TABLE job (
    id         INTEGER NOT NULL PRIMARY KEY,
    queue      TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    suspect    INTEGER NOT NULL DEFAULT 0,
    dead       INTEGER NOT NULL DEFAULT 0,
    owner      TEXT,
    attempt    INTEGER NOT NULL DEFAULT 0,
    failures   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
) STRICT;
CREATE INDEX job_due ON job (queue, suspect, due_at, id) WHERE dead = 0;
CREATE INDEX job_dead ON job (queue, id) WHERE dead = 1;

-- Effects on the world outside, each with its idempotency key (ulid).
CREATE TABLE effect (
    id           INTEGER NOT NULL PRIMARY KEY,
    ulid         TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    target       TEXT NOT NULL,
    payload      TEXT NOT NULL,
    arrival      INTEGER,
    created_at   INTEGER NOT NULL,
    delivered_at INTEGER
) STRICT;

CREATE TABLE named_lock (
    name       TEXT NOT NULL PRIMARY KEY,
    owner      TEXT NOT NULL,
    token      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
    name        TEXT NOT NULL PRIMARY KEY,
    uidvalidity INTEGER NOT NULL DEFAULT 0,
    last_uid    INTEGER NOT NULL DEFAULT 0,
    started     INTEGER NOT NULL DEFAULT 0,
    last_ok_at  INTEGER,
    last_error  TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- Every UID journalled, so that a message read again after a lost answer is not a second row.
CREATE TABLE mail_uid (
    mailbox     TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid         INTEGER NOT NULL,
    arrival     INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uidvalidity, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE fetch_attempt (
    mailbox     TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid         INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uidvalidity, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret (
    name       TEXT NOT NULL PRIMARY KEY,
    value      TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ruleset (
    hash     TEXT NOT NULL PRIMARY KEY,
    sources  TEXT NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people did; what the daemon did is in decision.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT
) STRICT;
CREATE INDEX audit_subject ON audit (subject);
