// Writes a message in Open WebUI's page with Chromium, waits for the answer's pictures, and takes a screenshot.
//
//   node shot.mjs URL TOKEN MODEL PROMPT FILE   (prints what is shown: [{src, width, height}])

import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../browser/", import.meta.url))("playwright-core");
const [url, token, model, prompt, file] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript((value) => localStorage.setItem("token", value), token);
  await page.goto(`${url}/?models=${encodeURIComponent(model)}`);
  // News of the release lie over the page at the first visit.
  const news = page.getByRole("button", { name: "Okay, Let's Go!" });
  const input = page.locator("#chat-input");
  await input.waitFor({ timeout: 60_000 });
  await news.click({ timeout: 5_000 }).catch(() => {});
  await input.click();
  await page.keyboard.type(prompt);
  await page.keyboard.press("Enter");
  const picture = page.locator('#messages-container img[src*="/storage/"], #messages-container img[src^="data:"]');
  await picture.first().waitFor({ timeout: 60_000 });
  await page.waitForFunction((found) => [...document.querySelectorAll(found)].every((img) => img.complete), "#messages-container img");
  const shown = await picture.evaluateAll((all) => all.map((img) => ({ src: img.src, width: img.naturalWidth, height: img.naturalHeight })));
  await page.screenshot({ path: file });
  console.log(JSON.stringify(shown));
} catch (error) {
  const page = browser.contexts()[0]?.pages()[0];
  await page?.screenshot({ path: file });
  throw error;
} finally {
  await browser.close();
}
