-- Addresses that could not be reached: when a report last said so, whether for good (hard) or this once (soft), and why.
ALTER TABLE contact_point ADD COLUMN bounced_at BIGINT;
ALTER TABLE contact_point ADD COLUMN bounce TEXT;
ALTER TABLE contact_point ADD COLUMN bounce_status TEXT;
