-- What a record is compared by: its values, normalised once. Several where messages told different things.
CREATE TABLE match_profile (
    entity INTEGER NOT NULL REFERENCES entity (id),
    hash INTEGER NOT NULL,
    norm INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (entity, hash)
) STRICT, WITHOUT ROWID;

-- Weights of comparison; the newest that is active counts.
CREATE TABLE match_model (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    norm INTEGER NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    report TEXT NOT NULL,
    fitted_at INTEGER NOT NULL
) STRICT;
