-- The place of the database when it was set up or last opened a new incarnation, as its server reports it: a database
-- that finds itself in another place was restored from a backup. Empty if no server reports it.
ALTER TABLE store ADD COLUMN place {text} NOT NULL DEFAULT '';
