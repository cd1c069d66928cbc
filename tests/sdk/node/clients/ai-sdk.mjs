// Drives a gateway with the AI SDK: `ai-sdk.mjs STAGE 6 compatible2` (or 7 compatible3, 6 openai3, 7 openai4).

import { readFileSync } from "node:fs";
import { bytes, play, print, untilDrawing, uri } from "./stage.mjs";

const [, , path, major, provider] = process.argv;
const stage = JSON.parse(readFileSync(path, "utf8"));
const { generateImage, generateText, streamText } = await import(`ai${major}`);
const compatible = provider.startsWith("compatible");
const { createOpenAI, createOpenAICompatible } = await import(compatible ? `@ai-sdk/openai-${provider}` : `@ai-sdk/${provider}`);
const connect = (apiKey = stage.key) =>
  compatible ? createOpenAICompatible({ name: "gateway", baseURL: stage.v1, apiKey, includeUsage: true }) : createOpenAI({ baseURL: stage.v1, apiKey });
const here = connect();
const talker = compatible ? here.chatModel(stage.model) : here.chat(stage.model);

async function generate(prompt, more = {}, model = stage.gpt, by = here) {
  const { images } = await generateImage({ model: by.imageModel(model), prompt, ...more });
  return { pictures: images.map((image) => ({ b64: image.base64 })) };
}
const fails = (prompt, more = {}, by = here) => generate(prompt, { maxRetries: 0, ...more }, stage.model, by);
const edit = (text, names, mask) => generate({ text, images: names.map((name) => bytes(stage[name])), ...(mask && { mask: bytes(stage[mask]) }) });

async function chat(content) {
  const { text, finishReason } = await generateText({ model: talker, messages: [{ role: "user", content }] });
  return { text, finish: finishReason };
}

async function chatStream(prompt) {
  let text = "";
  const stream = streamText({ model: talker, prompt, onError: () => {} });
  for await (const part of stream.fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "error") throw part.error;
  }
  return { text, finish: await stream.finishReason };
}

async function cancel(prompt) {
  const control = new AbortController();
  const drawing = generate(prompt, { abortSignal: control.signal }, stage.model);
  const refused = drawing.then(() => false, (error) => error.name === "AbortError");
  await untilDrawing(stage, prompt);
  control.abort();
  return { cancelled: await refused };
}

async function cancelStream(prompt) {
  const control = new AbortController();
  untilDrawing(stage, prompt).then(() => control.abort());
  const parts = [];
  for await (const part of streamText({ model: talker, prompt, abortSignal: control.signal, onError: () => {} }).fullStream) parts.push(part.type);
  return { cancelled: parts.at(-1) === "abort" };
}

const image = (data) => ({ type: "image", image: uri(data) });
const features = {
  generate_b64: (prompt) => generate(prompt),
  generate_three: (prompt) => generate(prompt, { n: 3 }),
  edit_one: (prompt) => edit(prompt, ["red"]),
  edit_many: (prompt) => edit(prompt, ["blue", "red"]),
  edit_mask: (prompt) => edit(prompt, ["red"], "mask"),
  chat,
  chat_pictures: (prompt) => chat([{ type: "text", text: prompt }, image(stage.blue), image(stage.red)]),
  chat_stream: chatStream,
  error_key: (prompt) => fails(prompt, {}, connect("wrong")),
  error_request: (prompt) => fails(prompt, { size: "99999x1" }),
  error_large: (prompt) => fails(prompt + "x".repeat(stage.too_large)),
  error_refusal: (prompt) => fails(prompt),
  error_model: (prompt) => fails(prompt),
  error_upstream: (prompt) => fails(prompt),
  error_overloaded: (prompt) => fails(prompt),
  error_rate_limit: (prompt) => fails(prompt),
  error_quota: (prompt) => fails(prompt),
  error_in_stream: chatStream,
  retry: (prompt) => generate(prompt),
  no_retry: (prompt) => generate(prompt),
  timeout: (prompt) => fails(prompt, { abortSignal: AbortSignal.timeout(3000) }),
  cancel,
  cancel_stream: cancelStream,
  long_generate: (prompt) => generate(prompt),
  long_chat: chatStream,
};
// The release before obeys no address: it asks for base64 whatever the model is. The newest takes what it gets and downloads it.
if (provider === "compatible3") features.generate_url = (prompt) => generate(prompt, {}, stage.model);
await play(features, stage, print);
