import { Refusal, sendJson } from "../http.mjs";
import { gallery, requests } from "../world.mjs";

function matches(row, query) {
  const text = query.get("q")?.toLowerCase();
  const status = query.get("status");
  return (
    (!status || (status === "ok") === (row.outcome === "ok")) &&
    (!query.get("provider") || row.attempts.some(({ provider }) => provider === query.get("provider"))) &&
    (!query.get("model") || row.model === query.get("model")) &&
    (!query.get("key") || row.attempts.some(({ keyId }) => keyId === query.get("key"))) &&
    (!query.get("task") || row.task === query.get("task")) &&
    (!text || row.prompt.toLowerCase().includes(text) || row.id.includes(text)) &&
    (!query.get("from") || row.time >= Number(query.get("from"))) &&
    (!query.get("to") || row.time <= Number(query.get("to")))
  );
}

export default [
  [
    "GET",
    "/api/requests",
    ({ query, response }) => {
      const limit = Number(query.get("limit") ?? 50);
      const from = Number(query.get("cursor") ?? 0);
      const found = process.env.MOCK_EMPTY ? [] : requests.filter((row) => matches(row, query));
      const end = from + limit;
      sendJson(response, {
        items: found.slice(from, end),
        nextCursor: end < found.length ? String(end) : null,
      });
    },
  ],
  [
    "GET",
    "/api/requests/:id",
    ({ params, response }) => {
      const row = requests.find(({ id }) => id === params.id);
      if (!row) throw new Refusal(404, "not_found", "There is no such request.");
      sendJson(response, { ...row, items: gallery.filter(({ requestId }) => requestId === row.id) });
    },
  ],
];
