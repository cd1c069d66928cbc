/**
 * Every link of the built documentation leads somewhere: to a page, to a heading that is there, to a file.
 * And no page loads anything from elsewhere, or has code in it. VitePress itself refuses dead links between
 * pages, but looks at no headings.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../docs/.vitepress/dist/", import.meta.url));
/** Pages of the gateway itself. */
const ELSEWHERE = new Set(["/docs/api"]);
const isFile = (path) => existsSync(path) && statSync(path).isFile();

/** The file that the gateway answers an address with. */
function fileOf(path) {
  const name = decodeURI(path).replace(/^\/docs\/?/, "");
  return [name, `${name}.html`, `${name}/index.html`, `${name}index.html`].map((name) => join(dist, name)).find(isFile);
}

const ids = new Map();
function headings(file) {
  if (!ids.has(file)) ids.set(file, new Set([...readFileSync(file, "utf8").matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)));
  return ids.get(file);
}

const pages = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".html"));
const problems = [];
let links = 0;
for (const page of pages) {
  const html = readFileSync(join(dist, page), "utf8");
  const base = new URL(`http://gateway/docs/${page.replace(/index\.html$/, "").replace(/\.html$/, "")}`);
  for (const [, tag, name, value] of html.matchAll(/<(a|link|script|img)\b[^>]*?\s(href|src)="([^"]*)"/g)) {
    const url = new URL(value.replaceAll("&amp;", "&"), base);
    if (url.host !== "gateway") {
      if (tag !== "a") problems.push(`${page}: <${tag}> loads ${value}`);
      continue;
    }
    links += 1;
    if (ELSEWHERE.has(url.pathname)) continue;
    const file = url.pathname.startsWith("/docs") ? fileOf(url.pathname) : undefined;
    if (!file) problems.push(`${page}: ${name} ${value} leads nowhere`);
    else if (url.hash && !headings(file).has(decodeURIComponent(url.hash.slice(1)))) problems.push(`${page}: ${value} names no heading`);
  }
  if (/<script(?![^>]*\bsrc=)/.test(html)) problems.push(`${page} has code in it`);
}
for (const problem of problems) console.error(problem);
console.log(`docs: ${pages.length} pages, ${links} links, ${problems.length} problems`);
if (problems.length > 0 || pages.length < 2 || links === 0) process.exit(1);
