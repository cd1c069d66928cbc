/** A stand-in for the gateway with made-up data, for working on the panel. Never part of a build. */
import { createServer } from "node:http";
import { Refusal, readJson, sendRefusal } from "./http.mjs";
import clientKeys from "./routes/client-keys.mjs";
import config from "./routes/config.mjs";
import gallery from "./routes/gallery.mjs";
import keys from "./routes/keys.mjs";
import playground from "./routes/playground.mjs";
import requests from "./routes/requests.mjs";
import sessions, { session } from "./routes/session.mjs";
import stats from "./routes/stats.mjs";
import streams from "./routes/streams.mjs";
import tools from "./routes/tools.mjs";

const PUBLIC = ["/api/session", "/api/setup", "/api/info"];
const routes = [
  ...sessions,
  ...config,
  ...keys,
  ...clientKeys,
  ...stats,
  ...requests,
  ...gallery,
  ...playground,
  ...streams,
  ...tools,
].map(([method, path, handle]) => ({
  method,
  pattern: new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
  handle,
}));

async function answer(request, response) {
  const url = new URL(request.url, "http://mock");
  if (url.pathname.startsWith("/api") && !PUBLIC.includes(url.pathname) && !session.signedIn) {
    const code = session.setupRequired ? "setup_required" : "not_signed_in";
    throw new Refusal(401, code, "Please sign in.");
  }
  for (const { method, pattern, handle } of routes) {
    const found = pattern.exec(decodeURIComponent(url.pathname));
    if (!found || method !== request.method) continue;
    // A handler that takes forms reads them itself.
    const isForm = request.headers["content-type"]?.startsWith("multipart/");
    const body = method === "GET" || isForm ? undefined : await readJson(request);
    return handle({ request, response, body, query: url.searchParams, params: found.groups ?? {} });
  }
  throw new Refusal(404, "not_found", `${request.method} ${url.pathname} is not made up yet.`);
}

const port = Number(process.env.PORT ?? 10001);
createServer((request, response) => {
  answer(request, response).catch((error) => {
    if (error instanceof Refusal) return sendRefusal(response, error);
    console.error(error);
    sendRefusal(response, new Refusal(500, "internal", String(error)));
  });
}).listen(port, () => console.log(`stand-in at http://localhost:${port}`));
