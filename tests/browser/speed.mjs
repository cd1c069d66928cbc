// Figures, not tests: what the first load weighs, how long the dashboard takes on a slow network and a
// slow processor, and whether a gallery of 100,000 pictures scrolls without stutter.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openContext, startBrowser } from "./harness.mjs";
import { textsOf } from "./texts.mjs";
import { startWorld } from "./world.mjs";

/** Fast 3G, and a processor of a quarter of this one's speed. */
const NETWORK = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const SLOWER = 4;
const RUNS = 7;
const PICTURES = 100_000;
const SCROLL_MS = 10_000;
/** Marks and navigations: little enough that tracing does not slow down what it measures. */
const MARKS = ["blink.user_timing", "loading"];
/** Every task of the main thread. */
const TASKS = [...MARKS, "devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"];
const t = textsOf("en");

const middle = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
const say = (what, figure) => console.log(`${what.padEnd(62)}${figure}`);
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const ms = (number) => `${Math.round(number)} ms`;

/** Pictures beyond those that are there, a minute apart, which share the files of those. */
const FILL = `
import sqlite3, sys
database, wanted = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(database)
# The index of words needs functions of the gateway; it plays no part in scrolling.
(words,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'gallery_worded'").fetchone()
db.execute("DROP TRIGGER gallery_worded")
columns = "path, sha256, bytes, format, width, height, prompt, model, provider, task, request_id, client"
own = db.execute(f"SELECT {columns} FROM gallery WHERE deleted_at IS NULL").fetchall()
(oldest,) = db.execute("SELECT min(created) FROM gallery").fetchone()
rows = ((((oldest - n * 60_000) << 20), f"{n:012}.png", oldest - n * 60_000, *own[(n * 7919) % len(own)]) for n in range(1, wanted - len(own) + 1))
db.executemany(f"INSERT INTO gallery (id, name, created, {columns}) VALUES ({', '.join('?' * 15)})", rows)
db.execute(words)
db.commit()
db.close()
`;

const world = await startWorld({ pictures: 24 });
const browser = await startBrowser();
try {
  await firstLoad();
  await dashboard();
  await gallery();
} finally {
  await browser.close();
  await world.stop();
}

async function signedIn(options = {}) {
  const window = await openContext(browser, { locale: "en", ...options });
  await window.context.addCookies([world.operator.cookie]);
  const page = await window.context.newPage();
  return { ...window, page, cdp: await window.context.newCDPSession(page) };
}

/** Scripts and styles over the wire, with an empty cache. */
async function firstLoad() {
  for (const coding of ["gzip", "br"]) {
    for (const path of ["/login", "/admin"]) {
      const window = path === "/login" ? await stranger() : await signedIn();
      const { context, page, cdp } = window;
      const names = new Map();
      const sizes = { js: 0, css: 0 };
      await cdp.send("Network.enable");
      await cdp.send("Network.setAcceptedEncodings", { encodings: [coding] });
      cdp.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, new URL(response.url).pathname));
      cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        const ending = names.get(requestId)?.split(".").pop();
        if (ending in sizes) sizes[ending] += encodedDataLength;
      });
      await page.goto(world.gateway.url + path);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      await page.locator("h1").waitFor();
      await context.close();
      say(`first load of ${path}, ${coding}`, `${kB(sizes.js + sizes.css)} (scripts ${kB(sizes.js)}, styles ${kB(sizes.css)})`);
    }
  }
}

async function stranger() {
  const window = await openContext(browser, { locale: "en" });
  const page = await window.context.newPage();
  return { ...window, page, cdp: await window.context.newCDPSession(page) };
}

