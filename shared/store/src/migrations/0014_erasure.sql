-- Not 0 while files of the database may still have contents that were erased from the rows: 1 for SQLite's log of changes,
-- and on PostgreSQL the number of the file that the table of entries had then.
ALTER TABLE store ADD COLUMN erasing BIGINT NOT NULL DEFAULT 0;
