-- The memory. Text columns hold ASCII only: names of files may carry bytes that are no text, so
-- they stand as JSON strings.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row for each start of a daemon.
CREATE TABLE hosts (
    id      TEXT PRIMARY KEY,
    started REAL NOT NULL
);

-- `record` is the rest of the job as JSON; the columns are what guards and queries ask for.
CREATE TABLE jobs (
    n               INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    source_key      TEXT NOT NULL,
    watch           TEXT NOT NULL,
    claim_folder    TEXT,
    state           TEXT NOT NULL,
    owner           TEXT,
    token           INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    late            INTEGER NOT NULL,
    claimed         INTEGER NOT NULL,
    not_before      REAL NOT NULL,
    created         REAL NOT NULL,
    updated         REAL NOT NULL,
    uncertain_since REAL,
    record          TEXT NOT NULL
);

CREATE UNIQUE INDEX jobs_source ON jobs (source_key)
    WHERE state NOT IN ('delivered', 'failed', 'cancelled');
-- Holds all that finding the next job and counting the busy ones asks for.
CREATE INDEX jobs_state ON jobs (state, claimed, priority, created, n, not_before, late);
CREATE INDEX jobs_uncertain ON jobs (uncertain_since) WHERE uncertain_since IS NOT NULL;
CREATE INDEX jobs_claim ON jobs (claim_folder, watch) WHERE claim_folder IS NOT NULL;
CREATE INDEX jobs_updated ON jobs (updated);

-- What happened, written in the transaction that made it true; never changed.
CREATE TABLE journal (
    n     INTEGER PRIMARY KEY,
    job   TEXT NOT NULL,
    at    REAL NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    host  TEXT NOT NULL,
    note  TEXT NOT NULL
);

CREATE INDEX journal_job ON journal (job, n);
CREATE INDEX journal_declared ON journal (at) WHERE event = 'declared';

-- Where the folders of each watch were when it was last served.
CREATE TABLE watches (
    name   TEXT PRIMARY KEY,
    inbox  TEXT NOT NULL,
    outbox TEXT NOT NULL
);

-- The files of kept drops: they stay in the inbox, and are known by path and bytes. One row for each
-- stat key that a file was seen under.
CREATE TABLE kept (
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    key    TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (watch, path, key)
);

-- What is shown as waiting; not part of any promise.
CREATE TABLE waiting (
    n      INTEGER PRIMARY KEY,
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    reason TEXT NOT NULL,
    since  REAL NOT NULL
);

CREATE INDEX waiting_watch ON waiting (watch);
