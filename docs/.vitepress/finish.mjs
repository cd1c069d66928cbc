/**
 * What is left to do after VitePress: inline scripts become files, so that the gateway's policy needs no
 * exception for them, and every file gets compressed copies, which the gateway serves as they are.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("./dist/", import.meta.url));
/** Smaller files are not worth a second copy. */
const LEAST = 1024;
const files = () => readdirSync(dist, { recursive: true }).filter((name) => statSync(join(dist, name)).isFile());

/** The file that holds an inline script: named for what is in it, as the build names the others. */
function toFile(code) {
  const hash = createHash("sha256").update(code).digest("base64url").replace(/[-_]/g, "").slice(0, 8);
  const name = `assets/inline.${hash}.js`;
  writeFileSync(join(dist, name), code);
  return `/docs/${name}`;
}

for (const name of files().filter((name) => name.endsWith(".html"))) {
  const html = readFileSync(join(dist, name), "utf8").replace(
    /<script(?![^>]*\bsrc=)([^>]*)>([\s\S]*?)<\/script>/g,
    (_, attributes, code) => `<script${attributes.replace(/ id="[^"]*"/, "")} src="${toFile(code)}"></script>`,
  );
  if (/<script(?![^>]*\bsrc=)|\son[a-z]+="/.test(html)) throw new Error(`${name} still has code in it`);
  writeFileSync(join(dist, name), html);
}

for (const name of files()) {
  const path = join(dist, name);
  if (/\.(br|gz)$/.test(name)) {
    rmSync(path);
    continue;
  }
  const data = readFileSync(path);
  if (data.length < LEAST || !/\.(js|css|html|svg|json)$/.test(name)) continue;
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
  writeFileSync(`${path}.br`, brotliCompressSync(data, { params }));
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
}
