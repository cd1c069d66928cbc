// Every page with something in it, at two widths, in both themes and both languages: what axe says, what
// does not fit, and a screenshot to look at.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { openContext, SHOTS, startBrowser, startGateway } from "./harness.mjs";
import { textsOf } from "./texts.mjs";
import { startWorld } from "./world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Each language is seen in both themes and at both widths. */
const LOOKS = [
  { theme: "light", width: 1440, language: "en" },
  { theme: "dark", width: 1440, language: "zh-CN" },
  { theme: "light", width: 390, language: "zh-CN" },
  { theme: "dark", width: 390, language: "en" },
];

let browser;
let world;
/** A gateway that nobody has set up. */
let fresh;
before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [browser, world, fresh] = await Promise.all([startBrowser(), startWorld(), startGateway()]);
});
after(async () => {
  await browser?.close();
  await world?.stop();
  await fresh?.stop();
});

/** Name, path, the page's title (of `nav`), and what is done before it is looked at. */
const PAGES = [
  ["admin", () => "/admin?window=1h", "dashboard"],
  ["playground", () => "/playground", "playground"],
  ["playground-drawn", () => "/playground", "playground", drawn],
  ["channel", () => "/channel", "channels"],
  ["channel-settings", () => "/channel", "channels", openPlatform],
  ["keys", () => "/keys?provider=Doubao", "keys"],
  ["keys-add", () => "/keys?provider=Doubao", "keys", addKeys],
  ["pic", () => "/pic", "gallery"],
  ["pic-none", () => "/pic?q=nowhere", "gallery"],
  ["pic-viewer", () => `/pic?picture=${world.picture.filename}`, "gallery", viewed],
  ["prompt-optimizer", () => "/prompt-optimizer", "optimizer"],
  ["requests", () => "/requests", "requests"],
  ["request", () => `/requests/${world.moved.id}`, "requests"],
  ["request-failed", () => `/requests/${world.failed.id}`, "requests"],
  ["logs", () => "/logs", "logs"],
  ...["access", "system", "drawing", "limits", "storage", "security"].map((tab) => [`setting-${tab}`, () => `/setting?tab=${tab}`, "settings"]),
  ["setting-access-new-key", () => "/setting?tab=access", "settings", newClientKey],
  ["setting-access-made-key", () => "/setting?tab=access", "settings", madeClientKey],
  ["requests-of-a-client", () => `/requests?client=key:${world.client}`, "requests"],
  ["update", () => "/update", "update"],
  ["not-found", () => "/requests/nothing/here", "notFound"],
  ["menu", () => "/admin", "dashboard", openMenu],
];

for (const { theme, width, language } of LOOKS) {
  describe(`${theme}, ${width} px, ${language}`, () => {
    let window;
    let page;
    const t = textsOf(language);
    const look = { locale: language, colorScheme: theme, width };
    before(async () => {
      window = await openContext(browser, look);
      await window.context.addCookies([world.operator.cookie]);
      page = await window.context.newPage();
    });
    after(() => window?.context.close());
    const shot = (name) => `${SHOTS}/${name}.${theme}.${width}.png`;

    for (const [name, path, title, act] of PAGES) {
      test(name, { timeout: 300_000 }, async () => {
        window.problems.length = 0;
        await page.goto(world.gateway.url + path());
        await settled(page);
        await act?.({ page, t, width });
        await inspect(page, shot(name), t(`common:nav.${title}`), t);
        window.sound();
      });
    }
    for (const [name, gateway, path, title] of [
      ["login", () => world.gateway, "/login", "login"],
      ["setup", () => fresh, "/setup?token=0123456789abcdef", "setup"],
      ["setup-token", () => fresh, "/setup", "setup"],
    ]) {
      test(name, { timeout: 300_000 }, async () => {
        const stranger = await openContext(browser, look);
        try {
          const door = await stranger.context.newPage();
          await door.goto(gateway().url + path);
          await settled(door);
          await inspect(door, shot(name), t(`common:nav.${title}`), t);
          stranger.sound();
        } finally {
          await stranger.context.close();
        }
      });
    }
  });
}

/** Everything is there, and nothing moves any more. */
async function settled(page) {
  // Behind an open dialog it is hidden from all but the eye.
  await page.locator("h1").first().waitFor({ state: "attached" });
  await page.waitForFunction(() => {
    // What would be fetched when it is scrolled to belongs to the picture of the page.
    for (const image of document.images) image.loading = "eager";
    const busy = document.querySelector('[aria-busy="true"], .mantine-Skeleton-root, [data-loading="true"]');
    const loading = [...document.images].some(({ complete }) => !complete);
    const moves = ({ playState, effect }) => playState === "running" && effect.getComputedTiming().iterations !== Infinity;
    return !busy && !loading && !document.getAnimations().some(moves);
  });
}

