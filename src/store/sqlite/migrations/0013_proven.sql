-- Whether a message is surely from whom it names: 1, or 0; nothing where no mail server of the house is named. Reports that
-- name a doubtful message prove nothing.
ALTER TABLE communication ADD COLUMN proven INTEGER;
