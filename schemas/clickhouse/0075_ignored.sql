-- What a page claimed of a user and may not set: without it nobody can tell later which values of an event never held.

ALTER TABLE events ADD COLUMN IF NOT EXISTS ignored Array(LowCardinality(String))
    COMMENT 'Traits among the properties that the sender may not set: they were never true of the user'
    AFTER sent_context;