/** The time until the heading and every number of the dashboard's first row are painted. */
async function dashboard() {
  const labels = ["requests", "errorRate", "p50", "pictures", "storage"].map((name) => t(`dashboard:tiles.${name}`));
  const times = { cold: [], warm: [] };
  const paints = { cold: [], warm: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const { context, page, cdp } = await signedIn();
    await page.addInitScript((labels) => {
      const usable = () => {
        const cards = [...document.querySelectorAll("main .mantine-Card-root")].map(({ innerText }) => innerText);
        return document.querySelector("h1") && labels.every((label) => cards.some((text) => text.startsWith(label) && /\d/.test(text)));
      };
      const look = () => (usable() ? requestAnimationFrame(() => setTimeout(() => performance.mark("usable"))) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    }, labels);
    await cdp.send("Network.enable");
    await cdp.send("Network.emulateNetworkConditions", NETWORK);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    for (const cache of ["cold", "warm"]) {
      const trace = await traced(MARKS, async () => {
        await page.goto(`${world.gateway.url}/admin`, { waitUntil: "commit" });
        await page.waitForFunction(() => ["usable", "first-contentful-paint"].every((name) => performance.getEntriesByName(name).length > 0), undefined, { timeout: 60_000 });
      });
      const usable = trace.find(({ name, cat, args }) => name === "usable" && cat.includes("user_timing") && args.data?.navigationId);
      const of = ({ args }) => args.data?.navigationId === usable.args.data.navigationId;
      const began = trace.find((event) => event.name === "navigationStart" && of(event)).ts;
      times[cache].push((usable.ts - began) / 1_000);
      paints[cache].push((trace.find((event) => event.name === "firstContentfulPaint" && of(event)).ts - began) / 1_000);
      await page.goto("about:blank");
    }
    await context.close();
  }
  for (const cache of ["cold", "warm"]) {
    say(`dashboard usable, Fast 3G, CPU / ${SLOWER}, ${cache} cache`, `${ms(middle(times[cache]))} (of ${times[cache].map(Math.round).join(", ")}; first paint ${ms(middle(paints[cache]))})`);
  }
}

/** The events that the browser traced while something ran. */
async function traced(includedCategories, run) {
  const cdp = await browser.newBrowserCDPSession();
  const events = [];
  cdp.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const complete = new Promise((done) => cdp.once("Tracing.tracingComplete", done));
  await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
  try {
    await run();
  } finally {
    await cdp.send("Tracing.end");
    await complete;
    await cdp.detach();
  }
  return events;
}

async function gallery() {
  await world.gateway.pause();
  execFileSync("python3", ["-c", FILL, join(world.gateway.data, "img-router.db"), String(PICTURES)], { stdio: ["ignore", "inherit", "inherit"] });
  await world.gateway.start();
  const { context, page } = await signedIn();
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${world.gateway.url}/pic`);
  await page.getByText(t("gallery:total", { count: PICTURES, shown: PICTURES.toLocaleString("en") })).waitFor();
  await page.getByRole("gridcell").first().waitFor();
  await page.waitForLoadState("networkidle").catch(() => undefined);
  await page.mouse.move(720, 500);
  const before = await page.evaluate(() => {
    globalThis.longTasks.length = 0;
    globalThis.frames = [];
    let last = performance.now();
    const frame = (now) => {
      globalThis.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return window.scrollY;
  });
  const trace = await traced(TASKS, async () => {
    for (const end = Date.now() + SCROLL_MS; Date.now() < end; await pause(16)) await page.mouse.wheel(0, 240);
  });
  const seen = await page.evaluate(() => ({
    tasks: globalThis.longTasks,
    frames: globalThis.frames,
    y: window.scrollY,
    loaded: Math.max(...[...document.querySelectorAll("[data-index]")].map(({ dataset }) => Number(dataset.index))),
  }));
  const mains = new Set(trace.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid}/${tid}`));
  const runs = trace.filter(({ name, pid, tid, dur }) => name === "RunTask" && dur && mains.has(`${pid}/${tid}`)).map(({ dur }) => dur / 1_000);
  const frames = seen.frames.toSorted((one, other) => one - other);
  await context.close();
  say(`gallery of ${PICTURES.toLocaleString("en")}: scrolled in ${SCROLL_MS / 1_000} s`, `${Math.round(seen.y - before).toLocaleString("en")} px, to picture ${seen.loaded.toLocaleString("en")}`);
  say("  long tasks (over 50 ms) that the page observed", `${seen.tasks.length}, the longest ${ms(Math.max(0, ...seen.tasks))}`);
  say("  tasks of the renderer's main thread that were traced", `${runs.length}, the longest ${ms(Math.max(0, ...runs))}`);
  say("  frames: 95 % within, the longest", `${ms(frames[Math.floor(frames.length * 0.95)] ?? 0)}, ${ms(frames.at(-1) ?? 0)}`);
}
