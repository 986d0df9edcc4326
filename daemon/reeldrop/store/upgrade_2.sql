-- What identical drops share, tickets, orders of people, and what was spent.

ALTER TABLE jobs ADD COLUMN model TEXT NOT NULL DEFAULT '""';
ALTER TABLE jobs ADD COLUMN generation TEXT;
ALTER TABLE jobs ADD COLUMN ticket TEXT;
ALTER TABLE jobs ADD COLUMN spec_key TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN origin_key TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN leader TEXT;
ALTER TABLE jobs ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
-- A person wants it no more; written by nothing that writes the rest of the row.
ALTER TABLE jobs ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;
-- Counts the times that any job was taken from the queue: who was under way before whom.
ALTER TABLE jobs ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;

-- The arrow takes a text as it stands in the record: ASCII, every other character by its number.
UPDATE jobs SET
    model = record -> '$.model',
    generation = CASE WHEN record ->> '$.generation_id' IS NOT NULL
        THEN record -> '$.generation_id' END,
    ticket = CASE WHEN record ->> '$.ticket' <> '' THEN record -> '$.ticket' END,
    record = json_set(record, '$.aside', json('false'), '$.settled', 0);

CREATE INDEX jobs_ticket ON jobs (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX jobs_spec ON jobs (spec_key, state) WHERE spec_key <> '';
CREATE INDEX jobs_origin ON jobs (origin_key) WHERE origin_key <> '';
CREATE INDEX jobs_leader ON jobs (leader) WHERE leader IS NOT NULL;
CREATE INDEX jobs_generation ON jobs (generation) WHERE generation IS NOT NULL;
CREATE INDEX jobs_taken ON jobs (taken);
DROP INDEX jobs_state;
CREATE INDEX jobs_state ON jobs (state, claimed, priority, created, n, not_before, late, joined);

-- One row for each submit that was paid for or may have been; what definitely made nothing has none.
-- `usd` is what the provider said, null until it does.
CREATE TABLE charges (
    request_id TEXT PRIMARY KEY,
    job        TEXT NOT NULL,
    model      TEXT NOT NULL,
    at         REAL NOT NULL,
    usd        REAL,
    credits    REAL
);

CREATE INDEX charges_at ON charges (at);
CREATE INDEX charges_job ON charges (job);

-- The highest cost that each model is known to have had; kept where that was given back.
CREATE TABLE prices (
    model TEXT PRIMARY KEY,
    usd   REAL NOT NULL
);

INSERT INTO charges (request_id, job, model, at, usd, credits)
SELECT record ->> '$.request_ids[#-1]', id, model,
    coalesce(record ->> '$.submitted', created),
    -- What the provider's FAQ says of credits; see domain/job.py.
    coalesce(record ->> '$.cost.usd', (record ->> '$.cost.credits') / 2000000.0),
    record ->> '$.cost.credits'
FROM jobs
WHERE json_array_length(record, '$.request_ids') > 0
    AND (generation IS NOT NULL OR state IN ('submitting', 'uncertain'))
    AND coalesce(record ->> '$.error.code', '') <> 'generation_failed';

INSERT INTO prices (model, usd)
SELECT model, max(usd) FROM charges WHERE usd IS NOT NULL GROUP BY model;

-- What people ask of the daemon, in the order in which they did; `answer` is null until it is done.
-- No number is given twice: whoever asks late after an order must not meet another's.
CREATE TABLE orders (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    kind   TEXT NOT NULL,
    args   TEXT NOT NULL,
    answer TEXT
);

-- Files whose content a decoder is looking at, and how often a daemon ended meanwhile.
CREATE TABLE probing (
    watch   TEXT NOT NULL,
    path    TEXT NOT NULL,
    key     TEXT NOT NULL,
    host    TEXT NOT NULL,
    crashes INTEGER NOT NULL,
    PRIMARY KEY (watch, path, key)
);
