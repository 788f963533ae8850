-- Parts that were merged into larger ones stay for two minutes, not eight: with many small inserts they were most of the
-- files. Two minutes is still longer than the operating system takes to write the larger part to disk.

ALTER TABLE events MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE event_ids MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE user_facts MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE user_rows MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE identity_links MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE conversation_facts MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE conversation_rows MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE quarantine_rows MODIFY SETTING old_parts_lifetime = 120;
