-- What was taken for the signature of a message: the same lines end the next message of the same sender.
ALTER TABLE communication ADD COLUMN signature TEXT;
