-- What was refused is kept for 90 days; whole months go at once. Records that do not say when they were received have 1970
-- for it, and stay: nobody can send them.

ALTER TABLE quarantine_rows MODIFY SETTING ttl_only_drop_parts = 1;
ALTER TABLE quarantine_rows
    MODIFY TTL if(toYear(received_at) < 2000, toDateTime('2100-01-01'), toDateTime(received_at) + INTERVAL 90 DAY);
