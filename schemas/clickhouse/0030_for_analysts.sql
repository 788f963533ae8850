-- Columns that analysts group by, what the client's program and device were, fewer files, and a comment on everything.

-- Only so many names become paths of their own in a part, the others share one; and a part has few files until it is large.
ALTER TABLE events MODIFY COLUMN IF EXISTS properties JSON(max_dynamic_paths = 256)
    COMMENT 'Properties of the event; the traits for identify and group';
ALTER TABLE events MODIFY COLUMN IF EXISTS context JSON(max_dynamic_paths = 128)
    COMMENT 'Page, library, device, campaign … as sent';
ALTER TABLE user_rows MODIFY COLUMN IF EXISTS traits JSON(max_dynamic_paths = 128);
-- A view keeps the types it was made with, and would convert each value to the old one under the reader's settings.
CREATE OR REPLACE VIEW users AS
SELECT project_id, id, anonymous_ids, customer_id, email, name, first_name, last_name, phone, avatar, company, plan,
       role, status, traits, sent_traits, consent, gpc, created_at, first_seen_at, last_active_at, conversations,
       questions, answers, answered, satisfaction
FROM user_rows FINAL
WHERE merged_into = '';

ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 268435456, min_level_for_wide_part = 1;
ALTER TABLE user_rows MODIFY SETTING min_bytes_for_wide_part = 268435456;

ALTER TABLE events
    ADD COLUMN IF NOT EXISTS browser LowCardinality(String) COMMENT 'From the user agent: Chrome, Mobile Safari, curl …; empty if unknown' AFTER user_agent,
    ADD COLUMN IF NOT EXISTS os LowCardinality(String) COMMENT 'From the user agent: Windows, iOS, Android …; empty if unknown' AFTER browser,
    ADD COLUMN IF NOT EXISTS device LowCardinality(String) COMMENT 'From the user agent: iPhone, Pixel 8, Desktop, Spider …; empty if unknown' AFTER os;

-- What the product understands of a conversation event, typed. They cost no storage.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS topic Nullable(String) ALIAS properties.topic.:String COMMENT 'properties.topic, where it is text',
    ADD COLUMN IF NOT EXISTS intent Nullable(String) ALIAS properties.intent.:String COMMENT 'properties.intent, where it is text',
    ADD COLUMN IF NOT EXISTS channel Nullable(String) ALIAS properties.channel.:String COMMENT 'properties.channel, where it is text',
    ADD COLUMN IF NOT EXISTS text Nullable(String) ALIAS properties.text.:String COMMENT 'properties.text of a question or an answer',
    ADD COLUMN IF NOT EXISTS answered Nullable(Bool) ALIAS properties.answered.:Bool COMMENT 'properties.answered of an answer; null counts as true',
    ADD COLUMN IF NOT EXISTS in_reply_to Nullable(String) ALIAS properties.inReplyTo.:String COMMENT 'properties.inReplyTo of an answer: the message_id of its question',
    ADD COLUMN IF NOT EXISTS latency_ms Nullable(Float64) ALIAS coalesce(CAST(properties.latencyMs.:Int64, 'Nullable(Float64)'), properties.latencyMs.:Float64) COMMENT 'properties.latencyMs of an answer',
    ADD COLUMN IF NOT EXISTS rating Nullable(Float64) ALIAS coalesce(CAST(properties.rating.:Int64, 'Nullable(Float64)'), properties.rating.:Float64) COMMENT 'properties.rating of feedback, 0 to 1',
    ADD COLUMN IF NOT EXISTS thumbs Nullable(String) ALIAS properties.thumbs.:String COMMENT 'properties.thumbs of feedback: up or down';

ALTER TABLE events MODIFY COMMENT 'What happened: one row for each event that was accepted, the first of those with the same message_id';
ALTER TABLE events COMMENT COLUMN IF EXISTS user_agent 'The client''s User-Agent header, up to 512 characters';
ALTER TABLE events COMMENT COLUMN IF EXISTS _partition 'The partition of the log';
ALTER TABLE events COMMENT COLUMN IF EXISTS _off 'The record''s offset in it';

