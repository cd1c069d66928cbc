/**
 * The documentation in a real browser, as the gateway serves it: pages in both languages, both themes and
 * two widths, the search, the way to the API reference. Nothing is violated, thrown or loaded from elsewhere.
 *
 *   IMG_ROUTER_BIN  the gateway with the documentation in it (target/debug/img-router)
 *   CHROMIUM        the browser                              (the system's)
 *
 * Uses what tests/browser/run installs. Screenshots are beside those of the panel, in tests/browser/shots.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openContext, SHOTS, startBrowser, startGateway, waitUntil } from "../browser/harness.mjs";

const PAGES = ["", "clients/", "clients/open-webui", "clients/sdks", "manual", "settings", "repository/deployment"];
const FEW = ["", "clients/open-webui"];
const LOOKED_AT = ["", "clients/", "clients/open-webui", "clients/sdks", "manual"];
const LANGUAGES = { en: { prefix: "", title: "Clients", search: "publicBaseUrl" }, zh: { prefix: "zh/", title: "客户端", search: "存储桶" } };

let gateway;
let browser;
before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  gateway = await startGateway();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

for (const [language, { prefix, title, search }] of Object.entries(LANGUAGES)) {
  for (const [theme, width, pages] of [["light", 1440, PAGES], ["dark", 1440, FEW], ["light", 390, FEW], ["dark", 390, PAGES]]) {
    test(`${language}, ${theme}, ${width}: pages are sound`, async () => {
      const { context, sound } = await openContext(browser, { width, colorScheme: theme });
      const page = await context.newPage();
      for (const path of pages) {
        const answer = await page.goto(`${gateway.url}/docs/${prefix}${path}`, { waitUntil: "networkidle" });
        assert.equal(answer.status(), 200, path);
        assert.equal(await page.evaluate(() => document.documentElement.classList.contains("dark")), theme === "dark", path);
        assert.ok(await page.locator("h1").first().isVisible(), path);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
        if (LOOKED_AT.includes(path)) {
          const name = `docs-${language}-${theme}-${width}-${path.replace(/\W+/g, "-") || "home"}.png`;
          await page.screenshot({ path: join(SHOTS, name) });
        }
      }
      await context.close();
      sound();
    });
  }

  test(`${language}: pages lead to each other, and the search finds`, async () => {
    const { context, sound } = await openContext(browser, {});
    const page = await context.newPage();
    await page.goto(`${gateway.url}/docs/${prefix}`);
    await page.locator(".VPNavBarMenu").getByRole("link", { name: title }).click();
    await page.waitForURL(`**/docs/${prefix}clients/`);
    await page.locator(".VPSidebar").getByRole("link", { name: "n8n" }).click();
    await page.locator("h1", { hasText: "n8n" }).waitFor();
    // By its own address, without the page that led there.
    await page.reload();
    await page.locator("h1", { hasText: "n8n" }).waitFor();
    // The button is there before the page listens to it.
    const input = page.locator("#localsearch-input");
    await waitUntil("the search opens", async () => {
      await page.locator("#local-search button").first().click({ timeout: 1_000 }).catch(() => {});
      return input.isVisible();
    });
    await input.fill(search);
    const found = page.locator("#localsearch-list .result");
    await found.first().waitFor();
    assert.match(await found.first().getAttribute("href"), new RegExp(`^/docs/${prefix}`));
    await page.screenshot({ path: join(SHOTS, `docs-${language}-search.png`) });
    await found.first().click();
    await page.locator(".vp-doc h1").first().waitFor();
    await context.close();
    sound();
  });
}

test("the API reference is the panel's page, and what is not there says so", async () => {
  const { context, sound, expect } = await openContext(browser, {});
  const page = await context.newPage();
  await page.goto(`${gateway.url}/docs/`);
  await page.locator(".VPNavBarMenu").getByRole("link", { name: "API" }).click();
  await page.waitForURL("**/docs/api");
  await page.locator("#root, #app").first().waitFor({ state: "attached" });
  assert.equal(await page.locator(".VPNav").count(), 0, "it is not the panel's");
  await expect(/404|401/, async () => {
    const answer = await page.goto(`${gateway.url}/docs/nothing-of-that-name`);
    assert.equal(answer.status(), 404);
    await page.locator(".NotFound").waitFor();
  });
  await context.close();
  sound();
});
