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

-- The gallery anew, with an id that is also the order: the millisecond of creation, and 20 bits
-- for pictures of the same one. Every index, and the words, are then in the order of pages.
-- undo_until: a removed picture can be brought back until then; NULL once its removal is final.
CREATE TABLE gallery_new (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
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
  deleted_at     INTEGER,
  undo_until     INTEGER,
  CHECK (undo_until IS NULL OR deleted_at IS NOT NULL)
) STRICT;
INSERT INTO gallery_new
SELECT (moment << 20) + row_number() OVER (PARTITION BY moment ORDER BY name) - 1,
       name, path, sha256, bytes, format, width, height, prompt, revised_prompt, model, provider, task, created, request_id, client,
       favorite, deleted_at, NULL
FROM (SELECT *, max(-4398046511104, min(4398046511103, created)) AS moment FROM gallery)
ORDER BY 1;
DROP TABLE gallery;
ALTER TABLE gallery_new RENAME TO gallery;
CREATE INDEX gallery_newest ON gallery (created DESC, name DESC) WHERE deleted_at IS NULL;
CREATE INDEX gallery_model ON gallery (model) WHERE deleted_at IS NULL;
CREATE INDEX gallery_provider ON gallery (provider) WHERE deleted_at IS NULL;
CREATE INDEX gallery_task ON gallery (task) WHERE deleted_at IS NULL;
CREATE INDEX gallery_favorites ON gallery (id) WHERE favorite = 1 AND deleted_at IS NULL;
-- Only for counting: everything that a count asks for.
CREATE INDEX gallery_kinds ON gallery (model, provider, task, favorite) WHERE deleted_at IS NULL;
CREATE INDEX gallery_undo ON gallery (undo_until) WHERE undo_until IS NOT NULL;
CREATE INDEX gallery_deleted ON gallery (deleted_at, name) WHERE deleted_at IS NOT NULL AND undo_until IS NULL;

