import { Refusal, sendJson, startStream } from "../http.mjs";
import { picture } from "../png.mjs";
import { drawPicture, events, gallery, platforms, requests } from "../world.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function models() {
  const found = new Map();
  for (const { name, enabled, tasks } of platforms) {
    if (!enabled) continue;
    for (const [task, settings] of Object.entries(tasks)) {
      for (const id of settings.models) {
        const model = found.get(`${name}/${id}`) ?? {
          id,
          object: "model",
          created: 0,
          owned_by: name,
          capabilities: { tasks: [], sizes: settings.sizes, max_n: settings.nativeN > 1 ? 15 : 4 },
        };
        model.capabilities.tasks.push(task);
        found.set(`${name}/${id}`, model);
      }
    }
  }
  const auto = { tasks: ["text", "edit", "blend"], sizes: [], max_n: 16 };
  return [
    { id: "auto", object: "model", created: 0, owned_by: "imgrouter", capabilities: auto },
    ...found.values(),
  ];
}

const SIZES = { "16:9": [1024, 576], "9:16": [576, 1024], "4:3": [1024, 768], "3:4": [768, 1024] };

/** Fields of a form, without its files: enough for a stand-in. */
function formFields(text) {
  const fields = {};
  for (const [, name, value] of text.matchAll(/name="([\w[\]]+)"\r\n\r\n([^\r]*)\r\n/g)) fields[name] = value;
  fields.pictures = text.match(/name="image\[\]"/g)?.length ?? 0;
  return fields;
}

async function readForm(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return formFields(Buffer.concat(pieces).toString("utf8"));
}

async function draw({ request, response, body }) {
  const fields = body ?? (await readForm(request));
  const task = fields.pictures ? (fields.pictures > 1 ? "blend" : "edit") : "text";
  const id = request.headers["x-request-id"] ?? `req_${Date.now()}`;
  const asked = String(fields.model);
  const platform =
    platforms.find(({ name }) => asked.startsWith(`${name}/`)) ??
    platforms.find(({ tasks, enabled }) => enabled && tasks[task]);
  const model = asked.includes("/") ? asked.slice(asked.indexOf("/") + 1) : platform.tasks[task].defaultModel;
  const [width, height] = SIZES[fields.size] ?? [768, 768];
  const time = Date.now();
  const attempt = (provider, startedMs, durationMs, outcome, message, next) => ({
    provider,
    model,
    key: "...9f3c",
    keyId: "k1",
    startedMs,
    durationMs,
    outcome,
    message,
    next,
  });
  const row = {
    id,
    time,
    durationMs: 0,
    client: "playground",
    task,
    askedModel: asked,
    provider: platform.name,
    model,
    outcome: "ok",
    prompt: fields.prompt,
    pictures: [],
    attempts: [attempt("Gitee", 4, 640, "overloaded", "503: the model queue is full", "next platform")],
  };
  const log = () => {
    row.durationMs = Date.now() - time;
    requests.unshift(row);
    events.emit("event", "request", row);
  };

  response.setHeader("x-request-id", id);
  response.setHeader("x-img-router-provider", platform.name);
  response.setHeader("x-img-router-model", model);
  response.setHeader("x-img-router-attempts", "2");
  const send = startStream(request, response);
  const topic = task === "text" ? "image_generation" : "image_edit";
  await pause(700);
  if (/fail/i.test(fields.prompt)) {
    row.outcome = "content_rejected";
    row.provider = null;
    const message = "The platform refused the prompt: its moderation found something.";
    row.attempts.push(attempt(platform.name, 660, 400, "content_rejected", message, null));
    log();
    send({ error: { message, code: "content_policy_violation", param: null }, type: "error" }, "error");
    return response.end();
  }
  for (let index = 0; index < Number(fields.n ?? 1); index += 1) {
    const item = drawPicture(platform.name, model, task, fields.prompt, Date.now(), id);
    Object.assign(item, { width, height });
    const seed = Number.parseInt(item.filename.slice(-12, -4), 16) % 48;
    for (const share of [8, 3]) {
      const small = picture(seed, Math.round(width / share / 4), Math.round(height / share / 4));
      send({ type: `${topic}.partial_image`, b64_json: small.toString("base64") }, `${topic}.partial_image`);
      await pause(900);
    }
    gallery.unshift(item);
    row.pictures.push(item.filename);
    events.emit("event", "picture", item);
    const data = picture(seed, width, height).toString("base64");
    const revised_prompt = item.revisedPrompt ?? undefined;
    send(
      { type: `${topic}.completed`, b64_json: data, output_format: "png", revised_prompt },
      `${topic}.completed`,
    );
  }
  row.attempts.push(attempt(platform.name, 660, Date.now() - time - 660, "ok", "", null));
  log();
  response.end(": warning: The size was brought to one that the platform takes.\ndata: [DONE]\n\n");
}

export default [
  [
    "GET",
    "/api/playground/v1/models",
    ({ response }) => sendJson(response, { object: "list", data: models() }),
  ],
  ["POST", "/api/playground/v1/images/generations", draw],
  ["POST", "/api/playground/v1/images/edits", draw],
  [
    "POST",
    "/api/playground/v1/images/blend",
    () => {
      throw new Refusal(404, "not_found", "The panel sends several pictures to edits.");
    },
  ],
];
