-- One row per entry, begun: the new tables beside the old ones. Rows are copied in steps, and the next part ends it.
-- 1 while rows are copied, 2 while the old ones are removed.
ALTER TABLE store ADD COLUMN migrating BIGINT NOT NULL DEFAULT 0;
UPDATE store SET migrating = 1;
-- The feed begins behind this turn. The changes before it were told by an older version, under other numbers.
ALTER TABLE store ADD COLUMN told_from BIGINT NOT NULL DEFAULT 0;

-- The number of commits that wrote the journals or what belongs to them: whoever judged a batch before another commit
-- judges it again.
ALTER TABLE head ADD COLUMN commits BIGINT NOT NULL DEFAULT 0;
-- A program of an older version that still runs cannot commit without this column.
ALTER TABLE head DROP COLUMN feed;

DROP VIEW readable_entry;
DROP VIEW readable_head;
DROP VIEW readable_receipt;
DROP VIEW readable_audit;
DROP VIEW readable_request;
DROP VIEW readable_official;
DROP VIEW readable_matter;
DROP VIEW readable_feed;

DROP INDEX entry_by_matter;
DROP INDEX entry_by_id;
DROP INDEX entry_by_answer;
DROP INDEX entry_by_digest;
ALTER TABLE entry RENAME TO entry_before;
DROP INDEX audit_by_matter;
ALTER TABLE audit RENAME TO audit_before;
CREATE INDEX request_before ON request (at_us, call);

-- Every entry of the three journals, as it was signed, with everything that is written once together with it.
CREATE TABLE entry (
    -- The order in which the three journals were folded here. Entries and events are counted together.
    turn {key} PRIMARY KEY,
    journal {text} NOT NULL,
    seq BIGINT NOT NULL,
    entry_id {text} NOT NULL,
    matter {text} NOT NULL,
    fact_type {text} NOT NULL,
    header {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    key_id {text} NOT NULL,
    signature {bytes} NOT NULL,
    fact {bytes} NOT NULL,
    answers BIGINT NOT NULL,
    -- The digest of the request that led to an own entry.
    digest {bytes},
    -- The name of the matter's state after this entry, which watchers are told; none for an entry that is not told.
    state {text},
    -- The encrypted content, and the wrapped key that opens it. All of them are removed when the content is erased.
    nonce {bytes},
    ciphertext {bytes},
    wrapped_key {bytes},
    ring_key_id {text},
    written_us BIGINT NOT NULL,
    arrived_us BIGINT NOT NULL
);

-- Changes that are not entries. Together with the entries they are the feed.
CREATE TABLE event (
    turn {key} PRIMARY KEY,
    at_us BIGINT NOT NULL,
    matter {text} NOT NULL,
    change {bytes} NOT NULL
);

-- Each entry that was set aside carries its key.
ALTER TABLE aside ADD COLUMN wrapped_key {bytes};
ALTER TABLE aside ADD COLUMN ring_key_id {text};
UPDATE aside SET wrapped_key = (SELECT wrapped_key FROM matter_key WHERE matter = 'aside'),
    ring_key_id = (SELECT ring_key_id FROM matter_key WHERE matter = 'aside');

-- The record of calls, in one chain per replica and kind. The columns from `request` on are the reply for repeats of the
-- call; the chain does not cover them, and they are removed after 30 days.
CREATE TABLE call (
    chain {text} NOT NULL,
    seq BIGINT NOT NULL,
    prev_hash {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    at_us BIGINT NOT NULL,
    official {text} NOT NULL,
    caller {text} NOT NULL,
    method {text} NOT NULL,
    matter {text} NOT NULL,
    purpose {text} NOT NULL,
    outcome {text} NOT NULL,
    request {text},
    digest {bytes},
    reply {bytes},
    seal {bytes},
    PRIMARY KEY (chain, seq)
){keyed};
