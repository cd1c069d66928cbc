import { Refusal, sendJson } from "../http.mjs";
import { picture } from "../png.mjs";
import { gallery } from "../world.mjs";

const deleted = new Map();

/** `MOCK_PICTURES=100000` makes the gallery that large, with older pictures like the newest ones. */
const models = gallery.slice();
for (let index = gallery.length; index < Number(process.env.MOCK_PICTURES ?? 0); index += 1) {
  const model = models[index % models.length];
  const timestamp = models.at(-1).metadata.timestamp - index * 60_000;
  const filename = `${timestamp}-${(index * 2654435761).toString(16).padStart(16, "0").slice(-16)}.png`;
  gallery.push({
    ...model,
    filename,
    url: `/storage/${filename}`,
    metadata: { ...model.metadata, timestamp },
  });
}

/** Drawing takes long for a stand-in: a few dozen motifs are enough, and each is drawn once per size. */
const MOTIFS = 48;
const drawn = new Map();
function motif(seed, width, height) {
  const name = `${seed % MOTIFS}/${width}x${height}`;
  if (!drawn.has(name)) drawn.set(name, picture(seed % MOTIFS, width, height));
  return drawn.get(name);
}

function matches(item, query) {
  const text = query.get("q")?.toLowerCase();
  const { prompt, model, timestamp } = item.metadata;
  return (
    (!text || prompt.toLowerCase().includes(text)) &&
    (!query.get("model") || model === query.get("model")) &&
    (!query.get("provider") || item.provider === query.get("provider")) &&
    (!query.get("task") || item.task === query.get("task")) &&
    (!query.get("favorite") || item.favorite) &&
    (!query.get("from") || timestamp >= Number(query.get("from"))) &&
    (!query.get("to") || timestamp <= Number(query.get("to")))
  );
}

function counted(name) {
  const counts = new Map();
  for (const item of gallery) counts.set(name(item), (counts.get(name(item)) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

const named = (entries) => entries.map(([name, count]) => ({ name, count }));

export default [
  [
    "GET",
    "/api/gallery",
    ({ query, response }) => {
      const from = Number(query.get("cursor") ?? 0);
      const end = from + Number(query.get("limit") ?? 60);
      const found = process.env.MOCK_EMPTY ? [] : gallery.filter((item) => matches(item, query));
      sendJson(response, {
        items: found.slice(from, end),
        nextCursor: end < found.length ? String(end) : null,
        total: found.length,
      });
    },
  ],
  [
    "GET",
    "/api/gallery/facets",
    ({ response }) =>
      sendJson(response, {
        models: named(counted((item) => item.metadata.model)),
        providers: named(counted((item) => item.provider)),
        days: counted((item) => new Date(item.metadata.timestamp).toISOString().slice(0, 10)).map(
          ([day, count]) => ({ day, count }),
        ),
      }),
  ],
  [
    "DELETE",
    "/api/gallery",
    ({ body, response }) => {
      const gone = [];
      for (const name of body.filenames) {
        const index = gallery.findIndex(({ filename }) => filename === name);
        if (index < 0) continue;
        deleted.set(name, gallery.splice(index, 1)[0]);
        gone.push(name);
      }
      const failed = body.filenames
        .filter((name) => !gone.includes(name))
        .map((filename) => ({ filename, error: "not found" }));
      sendJson(response, { ok: failed.length === 0, deleted: gone, failed, undoUntil: Date.now() + 30_000 });
    },
  ],
  [
    "POST",
    "/api/gallery/restore",
    ({ body, response }) => {
      const restored = body.filenames.filter((name) => deleted.has(name));
      for (const name of restored) {
        gallery.push(deleted.get(name));
        deleted.delete(name);
      }
      gallery.sort((one, other) => other.metadata.timestamp - one.metadata.timestamp);
      sendJson(response, { ok: true, restored });
    },
  ],
  [
    "POST",
    "/api/gallery/favorite",
    ({ body, response }) => {
      for (const item of gallery) if (body.filenames.includes(item.filename)) item.favorite = body.favorite;
      sendJson(response, { ok: true });
    },
  ],
  [
    "POST",
    "/api/gallery/zip",
    ({ response }) => sendJson(response, { url: "/api/gallery/zip/mock", bytes: 22 }),
  ],
  [
    "GET",
    "/api/gallery/zip/mock",
    ({ response }) => {
      const empty = Buffer.concat([Buffer.from("PK\u0005\u0006"), Buffer.alloc(18)]);
      response.writeHead(200, {
        "content-type": "application/zip",
        "content-disposition": "attachment; filename=pictures.zip",
      });
      response.end(empty);
    },
  ],
  [
    "GET",
    "/storage/:name",
    ({ params, query, response }) => {
      const item = gallery.find(({ filename }) => filename === params.name);
      if (!item) throw new Refusal(404, "not_found", "There is no such picture.");
      const edge = Number(query.get("thumb") ?? 512);
      const scale = Math.min(1, edge / Math.max(item.width, item.height));
      const seed = Number.parseInt(params.name.slice(-12, -4), 16);
      response.writeHead(200, {
        "content-type": "image/png",
        "cache-control": "max-age=31536000, immutable",
      });
      response.end(motif(seed, Math.round(item.width * scale), Math.round(item.height * scale)));
    },
  ],
];
