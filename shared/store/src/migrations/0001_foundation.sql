-- {bytes} and {text} are the dialect's types for bytes and for text that is compared byte by byte.

-- Whose database this is. One row.
CREATE TABLE store (
    one BIGINT PRIMARY KEY,
    store_id {text} NOT NULL,
    own {text} NOT NULL,
    schema BIGINT NOT NULL,
    -- 1 in a backup: whoever starts on it must open a new incarnation.
    marked BIGINT NOT NULL
);

-- The heads of the three journals. The row of the own journal also counts turns and feed numbers: the writer's first
-- statement updates it, so there is one writer at a time over all replicas.
CREATE TABLE head (
    journal {text} PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    written_us BIGINT NOT NULL,
    seen_peer_seq BIGINT NOT NULL,
    incarnation BIGINT NOT NULL,
    -- Own row: the peer's last receipt: up to which number, at which head of its own journal, signed when.
    receipted BIGINT NOT NULL,
    receipted_own BIGINT NOT NULL,
    receipted_us BIGINT NOT NULL,
    -- Peer's row: where its journal is stopped here. Own row: where the peer has stopped ours.
    stop_seq BIGINT NOT NULL,
    stop_reason BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    feed BIGINT NOT NULL,
    -- Own row: the highest number of the own journal that the peer is known to have, when it is above our head.
    recover_to BIGINT NOT NULL
){keyed};

-- Every entry of the three journals, as it was signed.
CREATE TABLE entry (
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
    digest {bytes} NOT NULL,
    -- The order in which the three journals were folded here.
    turn BIGINT NOT NULL,
    written_us BIGINT NOT NULL,
    arrived_us BIGINT NOT NULL,
    PRIMARY KEY (journal, seq)
);
CREATE INDEX entry_by_matter ON entry (matter, turn);
CREATE INDEX entry_by_turn ON entry (turn);
CREATE INDEX entry_by_id ON entry (entry_id);
CREATE INDEX entry_by_answer ON entry (journal, answers);
CREATE INDEX entry_by_digest ON entry (digest);

-- Contents, encrypted with their matter's key.
CREATE TABLE content (
    journal {text} NOT NULL,
    seq BIGINT NOT NULL,
    nonce {bytes} NOT NULL,
    ciphertext {bytes} NOT NULL,
    PRIMARY KEY (journal, seq)
);
CREATE TABLE matter_key (
    matter {text} PRIMARY KEY,
    wrapped_key {bytes} NOT NULL,
    ring_key_id {text} NOT NULL
){keyed};

-- The fold over the journals: a cache, rebuilt to the same bytes.
CREATE TABLE page (
    matter {text} PRIMARY KEY,
    opened_turn BIGINT NOT NULL,
    changed_turn BIGINT NOT NULL,
    page {bytes} NOT NULL,
    local {bytes} NOT NULL
);

-- What lists read, newest first. The noun is the prefix of the matter's name.
CREATE TABLE visible (
    noun {text} NOT NULL,
    audience {text} NOT NULL,
    opened_turn BIGINT NOT NULL,
    matter {text} NOT NULL,
    PRIMARY KEY (noun, audience, opened_turn, matter)
){keyed};

-- Other names of matters, such as the locators of referral codes.
CREATE TABLE lookup (
    kind {text} NOT NULL,
    value {text} NOT NULL,
    matter {text} NOT NULL,
    PRIMARY KEY (kind, value, matter)
){keyed};

-- Tallies of own entries.
CREATE TABLE counter (
    year BIGINT NOT NULL,
    kind {text} NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (year, kind)
){keyed};

-- What changed, in the order of commit.
CREATE TABLE feed (
    number BIGINT PRIMARY KEY,
    at_us BIGINT NOT NULL,
    matter {text} NOT NULL,
    change {bytes} NOT NULL
){keyed};

-- The peer's receipts for the own journal.
CREATE TABLE receipt (
    up_to_seq BIGINT NOT NULL,
    own_seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    receipt {bytes} NOT NULL,
    key_id {text} NOT NULL,
    signature {bytes} NOT NULL,
    PRIMARY KEY (up_to_seq, own_seq)
){keyed};

-- Replies to calls, for their repeats.
CREATE TABLE request (
    call {text} PRIMARY KEY,
    digest {bytes} NOT NULL,
    reply {bytes} NOT NULL,
    at_us BIGINT NOT NULL
){keyed};
CREATE INDEX request_by_time ON request (at_us);

-- Chains of audit records, one per replica and kind.
CREATE TABLE audit (
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
    PRIMARY KEY (chain, seq)
){keyed};

-- Own entries that were set aside in a recovery: judged again, or waiting for an official with the reason.
CREATE TABLE aside (
    entry_id {text} PRIMARY KEY,
    seq BIGINT NOT NULL,
    matter {text} NOT NULL,
    fact_type {text} NOT NULL,
    nonce {bytes} NOT NULL,
    sealed {bytes} NOT NULL,
    reason {text} NOT NULL
);
