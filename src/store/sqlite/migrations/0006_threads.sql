-- To which records a message id leads, and by which newest message: answered from the index, however often the id
-- was used.
CREATE INDEX communication_thread ON communication (message_id, record, id) WHERE message_id IS NOT NULL;
DROP INDEX communication_message_id;
