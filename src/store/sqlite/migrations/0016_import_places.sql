-- How far imports of contacts came that did not end yet: the same file goes on there.
CREATE TABLE import_place (
    source     TEXT NOT NULL PRIMARY KEY,
    entries    INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    uncertain  INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
