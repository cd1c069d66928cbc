-- 'IMGR': tells our databases from others.
PRAGMA application_id = 1229801298;

-- 'run': how often this database was opened; 'ready': when a readiness check last wrote.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('run', 0), ('ready', 0);

-- Times are milliseconds since the epoch, lists are JSON arrays, throughout.

-- base_url is '' where a key has none, so that UNIQUE counts it.
CREATE TABLE keys (
  id          TEXT PRIMARY KEY,
  platform    TEXT NOT NULL,
  name        TEXT NOT NULL,
  sealed      BLOB NOT NULL,
  fingerprint TEXT NOT NULL,
  tail        TEXT NOT NULL,
  base_url    TEXT NOT NULL,
  models      TEXT NOT NULL,
  enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  added       INTEGER NOT NULL,
  UNIQUE (platform, base_url, fingerprint)
) STRICT;

-- Apart from keys: it changes all the time, and they hardly ever do.
CREATE TABLE key_health (
  id              TEXT PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
  disabled_reason TEXT,
  cooling_until   INTEGER,
  cooling_reason  TEXT,
  backoff_ms      INTEGER NOT NULL,
  failures_in_row INTEGER NOT NULL,
  calls           INTEGER NOT NULL,
  successes       INTEGER NOT NULL,
  errors          INTEGER NOT NULL,
  last_used       INTEGER,
  last_error      TEXT
) STRICT;

-- run: meta's 'run' when it began; tells the jobs of this process from those of dead ones.
CREATE TABLE jobs (
  id       TEXT PRIMARY KEY,
  run      INTEGER NOT NULL,
  client   TEXT NOT NULL,
  task     TEXT NOT NULL,
  model    TEXT NOT NULL,
  prompt   TEXT NOT NULL,
  created  INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'ambiguous', 'interrupted')),
  pictures TEXT NOT NULL DEFAULT '[]',
  finished INTEGER,
  CHECK ((state = 'running') = (finished IS NULL))
) STRICT;
CREATE INDEX jobs_running ON jobs (run, created) WHERE state = 'running';
CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;

CREATE TABLE attempts (
  job      TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number   INTEGER NOT NULL,
  provider TEXT NOT NULL,
  base_url TEXT NOT NULL,
  model    TEXT NOT NULL,
  key      TEXT,
  began    INTEGER NOT NULL,
  state    TEXT NOT NULL DEFAULT 'prepared' CHECK (state IN ('prepared', 'ticket', 'settled', 'ambiguous')),
  ticket   TEXT,
  outcome  TEXT,
  charge   TEXT CHECK (charge IN ('no', 'maybe', 'yes')),
  settled  INTEGER,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: pages go by id, so an id is never given twice.
CREATE TABLE requests (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id  TEXT NOT NULL,
  time        INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  client      TEXT NOT NULL,
  task        TEXT NOT NULL,
  asked_model TEXT NOT NULL,
  provider    TEXT,
  model       TEXT,
  outcome     TEXT NOT NULL,
  prompt      TEXT NOT NULL,
  pictures    TEXT NOT NULL
) STRICT;
CREATE INDEX requests_time ON requests (time);
CREATE INDEX requests_request_id ON requests (request_id);

CREATE TABLE request_attempts (
  request     INTEGER NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  provider    TEXT NOT NULL,
  model       TEXT NOT NULL,
  key         TEXT,
  duration_ms INTEGER NOT NULL,
  outcome     TEXT NOT NULL,
  message     TEXT NOT NULL,
  PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_attempts_key ON request_attempts (key) WHERE key IS NOT NULL;

CREATE TABLE gallery (
  name           TEXT PRIMARY KEY,
  path           TEXT NOT NULL,
  sha256         TEXT NOT NULL,
  bytes          INTEGER NOT NULL,
  format         TEXT NOT NULL,
  width          INTEGER NOT NULL,
  height         INTEGER NOT NULL,
  prompt         TEXT NOT NULL,
  revised_prompt TEXT,
  model          TEXT NOT NULL,
  provider       TEXT NOT NULL,
  task           TEXT NOT NULL,
  created        INTEGER NOT NULL,
  request_id     TEXT NOT NULL,
  client         TEXT NOT NULL,
  favorite       INTEGER NOT NULL DEFAULT 0 CHECK (favorite IN (0, 1)),
  deleted_at     INTEGER
) STRICT;
CREATE INDEX gallery_newest ON gallery (created DESC, name DESC) WHERE deleted_at IS NULL;
CREATE INDEX gallery_deleted ON gallery (deleted_at, name) WHERE deleted_at IS NOT NULL;
