-- Keyed digests over rows that are a cache or a reply: what was changed behind the service's back is not believed. A row
-- without one is not believed either.
ALTER TABLE page ADD COLUMN seal {bytes};
ALTER TABLE request ADD COLUMN seal {bytes};
-- 1 when every page has been given its seal: the pages of an older version, and all beside them, are folded again once.
ALTER TABLE store ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;

-- The receipts that this agency has signed for the peer's journal.
CREATE TABLE receipt_given (
    up_to_seq BIGINT NOT NULL,
    own_seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    receipt {bytes} NOT NULL,
    key_id {text} NOT NULL,
    signature {bytes} NOT NULL,
    PRIMARY KEY (up_to_seq, own_seq)
){keyed};
