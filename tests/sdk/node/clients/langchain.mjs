// Drives a gateway with LangChain for JavaScript: `langchain.mjs STAGE`.

import { readFileSync } from "node:fs";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI, DallEAPIWrapper } from "@langchain/openai";
import { play, print, untilDrawing, uri } from "./stage.mjs";

const stage = JSON.parse(readFileSync(process.argv[2], "utf8"));
const connect = ({ apiKey = stage.key, ...more } = {}) => new ChatOpenAI({ model: stage.model, apiKey, configuration: { baseURL: stage.v1 }, ...more });
const wrapper = (more) => new DallEAPIWrapper({ apiKey: stage.key, model: stage.model, baseUrl: stage.v1, ...more });

async function chat(content, by = connect()) {
  const answer = await by.invoke([new HumanMessage({ content })]);
  return { text: answer.content, finish: answer.response_metadata.finish_reason };
}

async function chatStream(prompt) {
  let whole;
  for await (const chunk of await connect().stream(prompt)) whole = whole ? whole.concat(chunk) : chunk;
  return { text: whole.content, finish: whole.response_metadata.finish_reason };
}

async function cancel(prompt) {
  const control = new AbortController();
  const drawing = connect().invoke(prompt, { signal: control.signal });
  const refused = drawing.then(() => false, (error) => /abort/i.test(`${error.name} ${error.message}`));
  await untilDrawing(stage, prompt);
  control.abort();
  return { cancelled: await refused };
}

async function cancelStream(prompt) {
  for await (const chunk of await connect().stream(prompt)) return { cancelled: chunk.content === "" };
  return { cancelled: false };
}

const fails = (prompt, more = {}) => chat(prompt, connect({ maxRetries: 0, ...more }));
const drawn = (answer) => ({ pictures: [answer].flat().map((item) => (typeof item === "string" ? { url: item } : { url: item.image_url })) });
const image = (data) => ({ type: "image_url", image_url: { url: uri(data) } });
await play(
  {
    generate_b64: async (prompt) => ({ pictures: [{ b64: await wrapper({ dallEResponseFormat: "b64_json" }).invoke(prompt) }] }),
    generate_url: async (prompt) => drawn(await wrapper().invoke(prompt)),
    generate_three: async (prompt) => drawn(await wrapper({ n: 3 }).invoke(prompt)),
    chat: (prompt) => chat(prompt),
    chat_pictures: (prompt) => chat([{ type: "text", text: prompt }, image(stage.blue), image(stage.red)]),
    chat_stream: chatStream,
    error_key: (prompt) => fails(prompt, { apiKey: "wrong" }),
    error_request: (prompt) => fails(prompt, { modelKwargs: { size: "large" } }),
    error_large: (prompt) => wrapper({ maxRetries: 0 }).invoke(prompt + "x".repeat(stage.too_large)),
    error_refusal: (prompt) => fails(prompt),
    error_model: (prompt) => fails(prompt),
    error_upstream: (prompt) => fails(prompt),
    error_overloaded: (prompt) => fails(prompt),
    error_rate_limit: (prompt) => fails(prompt),
    error_quota: (prompt) => fails(prompt),
    error_in_stream: chatStream,
    retry: (prompt) => chat(prompt),
    no_retry: (prompt) => chat(prompt),
    timeout: (prompt) => fails(prompt, { timeout: 3000 }),
    cancel,
    cancel_stream: cancelStream,
    long_generate: (prompt) => chat(prompt),
    long_chat: chatStream,
  },
  stage,
  print,
);
