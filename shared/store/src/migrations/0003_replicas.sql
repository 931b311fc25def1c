-- The replicas that serve from this database, where it can be shared. One that stops in order takes its row away; one
-- whose beat stands still has died.
CREATE TABLE replica (
    name {text} PRIMARY KEY,
    -- Who serves longest has the lowest number, and leads.
    started BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    -- The kinds of fact that it speaks, with spaces between them.
    kinds {text} NOT NULL,
    -- How its connection to the peer stands.
    link {bytes} NOT NULL
);