-- Prompts by their runs of three characters, for words of three and more.
CREATE VIRTUAL TABLE gallery_words USING fts5 (prompt, content = 'gallery', content_rowid = 'id', tokenize = 'trigram');
-- And by single characters and pairs beyond ASCII (ir_grams), for shorter words of Chinese and the
-- like. Only which picture has them: that is enough, and small.
CREATE VIRTUAL TABLE gallery_grams USING fts5 (grams, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii');
INSERT INTO gallery_words (rowid, prompt) SELECT id, prompt FROM gallery;
INSERT INTO gallery_grams (rowid, grams) SELECT id, ir_grams(prompt) FROM gallery;
CREATE TRIGGER gallery_worded AFTER INSERT ON gallery BEGIN
  INSERT INTO gallery_words (rowid, prompt) VALUES (new.id, new.prompt);
  INSERT INTO gallery_grams (rowid, grams) VALUES (new.id, ir_grams(new.prompt));
END;
CREATE TRIGGER gallery_unworded AFTER DELETE ON gallery BEGIN
  INSERT INTO gallery_words (gallery_words, rowid, prompt) VALUES ('delete', old.id, old.prompt);
  DELETE FROM gallery_grams WHERE rowid = old.id;
END;
CREATE TRIGGER gallery_reworded AFTER UPDATE OF id, prompt ON gallery BEGIN
  INSERT INTO gallery_words (gallery_words, rowid, prompt) VALUES ('delete', old.id, old.prompt);
  DELETE FROM gallery_grams WHERE rowid = old.id;
  INSERT INTO gallery_words (rowid, prompt) VALUES (new.id, new.prompt);
  INSERT INTO gallery_grams (rowid, grams) VALUES (new.id, ir_grams(new.prompt));
END;

-- How many pictures are listed: in all, and of each kind. The day is '' where a time has none.
CREATE TABLE facets (
  kind     TEXT NOT NULL CHECK (kind IN ('all', 'model', 'provider', 'task', 'day')),
  name     TEXT NOT NULL,
  pictures INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO facets
SELECT 'all', '', count(*), coalesce(sum(bytes), 0) FROM gallery WHERE deleted_at IS NULL
UNION ALL SELECT 'model', model, count(*), sum(bytes) FROM gallery WHERE deleted_at IS NULL GROUP BY 2
UNION ALL SELECT 'provider', provider, count(*), sum(bytes) FROM gallery WHERE deleted_at IS NULL GROUP BY 2
UNION ALL SELECT 'task', task, count(*), sum(bytes) FROM gallery WHERE deleted_at IS NULL GROUP BY 2
UNION ALL SELECT 'day', coalesce(date(created / 1000, 'unixepoch'), ''), count(*), sum(bytes) FROM gallery
          WHERE deleted_at IS NULL GROUP BY 2;
CREATE TRIGGER gallery_listed AFTER INSERT ON gallery WHEN new.deleted_at IS NULL BEGIN
  INSERT INTO facets (kind, name, pictures, bytes)
  VALUES ('all', '', 1, new.bytes), ('model', new.model, 1, new.bytes), ('provider', new.provider, 1, new.bytes),
         ('task', new.task, 1, new.bytes), ('day', coalesce(date(new.created / 1000, 'unixepoch'), ''), 1, new.bytes)
  ON CONFLICT (kind, name) DO UPDATE SET pictures = pictures + excluded.pictures, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER gallery_restored AFTER UPDATE OF deleted_at ON gallery WHEN old.deleted_at IS NOT NULL AND new.deleted_at IS NULL BEGIN
  INSERT INTO facets (kind, name, pictures, bytes)
  VALUES ('all', '', 1, new.bytes), ('model', new.model, 1, new.bytes), ('provider', new.provider, 1, new.bytes),
         ('task', new.task, 1, new.bytes), ('day', coalesce(date(new.created / 1000, 'unixepoch'), ''), 1, new.bytes)
  ON CONFLICT (kind, name) DO UPDATE SET pictures = pictures + excluded.pictures, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER gallery_hidden AFTER UPDATE OF deleted_at ON gallery WHEN old.deleted_at IS NULL AND new.deleted_at IS NOT NULL BEGIN
  INSERT INTO facets (kind, name, pictures, bytes)
  VALUES ('all', '', -1, -old.bytes), ('model', old.model, -1, -old.bytes), ('provider', old.provider, -1, -old.bytes),
         ('task', old.task, -1, -old.bytes), ('day', coalesce(date(old.created / 1000, 'unixepoch'), ''), -1, -old.bytes)
  ON CONFLICT (kind, name) DO UPDATE SET pictures = pictures + excluded.pictures, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER gallery_dropped AFTER DELETE ON gallery WHEN old.deleted_at IS NULL BEGIN
  INSERT INTO facets (kind, name, pictures, bytes)
  VALUES ('all', '', -1, -old.bytes), ('model', old.model, -1, -old.bytes), ('provider', old.provider, -1, -old.bytes),
         ('task', old.task, -1, -old.bytes), ('day', coalesce(date(old.created / 1000, 'unixepoch'), ''), -1, -old.bytes)
  ON CONFLICT (kind, name) DO UPDATE SET pictures = pictures + excluded.pictures, bytes = bytes + excluded.bytes;
END;

-- Requests counted by step of time (its length in milliseconds; bucket: where it begins), names ('':
-- none) and bucket of latency. pictures and bytes: of all these requests.
CREATE TABLE rollups (
  step     INTEGER NOT NULL,
  bucket   INTEGER NOT NULL,
  provider TEXT NOT NULL,
  model    TEXT NOT NULL,
  key      TEXT NOT NULL,
  client   TEXT NOT NULL,
  latency  INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  errors   INTEGER NOT NULL,
  pictures INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  PRIMARY KEY (step, bucket, provider, model, key, client, latency)
) STRICT, WITHOUT ROWID;
-- How many rows each bucket of time has.
CREATE TABLE rollup_sizes (
  step   INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  rows   INTEGER NOT NULL,
  PRIMARY KEY (step, bucket)
) STRICT, WITHOUT ROWID;
-- What was appended before is counted now, as far back as each step is kept.
CREATE TABLE latencies (bound INTEGER PRIMARY KEY, bucket INTEGER NOT NULL) STRICT;
INSERT INTO latencies
WITH RECURSIVE scale (bucket, bound) AS (
  VALUES (0, 0) UNION ALL SELECT bucket + 1, bound + iif(bound < 8, 1, bound / 8) FROM scale WHERE bound < 3600000
)
SELECT bound, bucket FROM scale;
CREATE TABLE steps (length INTEGER PRIMARY KEY, keep INTEGER NOT NULL) STRICT;
INSERT INTO steps VALUES (60000, 172800000), (3600000, 3456000000), (86400000, 34560000000);
INSERT INTO rollups
SELECT steps.length, time - time % steps.length, coalesce(substr(provider, 1, 200), ''), coalesce(substr(model, 1, 200), ''),
       coalesce((SELECT substr(tried.key, 1, 200) FROM request_attempts AS tried
                 WHERE tried.request = requests.id AND (requests.outcome <> 'ok' OR tried.outcome = 'ok')
                 ORDER BY number DESC LIMIT 1), ''),
       substr(client, 1, 200),
       (SELECT bucket FROM latencies WHERE bound <= max(duration_ms, 0) ORDER BY bound DESC LIMIT 1),
       count(*), sum(outcome <> 'ok'), sum(json_array_length(pictures)), sum(bytes)
FROM steps CROSS JOIN requests ON time >= (SELECT max(time) FROM requests) - steps.keep
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO rollup_sizes SELECT step, bucket, count(*) FROM rollups GROUP BY step, bucket;
DROP TABLE latencies;
DROP TABLE steps;
