-- Tokens that count once (solved challenges), until they run out.
CREATE TABLE spent_token (
    token      TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_token_expiry ON spent_token (expires_at);
