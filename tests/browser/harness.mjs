// Starts simulated platforms, gateways and Chromium as processes of their own, and ends exactly those.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../..");
const GATEWAY = process.env.IMG_ROUTER_BIN || join(ROOT, "target/debug/img-router");
const SIM = process.env.IR_SIM_BIN || join(ROOT, "target/debug/ir-sim");
/** Where screenshots go. */
export const SHOTS = join(import.meta.dirname, "shots");
export const PASSWORD = "correct horse battery";
/** How long a condition may take to come true. Generous: a busy machine is no failure. */
export const SOON = 60_000;

export async function waitUntil(what, condition, milliseconds = SOON) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await pause(20)) {
    const found = await condition();
    if (found) return found;
  }
  throw new Error(`waited ${milliseconds} ms in vain: ${what}`);
}

function isFree(port) {
  return new Promise((found) => {
    const probe = createServer().once("error", () => found(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => found(true)));
  });
}

let next = 11_000 + ((process.pid * 37) % 20_000);

/** A port below the range that systems take outgoing ports from: nobody else gets it meanwhile. */
export async function freePort() {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const port = (next += 1);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port");
}

/** What is running; nothing of it outlives the tests, however they end. */
const running = new Map();
process.once("exit", () => {
  for (const [child, folder] of running) {
    child.kill("SIGKILL");
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

function begin(program, args, options, folder) {
  const child = spawn(program, args, options);
  running.set(child, folder);
  child.once("exit", () => running.delete(child));
  return child;
}

function end(child, signal) {
  return new Promise((ended) => {
    if (child.exitCode !== null || child.signalCode !== null) return ended();
    const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.once("exit", () => {
      clearTimeout(hard);
      ended();
    });
    child.kill(signal);
  });
}

/** Nothing of the outer environment that could configure a gateway. */
function cleanEnv() {
  const names = ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "RUST_BACKTRACE"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

/**
 * A simulated platform. `script` takes directives for the drawings to come, or for those that `when`
 * describes; none: it draws again.
 */
export async function startSim(dialect, ...options) {
  const args = ["serve", "--port", "0", "--dialect", dialect, ...options];
  const child = begin(SIM, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnv() });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  await waitUntil(`the platform ${dialect} says its address`, () => said.includes("\n"));
  const url = new URL(said.split("\n")[0].split(" ").pop()).origin;
  const control = async (path, options) => {
    const answer = await fetch(`${url}/_sim/${path}`, options);
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  };
  return {
    url,
    host: new URL(url).host,
    script: (then, when = {}) => control("script", { method: "POST", body: JSON.stringify({ rules: then ? [{ when, then }] : [] }) }),
    /** Requests that carried a body: orders of drawings. */
    orders: async () => (await control("ledger")).entries.filter(({ method }) => method === "POST"),
    stop: () => end(child, "SIGINT"),
  };
}

/**
 * A gateway on a fresh folder, with no way in but the link of its log. The port stands in its file,
 * where the panel may change it.
 */
export async function startGateway({ config = {}, env = {} } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "img-router-browser-"));
  const data = join(folder, "data");
  const port = await freePort();
  mkdirSync(data);
  writeFileSync(join(data, "runtime-config.json"), JSON.stringify({ ...config, system: { port, ...config.system } }));
  const file = join(folder, "gateway.log");
  let child;
  const start = async () => {
    const log = openSync(file, "a");
    const options = { env: { ...cleanEnv(), IMG_ROUTER_DATA_DIR: data, ...env }, cwd: folder, stdio: ["ignore", log, log] };
    child = begin(GATEWAY, ["serve"], options, folder);
    closeSync(log);
    await waitUntil("the gateway is ready", async () => {
      assert.equal(child.exitCode, null, readFileSync(file, "utf8"));
      return (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null))?.ok;
    });
  };
  await start();
  const log = () => readFileSync(file, "utf8");
  const [link] = /http:\/\/\S+\/setup\?token=\S+/.exec(log()) ?? [];
  assert.ok(link, `no link for the first start:\n${log()}`);
  return {
    link,
    url: new URL(link).origin,
    port,
    data,
    log,
    start,
    pause: () => end(child, "SIGTERM"),
    stop: async () => {
      await end(child, "SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The admin API, signed in by the link of the first start. */
export async function operatorOf({ link, url }) {
  const begin = await fetch(`${url}/api/setup`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: new URL(link).searchParams.get("token"), password: PASSWORD }),
  });
  assert.equal(begin.status, 200, await begin.text());
  const [cookie] = begin.headers.get("set-cookie").split(";");
  const send = async (method, path, body, headers = {}) => {
    const form = body instanceof FormData;
    return fetch(url + path, {
      method,
      headers: { cookie, origin: url, ...(body === undefined || form ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined || form ? body : JSON.stringify(body),
    });
  };
  const good = async (method, path, body) => {
    const answer = await send(method, path, body);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const [name, value] = cookie.split("=");
  return {
    cookie: { name, value, url },
    send,
    get: (path) => good("GET", path),
    post: (path, body) => good("POST", path, body),
  };
}

function chromiumPath() {
  const known = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"];
  const found = known.find((path) => path && existsSync(path));
  assert.ok(found, "no Chromium: set CHROMIUM to its path");
  return found;
}

export function startBrowser(...more) {
  return chromium.launch({
    executablePath: chromiumPath(),
    timeout: 180_000,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--disable-quic",
      // Nothing leaves this machine, whatever a page asks for.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
      ...more,
    ],
  });
}

/** Requests that the page itself gave up: it was left, or asked something newer. */
const GIVEN_UP = "net::ERR_ABORTED";

/**
 * A window of one user, and everything in it that a sound page does not do. `expect` names what is
 * allowed while something runs: only that, and only then.
 */
export async function openContext(browser, { width = 1440, height = width < 600 ? 844 : 900, ...options }) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  context.setDefaultTimeout(SOON);
  const problems = [];
  let allowed = null;
  const note = (what) => {
    if (!allowed?.test(what)) problems.push(what);
  };
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
      console.error(`policy violated: ${violatedDirective} ${blockedURI} (${sourceFile}:${lineNumber})`);
    });
  });
  context.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" || /content security policy/i.test(text)) note(`console: ${text} (${message.location().url})`);
  });
  context.on("weberror", (error) => note(`thrown: ${error.error().stack ?? error.error()}`));
  context.on("requestfailed", (request) => {
    const { errorText } = request.failure() ?? {};
    if (errorText !== GIVEN_UP) note(`failed: ${request.method()} ${request.url()} ${errorText}`);
  });
  context.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (/^(http|ws)s?:$/.test(protocol) && !["localhost", "127.0.0.1"].includes(hostname)) note(`foreign host: ${request.url()}`);
  });
  return {
    context,
    problems,
    expect: async (pattern, run) => {
      allowed = pattern;
      try {
        return await run();
      } finally {
        allowed = null;
      }
    },
    sound: () => assert.deepEqual(problems, [], "something that a sound page does not do"),
  };
}
