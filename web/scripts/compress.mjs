/** Puts compressed copies beside what was built: the gateway serves them as they are. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
/** Smaller files are not worth a second copy. */
const LEAST = 1024;

for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name);
  if (!statSync(path).isFile()) continue;
  if (/\.(br|gz)$/.test(path)) {
    rmSync(path);
    continue;
  }
  const data = readFileSync(path);
  if (data.length < LEAST || !/\.(js|css|html|svg|json)$/.test(path)) continue;
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }),
  );
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
}
