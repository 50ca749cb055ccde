-- About how many records there are, counted anew as they grow: the rarer one is, the more must speak for it.
CREATE TABLE match_size (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    records BIGINT NOT NULL
);
INSERT INTO match_size (id, records) SELECT 1, COUNT(*) FROM entity WHERE merged_into IS NULL;
