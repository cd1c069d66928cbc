-- Requests whose callers can come back to them. scope: whose they are, as a keyed hash. key: the
-- hash of an Idempotency-Key. print: what was asked, as a hash. memo: what the dialect needs to write
-- the answer again. outcome: what came of it, NULL while it is under way. run: of which process.
CREATE TABLE claims (
  job        TEXT PRIMARY KEY,
  run        INTEGER NOT NULL,
  scope      TEXT NOT NULL,
  request_id TEXT NOT NULL,
  client     TEXT NOT NULL,
  key        TEXT,
  print      TEXT NOT NULL,
  memo       TEXT NOT NULL,
  hook       TEXT,
  asked      INTEGER NOT NULL,
  created    INTEGER NOT NULL,
  outcome    TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX claims_key ON claims (scope, key) WHERE key IS NOT NULL;
CREATE INDEX claims_request ON claims (scope, request_id, created);
CREATE INDEX claims_created ON claims (created);
CREATE INDEX claims_open ON claims (run) WHERE outcome IS NULL;

-- Webhooks that are to be called. due: not before that.
CREATE TABLE hooks (
  id         TEXT PRIMARY KEY,
  url        TEXT NOT NULL,
  body       TEXT NOT NULL,
  queued     INTEGER NOT NULL,
  due        INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  last_error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX hooks_due ON hooks (due);
