/** The stand-in's memory: platforms, keys, requests and pictures that look like a busy week. */

import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { PLATFORMS, PROMPTS } from "./data/platforms.mjs";
import { pick, random } from "./random.mjs";

const next = random(42);
const MINUTE = 60_000;
const DAY = 86_400_000;
export const startedAt = Date.now() - 5 * DAY - 3 * 3_600_000;
export const MASK = "********";
export const events = new EventEmitter().setMaxListeners(100);

const hex = (length) => Array.from({ length }, () => "0123456789abcdef"[Math.floor(next() * 16)]).join("");

function makeKey(provider, index) {
  const status = pick(next, ["active", "active", "active", "active", "cooling", "disabled", "off", "unused"]);
  const used = status !== "unused";
  const totalCalls = used ? Math.floor(next() * 4_000) + 3 : 0;
  const errorCount = Math.floor(totalCalls * next() * 0.08);
  const said = {
    cooling: ["rate_limited", "429 Too Many Requests: please slow down"],
    disabled: ["key_rejected", "401 Unauthorized: invalid token"],
  }[status];
  return {
    id: `k${hex(12)}`,
    name: pick(next, ["team", "main", "backup", "studio", "trial", ""]) + (index ? ` ${index}` : ""),
    key: `...${hex(4)}`,
    enabled: status !== "off",
    status,
    reason: said?.[0] ?? null,
    cooldownUntil: status === "cooling" ? Date.now() + Math.floor(next() * 20 + 1) * MINUTE : null,
    lastError: said?.[1] ?? null,
    lastUsed: used ? Date.now() - Math.floor(next() ** 3 * 3 * DAY) : null,
    addedAt: Date.now() - Math.floor((3 + next() * 60) * DAY),
    totalCalls,
    successCount: totalCalls - errorCount,
    errorCount,
    inFlight: status === "active" ? Math.floor(next() * 3) : 0,
    baseUrl: provider === "NewApi" ? "https://api.example.com/v1" : null,
    models: provider === "NewApi" ? ["gpt-image-2", "flux-pro"] : [],
    provider,
  };
}

const KEYS_OF = { Doubao: 6, Gitee: 14, ModelScope: 5, HuggingFace: 2, Pollinations: 3, NewApi: 2, Local: 0 };
export const pools = Object.fromEntries(
  Object.entries(KEYS_OF).map(([name, count]) => [
    name,
    Array.from({ length: count }, (_, index) => makeKey(name, index)),
  ]),
);

export const platforms = PLATFORMS.map((platform) => ({
  ...platform,
  get keys() {
    const pool = pools[platform.name];
    const count = (...states) => pool.filter((key) => states.includes(key.status)).length;
    return {
      total: pool.length,
      good: count("active", "unused"),
      cooling: count("cooling"),
      disabled: count("disabled", "unreadable"),
      off: count("off"),
    };
  },
}));

const SIZES = [
  [1024, 1024],
  [1024, 768],
  [768, 1024],
  [2048, 2048],
  [2560, 1440],
  [1440, 2560],
];

export const gallery = [];
export const requests = [];

export function drawPicture(provider, model, task, prompt, time, requestId) {
  const [width, height] = pick(next, SIZES);
  const name = `${time}-${hex(16)}.png`;
  const item = {
    filename: name,
    url: `/storage/${name}`,
    favorite: next() < 0.08,
    width,
    height,
    bytes: Math.floor(width * height * (0.4 + next() * 0.6)),
    format: "png",
    provider,
    task,
    requestId,
    client: "global",
    revisedPrompt: next() < 0.2 ? `${prompt}, highly detailed, soft light` : null,
    metadata: { prompt, model, params: { size: `${width}x${height}`, n: 1 }, timestamp: time },
  };
  return item;
}