async function inspect(page, shot, title, t) {
  await settled(page);
  await page.screenshot({ path: shot, fullPage: true });
  const problems = [];
  const seen = await page.evaluate(() => ({
    title: document.title,
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    headings: document.querySelectorAll("h1").length,
  }));
  const wanted = `${title} · ${t("common:product")}`;
  if (seen.title !== wanted) problems.push(`the title is "${seen.title}", not "${wanted}"`);
  if (seen.wider > 0) problems.push(`${seen.wider} px wider than the window`);
  if (seen.headings !== 1) problems.push(`${seen.headings} headings of the first level`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, help, nodes } of violations) {
    for (const { target, html, any } of nodes.slice(0, 3)) {
      problems.push(`axe ${id} (${help}): ${target.join(" ")} ${html.slice(0, 200)} ${any[0]?.message ?? ""}`);
    }
  }
  assert.deepEqual(problems, []);
}

async function drawn({ page, t }) {
  const prompt = "a paper boat on a quiet lake";
  await page.getByLabel(t("playground:prompt"), { exact: true }).fill(prompt);
  await page.getByRole("button", { name: t("playground:draw"), exact: true }).click();
  const result = page.getByRole("article", { name: prompt, exact: true });
  await result.getByText(t("playground:state.done"), { exact: true }).waitFor();
  await result.getByRole("link", { name: t("playground:request"), exact: true }).waitFor();
}

async function openPlatform({ page, t }) {
  const card = page.getByRole("article", { name: "NewApi", exact: true });
  await card.getByRole("button", { name: t("common:nav.settings"), exact: true }).click();
  await page.getByRole("dialog", { name: t("channel:drawer.title", { name: "NewApi" }) }).waitFor();
}

async function addKeys({ page, t }) {
  await page.getByRole("button", { name: t("keys:add.open"), exact: true }).first().click();
  const dialog = page.getByRole("dialog", { name: t("keys:add.title", { name: "Doubao" }) });
  await dialog.getByLabel(t("keys:add.keys"), { exact: true }).fill("550e8400-e29b-41d4-a716-446655440001\n7c9e6679-7425-40de-944b-e07fc1f90ae7\nnot a key");
  await dialog.getByRole("button", { name: t("keys:add.import", { count: 1 }), exact: true }).waitFor();
}

async function newClientKey({ page, t }) {
  await page.getByRole("button", { name: t("setting:clients.add"), exact: true }).click();
  const dialog = page.getByRole("dialog", { name: t("setting:clients.add"), exact: true });
  await dialog.getByRole("button", { name: t("setting:clients.form.make"), exact: true }).click();
  await dialog.getByText(t("setting:clients.form.nameRequired"), { exact: true }).waitFor();
  return dialog;
}

async function madeClientKey({ page, t }) {
  const dialog = await newClientKey({ page, t });
  await dialog.getByLabel(t("setting:clients.form.name"), { exact: true }).fill("a phone");
  await dialog.getByLabel(t("setting:clients.form.perMinute"), { exact: true }).fill("5");
  await dialog.getByRole("button", { name: t("setting:clients.form.make"), exact: true }).click();
  const made = page.getByRole("dialog", { name: t("setting:clients.made.title"), exact: true });
  const key = (await made.locator("pre").textContent()).trim();
  assert.match(key, /^ir-[A-Za-z0-9_-]{43}$/);
  // It works, and is nowhere else.
  const answer = await fetch(`${world.gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status, 200);
  assert.ok(!JSON.stringify(await world.operator.get("/api/client-keys")).includes(key));
}

async function viewed({ page, t, width }) {
  if (width < 600) await page.getByRole("button", { name: t("gallery:viewer.details"), exact: true }).click();
  await page.getByRole("complementary", { name: t("gallery:viewer.details") }).waitFor();
}

async function openMenu({ page, t, width }) {
  if (width < 600) return page.getByRole("button", { name: t("common:shell.menu"), exact: true }).click();
  await page.getByRole("button", { name: t("common:shell.theme"), exact: true }).click();
  await page.getByRole("menu").getByRole("menuitemradio").first().waitFor();
  // The button's tooltip comes a moment after the pointer, and goes with it.
  await page.mouse.move(width / 2, 500);
  await page.getByRole("tooltip").waitFor({ state: "detached" });
}