ALTER TABLE users MODIFY COMMENT 'Who is known: one row for each identified user, and for each guest who has not become one';
ALTER TABLE users COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…';
ALTER TABLE users COMMENT COLUMN IF EXISTS id 'The userId; of a guest g-…';
ALTER TABLE users COMMENT COLUMN IF EXISTS anonymous_ids 'The anonymousIds this user came with, as they were sent';
ALTER TABLE users COMMENT COLUMN IF EXISTS customer_id 'Trait customerId: the id in another system';
ALTER TABLE users COMMENT COLUMN IF EXISTS email 'Trait email';
ALTER TABLE users COMMENT COLUMN IF EXISTS name 'Trait name';
ALTER TABLE users COMMENT COLUMN IF EXISTS first_name 'Trait firstName';
ALTER TABLE users COMMENT COLUMN IF EXISTS last_name 'Trait lastName';
ALTER TABLE users COMMENT COLUMN IF EXISTS phone 'Trait phone';
ALTER TABLE users COMMENT COLUMN IF EXISTS avatar 'Trait avatar, an address';
ALTER TABLE users COMMENT COLUMN IF EXISTS company 'Trait company; the name in it if it is an object';
ALTER TABLE users COMMENT COLUMN IF EXISTS plan 'Trait plan';
ALTER TABLE users COMMENT COLUMN IF EXISTS role 'Trait role';
ALTER TABLE users COMMENT COLUMN IF EXISTS status 'Active, Unconfirmed (emailVerified is false) or Guest';
ALTER TABLE users COMMENT COLUMN IF EXISTS traits 'All other traits, the newest value of each';
ALTER TABLE users COMMENT COLUMN IF EXISTS sent_traits 'The other traits as JSON text as they were sent, where the column traits cannot say all of it; else empty';
ALTER TABLE users COMMENT COLUMN IF EXISTS consent 'What the person chose, by category: granted, pending or denied';
ALTER TABLE users COMMENT COLUMN IF EXISTS gpc 'Whether a browser of theirs ever sent Global Privacy Control';
ALTER TABLE users COMMENT COLUMN IF EXISTS created_at 'Trait createdAt: when the account was made';
ALTER TABLE users COMMENT COLUMN IF EXISTS first_seen_at 'The earliest event, by occurred_at';
ALTER TABLE users COMMENT COLUMN IF EXISTS last_active_at 'The latest event, by occurred_at';
ALTER TABLE users COMMENT COLUMN IF EXISTS conversations 'How many conversations they took part in';
ALTER TABLE users COMMENT COLUMN IF EXISTS questions 'How many questions they asked';
ALTER TABLE users COMMENT COLUMN IF EXISTS answers 'How many answers they were given';
ALTER TABLE users COMMENT COLUMN IF EXISTS answered 'How many of the answers were one';
ALTER TABLE users COMMENT COLUMN IF EXISTS satisfaction 'The mean of their ratings, 0 to 1; null without one';

ALTER TABLE conversations MODIFY COMMENT 'What was talked about: one row for each conversationId';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS id 'The conversationId';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS user_id 'Whose it is: the user, else the guest (g-…)';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS title 'The title that was given, else the beginning of the first question';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS channel 'Where it took place, as Conversation Started says';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS topic 'The latest topic that was named';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS status 'open; or resolved, noted, escalated, abandoned as Conversation Closed says; or deleted';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS started_at 'Its earliest event, by occurred_at';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS last_at 'Its latest event, by occurred_at';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS questions 'How many questions';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS answers 'How many answers';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS answered 'How many of the answers were one';
ALTER TABLE conversations COMMENT COLUMN IF EXISTS satisfaction 'The mean of its ratings, 0 to 1; null without one';

ALTER TABLE identities MODIFY COMMENT 'Who became whom: one row for each anonymous id that turned out to be a user';
ALTER TABLE identities COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…';
ALTER TABLE identities COMMENT COLUMN IF EXISTS anonymous_id 'The anonymousId as it was sent';
ALTER TABLE identities COMMENT COLUMN IF EXISTS guest_id 'The id of the guest it was, g-…';
ALTER TABLE identities COMMENT COLUMN IF EXISTS user_id 'The user it is';
ALTER TABLE identities COMMENT COLUMN IF EXISTS linked_at 'When the gateway received the event that said so';

ALTER TABLE quarantine MODIFY COMMENT 'What became no event: one row for each that was refused and kept, for 90 days';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…; empty if the record did not say';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS id 'The place on the log, log:partition:offset:index';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS stage 'gateway if it was rejected, worker if it could not be applied';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS reason 'Why, as a word; see the answer''s code';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS message 'Why, as a sentence';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS message_id 'The client''s id of the event, if it had one';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS raw 'The event as it was sent, without tokens and secret keys; else the record''s bytes';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS received_at 'When the gateway received it';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS replayed_at 'When it was last sent again';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS _log 'The log it lies on';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS _partition 'The partition of the log';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS _off 'The record''s offset in it';
ALTER TABLE quarantine COMMENT COLUMN IF EXISTS _idx 'Its position in the record';