export function makeRequest(time) {
  const task = pick(next, ["text", "text", "text", "text", "edit", "blend"]);
  const able = platforms.filter((platform) => platform.tasks[task] && platform.name !== "Local");
  const chain = [pick(next, able)];
  const failed = next();
  const prompt = pick(next, PROMPTS);
  const id = `req_${hex(20)}`;
  const attempts = [];
  let at = 4;
  const attempt = (platform, outcome, message, moved) => {
    const durationMs = Math.floor(900 + next() ** 2 * 22_000);
    const key = pick(next, pools[platform.name].length ? pools[platform.name] : [null]);
    attempts.push({
      provider: platform.name,
      model: platform.tasks[task].defaultModel,
      key: key?.key ?? null,
      keyId: key?.id ?? null,
      startedMs: at,
      durationMs,
      outcome,
      message,
      next: moved,
    });
    at += durationMs + 12;
  };
  if (failed < 0.13)
    attempt(
      chain[0],
      pick(next, ["rate_limited", "timeout", "upstream_fault"]),
      "The platform answered 429.",
      "next platform",
    );
  const last = failed < 0.13 ? pick(next, able) : chain[0];
  const outcome = failed < 0.07 ? pick(next, ["content_rejected", "timeout", "quota_exhausted"]) : "ok";
  attempt(
    last,
    outcome,
    outcome === "ok" ? "" : "The prompt was refused by the platform's moderation.",
    null,
  );
  const pictures = [];
  if (outcome === "ok") {
    const item = drawPicture(last.name, last.tasks[task].defaultModel, task, prompt, time, id);
    gallery.push(item);
    pictures.push(item.filename);
  }
  return {
    id,
    time,
    durationMs: at,
    client: pick(next, ["global", "open-webui", "cherry-studio"]),
    task,
    askedModel: pick(next, ["auto", "auto", "gpt-image-1", last.tasks[task].defaultModel]),
    provider: outcome === "ok" ? last.name : null,
    model: outcome === "ok" ? last.tasks[task].defaultModel : null,
    outcome,
    prompt,
    pictures,
    attempts,
  };
}

const DENSITY = 2_400;
for (let index = 0; index < DENSITY; index += 1) {
  const time = Date.now() - Math.floor(((index + next()) / DENSITY) * 7 * DAY);
  const hour = new Date(time).getUTCHours();
  const busy = 0.25 + 0.75 * Math.sin((Math.PI * ((hour + 20) % 24)) / 24) ** 2;
  if (next() < busy) requests.push(makeRequest(time));
}
requests.sort((one, other) => other.time - one.time);
gallery.sort((one, other) => other.metadata.timestamp - one.metadata.timestamp);

/** Something happens every few seconds, so that pages can be seen to live. */
setInterval(() => {
  const row = makeRequest(Date.now());
  requests.unshift(row);
  events.emit("event", "request", row);
  const item = gallery.find(({ filename }) => filename === row.pictures[0]);
  if (!item) return;
  gallery.splice(gallery.indexOf(item), 1);
  gallery.unshift(item);
  events.emit("event", "picture", item);
}, 12_000).unref();

const table = JSON.parse(readFileSync(new URL("data/settings.json", import.meta.url), "utf8"));
const set = {
  "system.modes.backend": ["true", "runtime"],
  "system.publicBaseUrl": ["https://img.example.com", "env"],
  "system.globalAccessKey": ["set", "runtime"],
  "security.adminPasswordHash": ["set", "runtime"],
  "promptOptimizer.baseUrl": ["https://llm.example.com/v1", "runtime"],
  "promptOptimizer.apiKey": ["set", "runtime"],
  "promptOptimizer.model": ["qwen-plus", "runtime"],
  "routing.deadline": ["240", "runtime"],
  "system.logLevel": ["info", "env"],
  "storage.s3.endpoint": ["https://s3.example.com", "runtime"],
  "storage.s3.bucket": ["pictures", "runtime"],
  "storage.s3.accessKey": ["AKEXAMPLE", "runtime"],
  "storage.s3.secretKey": ["set", "runtime"],
  "providers.Gitee.text.weight": ["30", "runtime"],
  "providers.Doubao.text.weight": ["60", "runtime"],
};
export const settings = table.map((row) => {
  const [value, source] = set[row.path] ?? [row.default ?? "", "default"];
  const isSet = value !== "";
  return { ...row, value: row.secret && isSet ? MASK : value, source, isSet };
});

export const state = { etag: "v1", password: "any", port: 10001, failNext: null };
export const spaces = {
  "z-image-turbo": {
    main: "https://luca115-z-image-turbo.hf.space",
    backup: "https://linoyts-z-image-portrait.hf.space",
  },
  "Qwen-Image-Edit-2511": { main: "https://lenml-qwen-image-edit-2511-fast.hf.space" },
};
