// Drives a gateway with openai-node inside a Chromium page: `chromium.mjs STAGE`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withPage } from "./browser.mjs";
import { print } from "./stage.mjs";

const stage = JSON.parse(readFileSync(process.argv[2], "utf8"));
const records = await withPage(join(import.meta.dirname, "page.mjs"), (page) => page.evaluate((stage) => globalThis.drive(stage), stage));
records.forEach(print);
