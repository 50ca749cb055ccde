-- What visitors agreed to, as evidence; the mails that machines sent them; why an effect was left undone.

ALTER TABLE consent ADD COLUMN field TEXT;
ALTER TABLE consent ADD COLUMN value TEXT;
ALTER TABLE consent ADD COLUMN language TEXT;
ALTER TABLE consent ADD COLUMN text_hash TEXT;
ALTER TABLE consent ADD COLUMN client_ip TEXT;
ALTER TABLE consent ADD COLUMN page TEXT;

-- Why an effect was not carried out, on purpose. NULL while it is to be, and once it was.
ALTER TABLE effect ADD COLUMN withheld TEXT;
CREATE INDEX effect_arrival ON effect (arrival) WHERE arrival IS NOT NULL;

-- A purpose confirmed by whoever owns the address (canonical); withdrawn by unsubscribing.
CREATE TABLE opt_in (
    arrival      INTEGER NOT NULL,
    purpose      TEXT NOT NULL,
    address      TEXT NOT NULL,
    confirmed_at INTEGER NOT NULL,
    client_ip    TEXT,
    user_agent   TEXT,
    page         TEXT,
    withdrawn_at INTEGER,
    PRIMARY KEY (arrival, purpose)
) STRICT;
CREATE INDEX opt_in_address ON opt_in (address, purpose);

-- Mails to visitors within the windows of their bounds; recipient is a hash of the canonical address.
CREATE TABLE visitor_mail (
    effect    TEXT NOT NULL PRIMARY KEY,
    kind      TEXT NOT NULL,
    arrival   TEXT NOT NULL,
    recipient TEXT NOT NULL,
    domain    TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
CREATE INDEX visitor_mail_arrival ON visitor_mail (arrival, kind);
CREATE INDEX visitor_mail_recipient ON visitor_mail (recipient, kind, at);
CREATE INDEX visitor_mail_domain ON visitor_mail (domain, at);
CREATE INDEX visitor_mail_at ON visitor_mail (at);

-- Links in those mails, each by the hash of its token. kind: confirm or unsubscribe.
CREATE TABLE visitor_token (
    hash       TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    address    TEXT NOT NULL,
    form       TEXT NOT NULL,
    effect     TEXT NOT NULL,
    arrival    TEXT NOT NULL,
    purposes   TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX visitor_token_effect ON visitor_token (effect);
CREATE INDEX visitor_token_expiry ON visitor_token (expires_at);
CREATE INDEX visitor_token_address ON visitor_token (address);
