// Starts the simulated platform and gateways as processes, and ends exactly those.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { after } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import OpenAI from "./openai.mjs";

const ROOT = resolve(import.meta.dirname, "../../..");
const GATEWAY = process.env.IMG_ROUTER_BIN || join(ROOT, "target/debug/img-router");
const SIM = process.env.IR_SIM_BIN || join(ROOT, "target/debug/ir-sim");
export const KEY = "sdk-suite-access-key";
export const MODEL = "sim-image";
/** Largest body that the gateway takes here. */
export const MAX_BODY = 2 * 1024 * 1024;

/** A prompt that no other test has. */
export const mark = () => `a fox ${randomUUID()}`;
export const sha = (data) => createHash("sha256").update(data).digest("hex");

export async function waitUntil(what, condition, milliseconds = 60_000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await pause(20)) {
    const found = await condition();
    if (found) return found;
  }
  throw new Error(`waited ${milliseconds} ms in vain: ${what}`);
}

function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer().once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

function end(child, signal) {
  return new Promise((ended) => {
    if (child.exitCode !== null) return ended();
    const hard = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.once("exit", () => {
      clearTimeout(hard);
      ended();
    });
    child.kill(signal);
  });
}

async function startSim() {
  const child = spawn(SIM, ["serve", "--port", "0", "--model", MODEL], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  await waitUntil("the platform says its address", () => said.includes("\n"));
  const url = said.split("\n")[0].split(" ").pop().replace(/\/v1$/, "");
  /** The drawings whose prompt holds `words`. */
  const calls = async (words) => {
    const { entries } = await (await fetch(`${url}/_sim/ledger`)).json();
    const prompt = ({ body }) => (body.kind === "json" ? body.value.prompt : new Map(body.fields).get("prompt"));
    return entries.filter((entry) => entry.method === "POST" && prompt(entry)?.includes(words));
  };
  return { url, calls, stop: () => end(child, "SIGINT") };
}

async function startGateway(sim, folder, { publicAddress = true } = {}) {
  const data = join(folder, "data");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const task = { model: MODEL, modelMap: "gpt-image-1,dall-e-3" };
  const NewApi = { enabled: true, baseUrl: sim.url, text: task, edit: task, blend: task };
  mkdirSync(data);
  writeFileSync(join(data, "runtime-config.json"), JSON.stringify({ system: { modes: { relay: true, backend: true } }, providers: { NewApi } }));
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("IMG_ROUTER_"))),
    PORT: String(port),
    IMG_ROUTER_HOST: "127.0.0.1",
    IMG_ROUTER_DATA_DIR: data,
    ...(publicAddress && { IMG_ROUTER_PUBLIC_BASE_URL: url }),
    IMG_ROUTER_GLOBAL_ACCESS_KEY: KEY,
    IMG_ROUTER_ALLOW_PRIVATE: sim.url.slice("http://".length),
    IMG_ROUTER_LIMITS_URL_FETCHES_PER_MINUTE: "1000",
    IMG_ROUTER_SYSTEM_MAX_BODY_SIZE: String(MAX_BODY),
  };
  execFileSync(GATEWAY, ["keys", "add", "NewApi", "sk-newapi-of-the-pool"], { env, stdio: "pipe" });
  const log = openSync(join(folder, "gateway.log"), "w");
  const child = spawn(GATEWAY, ["serve"], { env, stdio: ["ignore", log, log] });
  const ready = async () => {
    assert.equal(child.exitCode, null, readFileSync(join(folder, "gateway.log"), "utf8"));
    return (await fetch(`${url}/ready`).catch(() => null))?.ok;
  };
  await waitUntil("the gateway is ready", ready);
  /** Paths of stored pictures whose prompt holds `words`. */
  const stored = (words) =>
    readdirSync(join(data, "storage"), { recursive: true })
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(data, "storage", name))
      .filter((file) => JSON.parse(readFileSync(file)).prompt.includes(words))
      .map((file) => file.slice(0, -".json".length));
  return { url, stored, stop: () => end(child, "SIGTERM") };
}

/** Notes every answer that is no stream, for `python/report.py` to compare with OpenAI's description. */
async function noted(url, init) {
  const response = await fetch(url, init);
  const { SDK_ANSWERS } = process.env;
  if (SDK_ANSWERS && !response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const body = Buffer.from(await response.clone().arrayBuffer()).toString("base64");
    const what = `${init?.method ?? "GET"} ${new URL(url).pathname}`;
    appendFileSync(SDK_ANSWERS, `${JSON.stringify({ what, status: response.status, headers: Object.fromEntries(response.headers), body })}\n`);
  }
  return response;
}

/** A platform, a gateway in front of it, a client, and a folder for files; ended after the file's tests. */
export async function stage(options) {
  const folder = mkdtempSync(join(tmpdir(), "img-router-sdk-"));
  const sim = await startSim();
  const gateway = await startGateway(sim, folder, options);
  after(async () => {
    await gateway.stop();
    await sim.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const connect = (options = {}) => new OpenAI({ fetch: noted, apiKey: KEY, baseURL: `${gateway.url}/v1`, maxRetries: 0, timeout: 30_000, ...options });
  return { sim, gateway, folder, connect, client: connect() };
}

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** A PNG of one colour; with `least`, one of pixels that are not compressed, of at least that many bytes. */
export function png(colour, least = 0) {
  const side = Math.max(32, Math.ceil(Math.sqrt(least / 3)));
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 2], 8);
  const row = Buffer.from([0, ...Array(side).fill(colour).flat()]);
  const pixels = chunk("IDAT", deflateSync(Buffer.concat(Array(side).fill(row)), { level: least ? 0 : 6 }));
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), pixels, chunk("IEND", Buffer.alloc(0))]);
}

/** A PNG without the chunks that are not needed to decode it: what a platform may see of a caller's picture. */
export function withoutMetadata(data) {
  const kept = [data.subarray(0, 8)];
  for (let at = 8; at < data.length; ) {
    const end = at + 12 + data.readUInt32BE(at);
    if (data[at + 4] < 0x60) kept.push(data.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/** Fails unless these are the bytes of a whole PNG; answers its width. */
export function width(data) {
  assert.deepEqual(data.subarray(0, 8), SIGNATURE);
  assert.equal(data.subarray(-8, -4).toString(), "IEND");
  return data.readUInt32BE(16);
}

export const dataUri = (data) => `data:image/png;base64,${data.toString("base64")}`;
