-- Search keys that so many records carry that they find nobody: they are neither asked nor written any more.
CREATE TABLE match_generic (
    kind BIGINT NOT NULL,
    hash BIGINT NOT NULL,
    PRIMARY KEY (kind, hash)
);
