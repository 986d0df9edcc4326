-- The ways that a job's files went to the provider.

UPDATE jobs SET record = json_set(record, '$.sent', json('[]'));

-- The files that lie where the provider can fetch them. `file` and `place` are JSON strings; `sha256`
-- is '' until all of it is there; one that is `leaving` is shared with nobody any more.
CREATE TABLE uploads (
    id         TEXT PRIMARY KEY,
    place      TEXT NOT NULL,
    file       TEXT NOT NULL,
    identity   TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    leaving    INTEGER NOT NULL
);

-- The jobs that use them.
CREATE TABLE upload_jobs (
    upload TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (upload, job)
);
