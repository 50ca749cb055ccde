-- Search keys that so many records carry that they find nobody: they are neither asked nor written any more.
CREATE TABLE match_generic (
    kind INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    PRIMARY KEY (kind, hash)
) STRICT, WITHOUT ROWID;
