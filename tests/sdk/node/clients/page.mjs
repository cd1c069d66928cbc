// openai-node in a page of another origin than the gateway's.

import OpenAI from "openai7";
import { features } from "./openai-features.mjs";
import { bytes, play } from "./stage.mjs";

globalThis.drive = async (stage) => {
  const files = (name) => new File([bytes(stage[name])], `${name}.png`, { type: "image/png" });
  const records = [];
  await play(features({ OpenAI, stage, files, options: { dangerouslyAllowBrowser: true } }), stage, (record) => records.push(record));
  return records;
};
