import { Refusal, sendJson } from "../http.mjs";

const hour = 3_600_000;
const item = (id, name, more = {}) => ({
  id,
  name,
  hint: `****${id.slice(-4)}`,
  status: "active",
  enabled: true,
  created: Date.now() - 90 * hour,
  expires: null,
  models: [],
  requestsPerMinute: null,
  concurrentRequests: null,
  requests: 0,
  pictures: 0,
  lastUsed: null,
  inFlight: 0,
  ...more,
});

let keys = [
  item("ck_0001", "Open WebUI", {
    requests: 1840,
    pictures: 1911,
    lastUsed: Date.now() - 40_000,
    inFlight: 1,
  }),
  item("ck_0002", "Ana", {
    models: ["auto", "flux-pro"],
    requestsPerMinute: 10,
    expires: Date.now() + 200 * hour,
  }),
  item("ck_0003", "Workshop", { status: "expired", expires: Date.now() - hour, concurrentRequests: 2 }),
];

function find(id) {
  const key = keys.find((each) => each.id === id);
  if (!key) throw new Refusal(404, "not_found", "There is no such key.");
  return key;
}

const settle = (key) => {
  key.status =
    key.expires !== null && key.expires <= Date.now() ? "expired" : key.enabled ? "active" : "disabled";
  return key;
};

export default [
  ["GET", "/api/client-keys", ({ response }) => sendJson(response, { keys })],
  [
    "POST",
    "/api/client-keys",
    ({ response, body }) => {
      const random = Math.random().toString(16).slice(2, 14);
      const made = settle(item(`ck_${random}`, body.name, { ...body, created: Date.now() }));
      keys.push(made);
      sendJson(response, { key: `ir-made-up-${random}-${made.hint.slice(4)}`, item: made });
    },
  ],
  [
    "PATCH",
    "/api/client-keys/:id",
    ({ response, body, params }) => sendJson(response, settle(Object.assign(find(params.id), body))),
  ],
  [
    "DELETE",
    "/api/client-keys/:id",
    ({ response, params }) => {
      find(params.id);
      keys = keys.filter(({ id }) => id !== params.id);
      response.writeHead(204).end();
    },
  ],
];
