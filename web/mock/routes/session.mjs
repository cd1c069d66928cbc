import { Refusal, sendJson } from "../http.mjs";

/** Starts signed in: MOCK_SESSION=out asks for a password, =setup for the first one. */
const mode = process.env.MOCK_SESSION ?? "in";
export const session = { setupRequired: mode === "setup", signedIn: mode === "in" };
let failures = 0;

const told = () => ({
  setupRequired: session.setupRequired,
  signedIn: session.signedIn,
  via: session.signedIn ? "session" : null,
  expires: session.signedIn ? Date.now() + 12 * 3_600_000 : null,
  hasPassword: !session.setupRequired,
  version: session.signedIn ? "2.0.0" : null,
});

const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile/15E148 Safari/604.1",
];
let sessions = AGENTS.map((userAgent, index) => ({
  id: `s${index}`,
  created: Date.now() - (index + 1) * 7_200_000,
  lastSeen: Date.now() - index * 3_600_000,
  expires: Date.now() + 36_000_000,
  address: index ? "203.0.113.24" : "127.0.0.1",
  userAgent,
  current: index === 0,
}));

const ACTIONS = [
  "sign_in",
  "sign_in",
  "config.change",
  "key.add",
  "key.delete",
  "gallery.delete",
  "password.change",
];
const audit = Array.from({ length: 120 }, (_, index) => ({
  id: 120 - index,
  time: Date.now() - index * 5_400_000,
  actor: index % 9 === 3 ? "anonymous" : "admin",
  address: index % 4 ? "127.0.0.1" : "203.0.113.24",
  action: ACTIONS[index % ACTIONS.length],
  target: ["", "", "routing.deadline", "Gitee", "Doubao", "3 pictures", ""][index % 7],
  outcome: index % 9 === 3 ? "invalid_password" : "ok",
}));

export default [
  ["GET", "/api/session", ({ response }) => sendJson(response, told())],
  [
    "POST",
    "/api/session",
    ({ body, response }) => {
      if (session.setupRequired) throw new Refusal(401, "setup_required", "Set a password first.");
      if (body.password === "wrong-password") {
        failures += 1;
        if (failures > 4)
          throw new Refusal(429, "too_many_attempts", "Too many attempts.", { retryAfter: 30 });
        throw new Refusal(401, "invalid_password", "The password is not right.");
      }
      session.signedIn = true;
      sendJson(response, told());
    },
  ],
  [
    "DELETE",
    "/api/session",
    ({ response }) => {
      session.signedIn = false;
      response.writeHead(204).end();
    },
  ],
  [
    "POST",
    "/api/setup",
    ({ body, response }) => {
      if (!body.token || body.token === "bad")
        throw new Refusal(401, "invalid_token", "The link is not valid any more.");
      Object.assign(session, { setupRequired: false, signedIn: true });
      sendJson(response, told());
    },
  ],
  [
    "POST",
    "/api/password",
    ({ body, response }) => {
      if (body.current === "wrong-password")
        throw new Refusal(401, "invalid_password", "The present password is not right.");
      sessions = sessions.filter(({ current }) => current);
      sendJson(response, { ok: true });
    },
  ],
  ["GET", "/api/sessions", ({ response }) => sendJson(response, { sessions })],
  [
    "DELETE",
    "/api/sessions/:id",
    ({ params, response }) => {
      sessions = sessions.filter(({ id }) => id !== params.id);
      response.writeHead(204).end();
    },
  ],
  [
    "GET",
    "/api/audit",
    ({ query, response }) => {
      const before = Number(query.get("before") ?? Number.POSITIVE_INFINITY);
      const items = audit.filter(({ id }) => id < before).slice(0, Number(query.get("limit") ?? 50));
      sendJson(response, { items, nextCursor: items.length && items.at(-1).id > 1 ? items.at(-1).id : null });
    },
  ],
];
