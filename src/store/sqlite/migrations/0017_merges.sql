-- Merging and its undoing, and the questions a person answers.

CREATE INDEX entity_merged_into ON entity (merged_into) WHERE merged_into IS NOT NULL;
-- The keys of one record: what a merge moves and an erasure removes.
CREATE INDEX match_key_entity ON match_key (entity);

-- Records that overlap and wait for a person's word: open, accepted, rejected. record, other: as they were asked about;
-- .._now: who answers for them today, the survivor of a merged one. merge_event: the merge that answered.
CREATE TABLE question (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    record      INTEGER NOT NULL REFERENCES entity (id),
    other       INTEGER NOT NULL REFERENCES entity (id),
    record_now  INTEGER NOT NULL REFERENCES entity (id),
    other_now   INTEGER NOT NULL REFERENCES entity (id),
    state       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    decided_by  TEXT,
    decided_at  INTEGER,
    merge_event INTEGER REFERENCES merge_event (id),
    UNIQUE (record, other)
) STRICT;
INSERT INTO question (record, other, record_now, other_now, state, at, decided_by)
    SELECT record, other, record, other, state, at, decided_by FROM candidate ORDER BY at, record, other;
DROP TABLE candidate;
ALTER TABLE question RENAME TO candidate;
CREATE INDEX candidate_other ON candidate (other);
CREATE INDEX candidate_record_now ON candidate (record_now);
CREATE INDEX candidate_other_now ON candidate (other_now);
CREATE INDEX candidate_open ON candidate (id) WHERE state = 'open';
CREATE INDEX candidate_merge_event ON candidate (merge_event) WHERE merge_event IS NOT NULL;

-- A person said: these are two. The smaller id first; .._now as above.
CREATE TABLE told_apart (
    a     INTEGER NOT NULL REFERENCES entity (id),
    b     INTEGER NOT NULL REFERENCES entity (id),
    a_now INTEGER NOT NULL REFERENCES entity (id),
    b_now INTEGER NOT NULL REFERENCES entity (id),
    actor TEXT NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;
INSERT INTO told_apart (a, b, a_now, b_now, actor, at) SELECT a, b, a, b, actor, at FROM not_duplicate;
DROP TABLE not_duplicate;
ALTER TABLE told_apart RENAME TO not_duplicate;
CREATE INDEX not_duplicate_a_now ON not_duplicate (a_now);
CREATE INDEX not_duplicate_b_now ON not_duplicate (b_now);
