// Drives a gateway with openai-node: `openai.mjs STAGE 6` (or 7).

import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { features } from "./openai-features.mjs";
import { play, print } from "./stage.mjs";

const [, , path, major] = process.argv;
const stage = JSON.parse(readFileSync(path, "utf8"));
const { default: OpenAI } = await import(`openai${major}`);
// A file's stream goes out in chunks, without a length.
const files = (name) => createReadStream(join(stage.folder, `${name}.png`));
await play(features({ OpenAI, stage, files }), stage, print);
