/**
 * Takes screenshots of pages at two widths, in both themes and both languages, and runs axe on them:
 *   node scripts/look.mjs [--lang en] [--theme dark] [--width 390] [--base http://localhost:4173] /keys /setting
 * The built panel (`npx vite preview`) and a gateway (`npm run mock`) must be running.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: "string", default: "http://localhost:4173" },
    lang: { type: "string", multiple: true, default: ["en", "zh-CN"] },
    theme: { type: "string", multiple: true, default: ["light", "dark"] },
    width: { type: "string", multiple: true, default: ["390", "1440"] },
    out: { type: "string", default: "shots" },
    click: { type: "string", multiple: true, default: [] },
    tag: { type: "string", default: "" },
  },
});
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function look(browser, path, lang, theme, width) {
  const context = await browser.newContext({
    bypassCSP: false,
    colorScheme: theme,
    locale: lang,
    viewport: { width: Number(width), height: width === "390" ? 844 : 900 },
  });
  const page = await context.newPage();
  const problems = [];
  page.on(
    "console",
    (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()),
  );
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(values.base) && /^https?:/.test(request.url()))
      problems.push(`foreign: ${request.url()}`);
  });
  await page.goto(values.base + path, { waitUntil: "domcontentloaded" });
  await page.waitForSelector("h1");
  await page.waitForTimeout(900);
  for (const selector of values.click) {
    await page.locator(selector).first().click();
    await page.waitForTimeout(500);
  }
  const name = `${values.out}/${(path + values.tag).replace(/[^\w-]+/g, "_")}.${lang}.${theme}.${width}.png`;
  await page.screenshot({ path: name, fullPage: true });
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (wide > 0) problems.push(`${wide} px wider than the window`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  for (const { id, nodes } of violations) {
    for (const node of nodes.slice(0, 4))
      problems.push(
        `axe ${id}: ${node.target.join(" ")} ${node.html.slice(0, 160)} ${(node.any[0]?.message ?? "").slice(0, 160)}`,
      );
  }
  console.log(`${problems.length ? "PROBLEMS" : "ok"} ${name}`);
  for (const problem of problems) console.log(`   ${problem}`);
  await context.close();
  return problems.length;
}

mkdirSync(values.out, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
let count = 0;
for (const path of positionals) {
  for (const lang of values.lang) {
    for (const theme of values.theme) {
      for (const width of values.width) count += await look(browser, path, lang, theme, width);
    }
  }
}
await browser.close();
process.exitCode = count ? 1 : 0;
