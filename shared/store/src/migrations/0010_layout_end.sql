-- One row per entry, ended: every row is copied, and the old tables are empty.
CREATE UNIQUE INDEX entry_by_number ON entry (journal, seq);
CREATE INDEX entry_by_matter ON entry (matter, turn);
CREATE INDEX entry_by_id ON entry (entry_id);
-- The first answers to an entry are found in order, however many there are.
CREATE INDEX entry_by_answer ON entry (journal, answers, seq) WHERE answers > 0;
CREATE INDEX entry_by_digest ON entry (digest) WHERE digest IS NOT NULL;
CREATE INDEX call_by_request ON call (request) WHERE request IS NOT NULL;
-- Who knew.
CREATE INDEX call_by_matter ON call (matter, at_us, chain, seq) WHERE matter <> '';

-- What this agency has to do next in a matter, the nearest day first.
CREATE TABLE duty (
    kind {text} NOT NULL,
    -- The day in ISO 8601, or `undated`, which sorts last.
    due_day {text} NOT NULL,
    opened_turn BIGINT NOT NULL,
    matter {text} NOT NULL,
    PRIMARY KEY (kind, due_day, opened_turn, matter)
){keyed};
CREATE INDEX duty_by_matter ON duty (matter);
INSERT INTO duty SELECT substr(noun, 8), audience, opened_turn, matter FROM visible WHERE noun LIKE 'duties/%';
DELETE FROM visible WHERE noun LIKE 'duties/%';

-- The changes before were told by an older version, under other numbers.
UPDATE store SET told_from = (SELECT MAX(turn) FROM head), migrating = 0;

DROP TABLE entry_before;
DROP TABLE content;
DROP TABLE matter_key;
DROP TABLE feed;
DROP TABLE audit_before;
DROP TABLE request;

-- For people at the database's own prompt: real times and words, no content, no keys. The services read none of them.
-- {time:…} is the dialect's instant for microseconds since 1970.

-- The entries that were written, their authors, and what became of them.
CREATE VIEW readable_entry AS
SELECT
    e.journal,
    e.seq AS number,
    e.matter,
    e.fact_type AS fact,
    e.state,
    {time:e.written_us} AS written_at,
    {time:e.arrived_us} AS arrived_at,
    -- Own entries: the peer has signed that it has stored it.
    CASE WHEN e.journal = (SELECT own FROM store) THEN
        {time:(SELECT r.at_us FROM receipt r WHERE r.up_to_seq >= e.seq ORDER BY r.up_to_seq, r.own_seq LIMIT 1)}
    END AS receipted_at,
    -- The other side has refused it.
    {time:(SELECT MIN(r.written_us) FROM entry r
        WHERE r.journal = CASE e.journal WHEN 'ppc' THEN 'ipa' WHEN 'ipa' THEN 'ppc' END
        AND r.answers = e.seq AND r.answers > 0 AND r.fact_type = 'entry_refused')} AS refused_at,
    CASE WHEN e.ciphertext IS NULL THEN 'no' ELSE 'yes' END AS content_held,
    e.key_id,
    e.turn
FROM entry e;

-- The state of the journals, and with them of the link.
CREATE VIEW readable_head AS
SELECT
    h.journal,
    CASE WHEN h.journal = s.own THEN 'own' WHEN h.journal = 'private' THEN 'private' ELSE 'peer' END AS whose,
    h.seq AS last,
    {time:NULLIF(h.written_us, 0)} AS last_written_at,
    h.incarnation,
    CASE WHEN h.journal = s.own THEN h.receipted END AS receipted,
    CASE WHEN h.journal = s.own THEN {time:NULLIF(h.receipted_us, 0)} END AS receipted_at,
    CASE WHEN h.journal = s.own THEN h.seq - h.receipted END AS backlog,
    NULLIF(h.stop_seq, 0) AS stopped_at_number,
    CASE h.stop_reason
        WHEN 0 THEN NULL
        WHEN 160 THEN 'NOT_UNDERSTOOD'
        WHEN 161 THEN 'AUTHOR_DIFFERS'
        WHEN 162 THEN 'BAD_SIGNATURE'
        WHEN 163 THEN 'KEY_UNKNOWN'
        WHEN 164 THEN 'CHAIN_BROKEN'
        WHEN 165 THEN 'ORDER_BROKEN'
        WHEN 166 THEN 'GAP'
        WHEN 167 THEN 'FORK'
        ELSE 'reason ' || h.stop_reason
    END AS stop_reason,
    -- While the own journal is fetched back from the peer.
    CASE WHEN h.recover_to > 0 THEN h.recover_to END AS recovering_to
FROM head h CROSS JOIN store s;

-- What the peer has signed for.
CREATE VIEW readable_receipt AS
SELECT up_to_seq AS up_to_number, own_seq AS at_its_number, {time:at_us} AS signed_at, key_id FROM receipt;

-- Who did and read what, and whether a repeat of the call still finds its reply.
CREATE VIEW readable_call AS
SELECT
    chain,
    seq AS number,
    {time:at_us} AS at,
    official,
    caller,
    method,
    matter,
    purpose,
    outcome,
    CASE WHEN reply IS NULL THEN 'no' ELSE 'yes' END AS reply_held
FROM call;

-- The latest state of each official.
CREATE VIEW readable_official AS
SELECT
    e.matter,
    CASE e.fact_type WHEN 'official_barred' THEN 'barred' ELSE 'not barred' END AS state,
    {time:e.written_us} AS since
FROM entry e
WHERE e.journal = 'private'
AND e.fact_type IN ('official_barred', 'official_unbarred')
AND e.turn = (SELECT MAX(l.turn) FROM entry l WHERE l.matter = e.matter);

-- The matters, with the turns in which they were opened and changed last.
CREATE VIEW readable_matter AS
SELECT
    p.matter,
    {time:opened.arrived_us} AS opened_at,
    {time:changed.arrived_us} AS changed_at,
    changed.fact_type AS last_fact
FROM page p
JOIN entry opened ON opened.turn = p.opened_turn
JOIN entry changed ON changed.turn = p.changed_turn;

-- What this agency has to do, the nearest day first.
CREATE VIEW readable_duty AS
SELECT kind, due_day, matter FROM duty;

-- What changed, in the order of commit.
CREATE VIEW readable_feed AS
SELECT turn, {time:arrived_us} AS at, matter FROM entry WHERE state IS NOT NULL
UNION ALL
SELECT turn, {time:at_us} AS at, matter FROM event;
