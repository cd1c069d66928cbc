// What the tests in a browser share: scripts bundled for a page, and a page that a server of its own hands out.

import { createServer } from "node:http";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const PAGE = '<!doctype html><meta charset="utf-8"><script src="/page.js"></script>';

/** Bundles `script` and calls `act` with a Chromium page that has run it, on an origin of its own. */
export async function withPage(script, act) {
  const { outputFiles } = await build({
    entryPoints: [script],
    bundle: true,
    write: false,
    format: "iife",
    target: "chrome120",
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"], timeout: 180_000 });
  const server = createServer((request, response) => {
    const [type, body] = request.url === "/page.js" ? ["text/javascript", outputFiles[0].text] : ["text/html", PAGE];
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await act(page);
  } finally {
    await browser.close();
    server.close();
  }
}
