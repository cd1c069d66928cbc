-- The bucket that pictures are copied to now; at most one row.
CREATE TABLE outbox_aim (
  one    INTEGER PRIMARY KEY CHECK (one = 1),
  target TEXT NOT NULL
) STRICT;

-- What is, or is to be, done for one picture at one bucket. confirmed: when the bucket said that
-- it has the picture; until then the row is an errand. A confirmed delete has no row.
CREATE TABLE outbox (
  target     TEXT NOT NULL,
  name       TEXT NOT NULL,
  path       TEXT NOT NULL,
  op         TEXT NOT NULL CHECK (op IN ('put', 'delete')),
  queued     INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  next_try   INTEGER NOT NULL,
  last_error TEXT,
  confirmed  INTEGER,
  PRIMARY KEY (target, name),
  CHECK (op = 'put' OR confirmed IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (target, next_try) WHERE confirmed IS NULL;
CREATE INDEX outbox_name ON outbox (name);
