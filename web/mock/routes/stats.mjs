import { sendJson } from "../http.mjs";
import { gallery, pools, requests } from "../world.mjs";

const HOUR = 3_600_000;
const WINDOWS = {
  "1h": [HOUR, 60_000],
  "6h": [6 * HOUR, 5 * 60_000],
  "24h": [24 * HOUR, 30 * 60_000],
  "7d": [168 * HOUR, 3 * HOUR],
  "30d": [720 * HOUR, 24 * HOUR],
  "90d": [2160 * HOUR, 24 * HOUR],
};

function totals(rows) {
  const times = rows.map((row) => row.durationMs).sort((one, other) => one - other);
  const at = (share) =>
    times.length ? times[Math.min(times.length - 1, Math.floor(times.length * share))] : null;
  const errors = rows.filter((row) => row.outcome !== "ok").length;
  const pictures = rows.reduce((sum, row) => sum + row.pictures.length, 0);
  return {
    requests: rows.length,
    errors,
    errorRate: rows.length ? errors / rows.length : 0,
    pictures,
    bytes: pictures * 1_800_000,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
  };
}

function groups(rows, name) {
  const byName = Map.groupBy ? Map.groupBy(rows, name) : group(rows, name);
  return [...byName]
    .filter(([key]) => key)
    .map(([key, members]) => ({ name: key, label: key, ...totals(members) }))
    .sort((one, other) => other.requests - one.requests);
}

function group(rows, name) {
  const found = new Map();
  for (const row of rows) found.set(name(row), [...(found.get(name(row)) ?? []), row]);
  return found;
}

export default [
  [
    "GET",
    "/api/dashboard/stats",
    ({ query, response }) => {
      const window = query.get("window") ?? "24h";
      const [length, stepMs] = WINDOWS[window];
      const to = Math.ceil(Date.now() / stepMs) * stepMs;
      const from = to - length;
      const rows = process.env.MOCK_EMPTY ? [] : requests.filter(({ time }) => time >= from);
      const series = Array.from({ length: length / stepMs }, (_, index) => {
        const time = from + index * stepMs;
        return { time, ...totals(rows.filter((row) => row.time >= time && row.time < time + stepMs)) };
      });
      const provider = (row) => row.attempts.at(-1)?.provider;
      sendJson(response, {
        window,
        from,
        to,
        stepMs,
        totals: totals(rows),
        series,
        byPlatform: groups(rows, provider),
        byModel: groups(rows, (row) => row.model),
        byKey: groups(rows, (row) => row.attempts.at(-1)?.keyId),
        byClient: groups(rows, (row) => row.client),
        providers: Object.fromEntries(
          Object.entries(pools).map(([name, pool]) => {
            const sum = (field) => pool.reduce((all, key) => all + key[field], 0);
            const [totalCalls, totalSuccess] = [sum("totalCalls"), sum("successCount")];
            const count = (status) => pool.filter((key) => key.status === status).length;
            const successRate = totalCalls ? (100 * totalSuccess) / totalCalls : 0;
            const valid = count("active");
            return [
              name,
              {
                total: pool.length,
                valid,
                invalid: count("disabled"),
                unused: count("unused"),
                totalCalls,
                totalSuccess,
                successRate,
              },
            ];
          }),
        ),
        storage: { pictures: gallery.length, bytes: gallery.length * 1_900_000, freeBytes: 83_400_000_000 },
        bucket: {
          target: "s3.example.com/pictures",
          waiting: 3,
          oldest: Date.now() - 90_000,
          lastError: null,
        },
        inFlight: 2,
      });
    },
  ],
];
