-- The rules of normalising by which a record was taken in last; those of an older one wait for `pisteur match reindex`.
ALTER TABLE entity ADD COLUMN norm BIGINT NOT NULL DEFAULT 0;
CREATE INDEX entity_norm ON entity (norm) WHERE merged_into IS NULL;

-- Where a reindex is that was begun and has not ended: the record, and the search key.
CREATE TABLE match_reindex (
    norm       BIGINT NOT NULL PRIMARY KEY,
    everything BIGINT NOT NULL,
    place      BIGINT NOT NULL,
    kind       BIGINT NOT NULL,
    hash       BIGINT NOT NULL,
    entity     BIGINT NOT NULL
);

-- One model counts.
CREATE UNIQUE INDEX match_model_active ON match_model (norm) WHERE state = 'active';
