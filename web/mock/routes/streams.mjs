import { startStream } from "../http.mjs";
import { events, requests } from "../world.mjs";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
let lastId = 0;

function line(row) {
  const ok = row.outcome === "ok";
  lastId += 1;
  return {
    type: "log",
    id: lastId,
    timestamp: new Date(row.time).toISOString(),
    level: ok ? (row.attempts.length > 1 ? "WARN" : "INFO") : "ERROR",
    module: "ir_engine::drive",
    message: ok
      ? `drew ${row.pictures.length} picture with ${row.provider}`
      : `request failed: ${row.outcome}`,
    requestId: row.id,
    fields: { duration_ms: String(row.durationMs), task: row.task, attempts: String(row.attempts.length) },
  };
}

export default [
  [
    "GET",
    "/api/events",
    ({ request, response }) => {
      const send = startStream(request, response);
      const relay = (name, data) => send(data, name);
      send({}, "hello");
      events.on("event", relay);
      request.on("close", () => events.off("event", relay));
    },
  ],
  [
    "GET",
    "/api/logs/stream",
    ({ query, request, response }) => {
      const send = startStream(request, response);
      const level = query.get("level") ?? "INFO";
      const tell = (entry) => {
        if (LEVELS.indexOf(entry.level) >= LEVELS.indexOf(level)) send(entry);
      };
      send({ type: "connected", level });
      for (const row of requests.slice(0, 60).reverse()) tell(line(row));
      const relay = (name, data) => name === "request" && tell(line(data));
      events.on("event", relay);
      request.on("close", () => events.off("event", relay));
    },
  ],
];
