/** What a first visit loads: the page, its scripts and styles, gzip. Fails above the budget. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Bytes: what the design allows for the first load. */
const BUDGET = 300 * 1024;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

const size = (name) => gzipSync(readFileSync(dist + name), { level: 9 }).length;
const html = readFileSync(`${dist}index.html`, "utf8");
const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, name]) => name);
const sizes = ["index.html", ...new Set(first)].map((name) => [name, size(name)]);
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
for (const [name, bytes] of sizes) console.log(`${(bytes / 1024).toFixed(1).padStart(8)} kB  ${name}`);
console.log(`${(total / 1024).toFixed(1).padStart(8)} kB  first load, gzip (budget ${BUDGET / 1024} kB)`);
if (first.length === 0 || total > BUDGET) process.exit(1);
