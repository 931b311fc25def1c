-- Replies are forgotten by their time. The condition is another one than that of the index of requests: while tables are
-- small, a database takes either index for a search by request, and PostgreSQL keeps that plan when they have grown.
DROP INDEX IF EXISTS call_by_time;
CREATE INDEX call_by_time_of_reply ON call (at_us) WHERE reply IS NOT NULL;
