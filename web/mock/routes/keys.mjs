import { Refusal, sendJson } from "../http.mjs";
import { events, pools } from "../world.mjs";

const tail = (key) => (key.length >= 20 ? `...${key.slice(-4)}` : "");
const split = (text) => text.split(/[\s,]+/).filter(Boolean);
const verdictOf = (key, index, all, pool) => {
  if (key.length < 10) return "wrong_format";
  return all.indexOf(key) < index || pool.some((each) => each.key === tail(key)) ? "duplicate" : "new";
};

const fresh = (provider, item) => ({
  id: `k${Math.random().toString(16).slice(2, 14)}`,
  name: item.name ?? "",
  key: tail(item.key),
  enabled: true,
  status: "unused",
  reason: null,
  cooldownUntil: null,
  lastError: null,
  lastUsed: null,
  addedAt: Date.now(),
  totalCalls: 0,
  successCount: 0,
  errorCount: 0,
  inFlight: 0,
  baseUrl: item.baseUrl ?? null,
  models: item.models ?? [],
  provider,
});

function tested(key) {
  const ok = key.status !== "disabled";
  return {
    id: key.id,
    ok,
    verdict: ok ? "good" : "rejected",
    message: ok ? "The platform accepts the key." : "401: invalid token",
    durationMs: 200 + Math.floor(Math.random() * 900),
  };
}

function find(pool, id) {
  const key = pool.find((each) => each.id === id);
  if (!key) throw new Refusal(404, "not_found", "There is no such key.");
  return key;
}

const ACTIONS = {
  add(pool, { provider, keyItem }) {
    if (pool.some((each) => each.key && each.key === tail(keyItem.key)))
      throw new Refusal(409, "duplicate", "This key is in the pool already.");
    const key = fresh(provider, keyItem);
    pool.unshift(key);
    return { ok: true, id: key.id };
  },
  preview(pool, { keys }) {
    const all = split(keys);
    return {
      items: all.map((key, index) => ({ masked: tail(key), verdict: verdictOf(key, index, all, pool) })),
    };
  },
  batch_add(pool, { provider, keys }) {
    const all = split(keys);
    const verdicts = all.map((key, index) => verdictOf(key, index, all, pool));
    const count = (wanted) => verdicts.filter((verdict) => verdict === wanted).length;
    pool.unshift(
      ...all.filter((_, index) => verdicts[index] === "new").map((key) => fresh(provider, { key })),
    );
    return { ok: true, added: count("new"), duplicates: count("duplicate"), invalid: count("wrong_format") };
  },
  update(pool, { id, keyItem }) {
    const key = find(pool, id);
    const { key: replacement, ...rest } = keyItem;
    Object.assign(key, rest);
    if (replacement)
      Object.assign(key, { key: tail(replacement), status: "unused", reason: null, lastError: null });
    if (keyItem.enabled !== undefined) key.status = keyItem.enabled ? "active" : "off";
    events.emit("event", "key", key);
    return { ok: true };
  },
  delete(pool, { id, ids = [id] }) {
    const before = pool.length;
    for (const each of ids)
      pool.splice(
        pool.findIndex((key) => key.id === each),
        1,
      );
    return { ok: true, deleted: before - pool.length };
  },
  reset(pool, { id }) {
    Object.assign(find(pool, id), { status: "active", reason: null, cooldownUntil: null, lastError: null });
    return { ok: true };
  },
  test: (pool, { id }) => ({ ok: true, test: tested(find(pool, id)) }),
  test_all: (pool) => ({ results: pool.map(tested) }),
};

export default [
  [
    "GET",
    "/api/key-pool",
    ({ query, response }) => {
      const pool = pools[query.get("provider")] ?? [];
      const id = query.get("id");
      sendJson(response, id ? find(pool, id) : { pool });
    },
  ],
  [
    "POST",
    "/api/key-pool",
    async ({ body, response }) => {
      const action = ACTIONS[body.action];
      if (!action) throw new Refusal(400, "invalid_request", "Unknown action.");
      if (body.action.startsWith("test")) await new Promise((resolve) => setTimeout(resolve, 700));
      sendJson(response, action(pools[body.provider], body));
    },
  ],
];
