-- To which records a message id leads, and by which newest message: answered from the index, however often the id
-- was used.
CREATE INDEX communication_thread ON communication (message_id, record, id) WHERE message_id IS NOT NULL;
DROP INDEX communication_message_id;
-- The first arrivals with a message id, in order.
CREATE INDEX arrival_same_message ON arrival (message_id, id) WHERE message_id IS NOT NULL;
DROP INDEX arrival_message_id;
