-- Schema version 1. Hashes and addresses are BLOBs of their natural length, integers are below 2^63, structured
-- values that only Rust reads are JSON text. A migration is never edited once released: a change is a new file.

-- Every transaction to L1, written before it is sent. A purpose has one nonce; attempts differ in their fees.
CREATE TABLE l1_sends (
    purpose     TEXT PRIMARY KEY NOT NULL,
    account     BLOB NOT NULL CHECK (length(account) = 20),
    nonce       INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('recorded', 'mined', 'reverted')),
    mined_hash  BLOB CHECK (length(mined_hash) = 32),
    mined_block INTEGER,
    UNIQUE (account, nonce)
) STRICT;
CREATE TABLE l1_attempts (
    hash    BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    purpose TEXT NOT NULL REFERENCES l1_sends (purpose),
    raw     BLOB NOT NULL
) STRICT;
CREATE INDEX l1_attempts_purpose ON l1_attempts (purpose);

-- How far a reader of L1 has come; the value is the reader's own text.
CREATE TABLE cursors (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

-- Messages from L1, in their order.
CREATE TABLE l1_messages (
    idx      INTEGER PRIMARY KEY NOT NULL,
    l1_block INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

-- Batches as the sequencer sealed them.
CREATE TABLE batches (
    number        INTEGER PRIMARY KEY NOT NULL,
    first_block   INTEGER NOT NULL,
    last_block    INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('sealed', 'committed', 'settled')),
    task          BLOB NOT NULL CHECK (length(task) = 32),
    witness_hash  BLOB NOT NULL CHECK (length(witness_hash) = 32),
    data          BLOB NOT NULL,
    commit_fields TEXT NOT NULL,
    public_values TEXT NOT NULL,
    stats         TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX batches_task ON batches (task);

-- What the board decided, append-only: hash = keccak256(tag, previous hash, seq, at_unix_ms, keccak256(body)).
CREATE TABLE board_events (
    seq        INTEGER PRIMARY KEY NOT NULL,
    at_unix_ms INTEGER NOT NULL,
    body       TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER board_events_no_update BEFORE UPDATE ON board_events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER board_events_no_delete BEFORE DELETE ON board_events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

-- One submission per seat, first one wins; the proof's bytes are the object named by its digest.
CREATE TABLE submissions (
    task               BLOB NOT NULL CHECK (length(task) = 32),
    round              INTEGER NOT NULL,
    roller             BLOB NOT NULL CHECK (length(roller) = 20),
    proof_digest       BLOB NOT NULL CHECK (length(proof_digest) = 32),
    public_values_hash BLOB NOT NULL CHECK (length(public_values_hash) = 32),
    signature          BLOB NOT NULL,
    verdict            TEXT NOT NULL CHECK (verdict IN ('valid', 'invalid')),
    reason             TEXT,
    received_unix_ms   INTEGER NOT NULL,
    verify_us          INTEGER NOT NULL,
    receipt            TEXT NOT NULL,
    stats              TEXT NOT NULL,
    PRIMARY KEY (task, round, roller)
) STRICT, WITHOUT ROWID;

-- Request nonces that were used, until they expire.
CREATE TABLE request_nonces (
    signer        BLOB NOT NULL CHECK (length(signer) = 20),
    nonce         BLOB NOT NULL CHECK (length(nonce) = 32),
    expiry_unix_s INTEGER NOT NULL,
    PRIMARY KEY (signer, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_nonces_expiry ON request_nonces (expiry_unix_s);
