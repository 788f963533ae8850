-- What was refused is kept for 90 days; whole months go at once.

ALTER TABLE quarantine_rows MODIFY SETTING ttl_only_drop_parts = 1;
ALTER TABLE quarantine_rows MODIFY TTL toDateTime(received_at) + INTERVAL 90 DAY;
