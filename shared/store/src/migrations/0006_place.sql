-- Where the database stood when it was set up or last opened a new incarnation, as its server says it: a database that
-- finds itself in another place was restored from a backup. Empty where no server says it.
ALTER TABLE store ADD COLUMN place {text} NOT NULL DEFAULT '';
