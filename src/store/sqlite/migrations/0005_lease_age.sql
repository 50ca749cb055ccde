-- When the present lease was taken; renewing leaves it. Read only while owner is set.
ALTER TABLE job ADD COLUMN leased_at INTEGER;
