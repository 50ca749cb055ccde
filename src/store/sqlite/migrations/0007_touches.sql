-- Where people come from: names that are one in any case, and each touch of a record.

-- Names as they are compared: lower case, white space as one space. Of names that were two only by their case the first
-- one keeps the name; the later ones stay for the records that have them.
ALTER TABLE source ADD COLUMN folded TEXT;
UPDATE source SET folded = lower(name) || CASE WHEN EXISTS
    (SELECT 1 FROM source o WHERE lower(o.name) = lower(source.name) AND o.id < source.id) THEN ' #' || id ELSE '' END;
CREATE UNIQUE INDEX source_folded ON source (folded);
ALTER TABLE medium ADD COLUMN folded TEXT;
UPDATE medium SET folded = lower(name) || CASE WHEN EXISTS
    (SELECT 1 FROM medium o WHERE lower(o.name) = lower(medium.name) AND o.id < medium.id) THEN ' #' || id ELSE '' END;
CREATE UNIQUE INDEX medium_folded ON medium (folded);
ALTER TABLE campaign ADD COLUMN folded TEXT;
UPDATE campaign SET folded = lower(name) || CASE WHEN EXISTS
    (SELECT 1 FROM campaign o WHERE lower(o.name) = lower(campaign.name) AND o.id < campaign.id) THEN ' #' || id ELSE '' END;
CREATE UNIQUE INDEX campaign_folded ON campaign (folded);

-- role: first, last (as a script of the site remembers them), visit (the one that ended in the arrival); at: of a
-- remembered touch the moment the script noted, else when the arrival was received; detail: what has no column, JSON.
CREATE TABLE touch (
    record   INTEGER NOT NULL REFERENCES entity (id),
    at       INTEGER NOT NULL,
    arrival  INTEGER NOT NULL,
    role     TEXT NOT NULL,
    source   TEXT,
    medium   TEXT,
    campaign TEXT,
    channel  TEXT,
    detail   TEXT NOT NULL,
    PRIMARY KEY (record, at, arrival, role)
) STRICT, WITHOUT ROWID;
-- Records that wait for a person.
CREATE INDEX record_tag_tag ON record_tag (tag, record);
