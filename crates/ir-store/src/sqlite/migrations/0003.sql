-- bytes: what a request's pictures weigh together. started_ms: after the request began. next: why
-- another attempt followed, '' where none did.
ALTER TABLE requests ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE requests SET bytes = (
  SELECT coalesce(sum(gallery.bytes), 0) FROM json_each(requests.pictures) AS drawn JOIN gallery ON gallery.name = drawn.value
) WHERE pictures <> '[]';
ALTER TABLE request_attempts ADD COLUMN started_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request_attempts ADD COLUMN next TEXT NOT NULL DEFAULT '';

-- Every index ends with the row's id by itself, so each of these is in the order of pages.
CREATE INDEX requests_provider ON requests (provider) WHERE provider IS NOT NULL;
CREATE INDEX requests_model ON requests (model) WHERE model IS NOT NULL;
CREATE INDEX requests_client ON requests (client);
CREATE INDEX requests_task ON requests (task);
CREATE INDEX requests_failed ON requests (id) WHERE outcome <> 'ok';

CREATE TABLE sessions (
  id         TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  created    INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  expires    INTEGER NOT NULL,
  address    TEXT NOT NULL,
  user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: pages go by id, and the newest rows are told by it.
CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  time    INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  address TEXT NOT NULL,
  action  TEXT NOT NULL,
  target  TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
