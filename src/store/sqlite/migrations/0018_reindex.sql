-- The rules of normalising by which a record was taken in last; those of an older one wait for `pisteur match reindex`.
ALTER TABLE entity ADD COLUMN norm INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entity_norm ON entity (norm) WHERE merged_into IS NULL;

-- Where a reindex is that was begun and has not ended: the record, and the search key.
CREATE TABLE match_reindex (
    norm       INTEGER NOT NULL PRIMARY KEY,
    everything INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    hash       INTEGER NOT NULL,
    entity     INTEGER NOT NULL
) STRICT;

-- One model counts.
CREATE UNIQUE INDEX match_model_active ON match_model (norm) WHERE state = 'active';
