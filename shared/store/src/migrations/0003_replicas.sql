-- The replicas that serve from this database, where it can be shared. One that stops in order deletes its row; one
-- whose beat no longer changes has died.
CREATE TABLE replica (
    name {text} PRIMARY KEY,
    -- The replica that has served longest has the lowest number, and leads.
    started BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    -- The kinds of fact that it speaks, with spaces between them.
    kinds {text} NOT NULL,
    -- The state of its connection to the peer.
    link {bytes} NOT NULL
);
