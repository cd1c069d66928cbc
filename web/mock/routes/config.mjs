import { Refusal, sendJson } from "../http.mjs";
import { events, MASK, platforms, settings, spaces, startedAt, state } from "../world.mjs";

const value = (path) => settings.find((row) => row.path === path)?.value ?? "";

function snapshot() {
  return {
    version: "2.0.0",
    uptimeMs: Date.now() - startedAt,
    demo: process.env.MOCK_DEMO === "1",
    publicBaseUrl: value("system.publicBaseUrl") || null,
    address: "https://img.example.com/v1",
    modes: {
      relay: value("system.modes.relay") === "true",
      backend: value("system.modes.backend") === "true",
    },
    hasGlobalKey: value("system.globalAccessKey") !== "",
    hasPassword: true,
    globalKeyIsAdmin: false,
    providers: platforms,
    supportedSizes: platforms[0].tasks.text.sizes,
    settings,
    runtimeConfig: {},
    etag: state.etag,
    problems: [
      { path: "providers.Midjourney", message: "No such platform; the section is kept but not used." },
    ],
  };
}

const asText = (json) => (json === null ? null : Array.isArray(json) ? json.join(", ") : String(json));

function* leaves(patch, above = "") {
  for (const [name, inner] of Object.entries(patch)) {
    const path = above ? `${above}.${name}` : name;
    const row = settings.find((each) => each.path === path);
    if (!row && inner && typeof inner === "object" && !Array.isArray(inner)) yield* leaves(inner, path);
    else yield [path, row, inner];
  }
}

function apply(patch) {
  const changes = [...leaves(patch)];
  for (const [path, row, json] of changes) {
    if (!row) throw new Refusal(400, "invalid_setting", `${path}: there is no such setting`, { param: path });
    const number = Number(json);
    if (row.kind === "int" && json !== null && (number < row.min || number > row.max)) {
      throw new Refusal(
        400,
        "invalid_setting",
        `${path} must be a whole number from ${row.min} to ${row.max}`,
        { param: path },
      );
    }
    if (row.kind === "url" && json && !/^https?:\/\//.test(json)) {
      throw new Refusal(400, "invalid_setting", `${path} must be an http:// or https:// address`, {
        param: path,
      });
    }
  }
  for (const [path, row, json] of changes) {
    if (json === MASK || row.source === "env") continue;
    const text = asText(json) ?? row.default ?? "";
    row.isSet = text !== "";
    row.value = row.secret && row.isSet ? MASK : text;
    row.source = json === null ? "default" : "runtime";
    mirror(path, json);
  }
}

/** Settings of platforms also show in the list of platforms. */
function mirror(path, json) {
  const [section, name, ...rest] = path.split(".");
  const platform = section === "providers" ? platforms.find((each) => each.name === name) : undefined;
  if (!platform) return;
  if (rest.length === 1 && rest[0] in platform) platform[rest[0]] = json;
  const task = platform.tasks[rest[0]];
  if (task)
    task[rest.at(-1)] = json ?? (rest.at(-1) === "weight" ? 10 : rest.at(-1) === "modelMap" ? "" : null);
}

export default [
  ["GET", "/api/config", ({ response }) => sendJson(response, snapshot())],
  ["GET", "/api/runtime-config", ({ response }) => sendJson(response, {}, 200, { etag: state.etag })],
  [
    "POST",
    "/api/runtime-config",
    ({ body, request, response }) => {
      const match = request.headers["if-match"];
      if (match && match !== state.etag)
        throw new Refusal(412, "changed_meanwhile", "The configuration was changed meanwhile.");
      apply(body);
      state.etag = `v${Number(state.etag.slice(1)) + 1}`;
      events.emit("event", "config", { etag: state.etag });
      sendJson(response, { ok: true, config: {}, etag: state.etag, port: Number(value("system.port")) });
    },
  ],
  [
    "POST",
    "/api/access-key/rotate",
    ({ response }) => {
      const row = settings.find(({ path }) => path === "system.globalAccessKey");
      Object.assign(row, { value: MASK, isSet: true, source: "runtime" });
      sendJson(response, { key: "ir-5kQ0v1xTn8Wc3bJm2HsYdRfLpZgEaUo7" });
    },
  ],
  ["GET", "/api/config/hf-map", ({ response }) => sendJson(response, spaces)],
  [
    "POST",
    "/api/config/hf-map",
    ({ body, response }) => {
      for (const name of Object.keys(spaces)) delete spaces[name];
      Object.assign(spaces, body);
      sendJson(response, spaces);
    },
  ],
];
