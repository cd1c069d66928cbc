-- Keys of callers. hash: a keyed hash of the whole key, by which it is found; the key itself is
-- nowhere. hint: its last four characters, for people. expires, per_minute, concurrent: NULL where
-- there is no such bound. models: which it may draw with; an empty list: all.
CREATE TABLE client_keys (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  hint       TEXT NOT NULL,
  created    INTEGER NOT NULL,
  expires    INTEGER,
  enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  models     TEXT NOT NULL,
  per_minute INTEGER,
  concurrent INTEGER
) STRICT, WITHOUT ROWID;

-- Apart from them: it changes all the time, and they hardly ever do.
CREATE TABLE client_key_use (
  id        TEXT PRIMARY KEY REFERENCES client_keys (id) ON DELETE CASCADE,
  requests  INTEGER NOT NULL,
  pictures  INTEGER NOT NULL,
  last_used INTEGER
) STRICT, WITHOUT ROWID;
