-- How far imports of contacts came that did not end yet: the same file goes on there.
CREATE TABLE import_place (
    source     TEXT NOT NULL PRIMARY KEY,
    entries    BIGINT NOT NULL,
    line       BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    refused    BIGINT NOT NULL,
    uncertain  BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
