-- Uploaded files: by what digest the same file is known, and what is thought of it (accepted, refused:.., unscanned,
-- clean, infected:..). NULL for files of mails.
ALTER TABLE attachment ADD COLUMN sha256 TEXT;
ALTER TABLE attachment ADD COLUMN verdict TEXT;
CREATE INDEX attachment_sha256 ON attachment (sha256) WHERE sha256 IS NOT NULL;
