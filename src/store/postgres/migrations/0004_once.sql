-- What happens once: one message per arrival and record, one budget of failures per life of a job.

-- Attempts before a person put the job back: they do not count against it. attempt itself never starts again.
ALTER TABLE job ADD COLUMN forgiven BIGINT NOT NULL DEFAULT 0;

-- Fields the mapping did not know, each as it was sent: [{"name":..,"value":..}].
ALTER TABLE communication ADD COLUMN fields TEXT;

-- An arrival processed again before this migration may have left its message twice: the first one stays.
DELETE FROM attachment WHERE communication IN (
    SELECT c.id FROM communication c JOIN communication f
    ON f.arrival = c.arrival AND f.record = c.record AND f.id < c.id);
DELETE FROM communication WHERE id IN (
    SELECT c.id FROM communication c JOIN communication f
    ON f.arrival = c.arrival AND f.record = c.record AND f.id < c.id);
DROP INDEX communication_arrival;
CREATE UNIQUE INDEX communication_once ON communication (arrival, record) WHERE arrival IS NOT NULL;

CREATE INDEX arrival_key_expiry ON arrival_key (expires_at) WHERE expires_at IS NOT NULL;
