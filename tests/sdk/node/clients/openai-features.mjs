// What openai-node can do, in Node and in a page: `files` makes what the place has for files.

import { untilDrawing, uri } from "./stage.mjs";

export function features({ OpenAI, stage, files, options = {} }) {
  const connect = (more = {}) => new OpenAI({ apiKey: stage.key, baseURL: stage.v1, ...options, ...more });
  const client = connect();
  const strict = connect({ maxRetries: 0 });
  const pictures = ({ data }) => ({ pictures: data.map((item) => (item.url ? { url: item.url } : { b64: item.b64_json })) });
  const generate = async (prompt, more = {}, by = client) => pictures(await by.images.generate({ prompt, model: stage.gpt, ...more }));
  const fails = (prompt, more = {}, by = strict) => generate(prompt, { model: stage.model, ...more }, by);
  const edit = async (prompt, image, more = {}) => pictures(await client.images.edit({ image: await image, prompt, model: stage.gpt, ...more }));
  const talk = (content, more = {}) => ({ model: stage.model, messages: [{ role: "user", content }], ...more });

  async function chat(content) {
    const [choice] = (await client.chat.completions.create(talk(content))).choices;
    return { text: choice.message.content, finish: choice.finish_reason };
  }

  async function chatStream(prompt) {
    let [text, finish] = ["", null];
    for await (const chunk of await client.chat.completions.create(talk(prompt, { stream: true, stream_options: { include_usage: true } }))) {
      for (const choice of chunk.choices) {
        text += choice.delta.content ?? "";
        finish = choice.finish_reason ?? finish;
      }
    }
    return { text, finish };
  }

  async function helper(prompt) {
    const stream = client.chat.completions.stream(talk(prompt));
    const [choice] = (await stream.finalChatCompletion()).choices;
    return { text: choice.message.content, finish: choice.finish_reason };
  }

  async function events(stream) {
    const seen = [];
    for await (const event of await stream) seen.push(event);
    return { events: seen.map((event) => event.type), pictures: seen.map((event) => ({ b64: event.b64_json })) };
  }

  async function models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { models: ids };
  }

  async function cancel(prompt) {
    const control = new AbortController();
    const drawing = client.images.generate({ prompt, model: stage.model }, { signal: control.signal });
    const refused = drawing.then(() => false, (error) => error instanceof OpenAI.APIUserAbortError);
    await untilDrawing(stage, prompt);
    control.abort();
    return { cancelled: await refused };
  }

  async function cancelStream(prompt) {
    for await (const chunk of await client.chat.completions.create(talk(prompt, { stream: true }))) return { cancelled: chunk.choices[0].delta.role === "assistant" };
    return { cancelled: false };
  }

  const image = (data) => ({ type: "image_url", image_url: { url: uri(data) } });
  return {
    generate_b64: (prompt) => generate(prompt),
    generate_url: (prompt) => generate(prompt, { model: stage.model, response_format: "url" }),
    generate_three: (prompt) => generate(prompt, { n: 3 }),
    edit_one: (prompt) => edit(prompt, files("red")),
    edit_many: async (prompt) => edit(prompt, Promise.all([files("blue"), files("red")])),
    edit_mask: async (prompt) => edit(prompt, files("red"), { mask: await files("mask") }),
    variations: async () => pictures(await client.images.createVariation({ image: await files("own"), response_format: "b64_json", size: "512x512" })),
    blend: async (prompt) => pictures(await client.post("/images/blend", { body: { prompt, model: stage.gpt, images: [uri(stage.blue), uri(stage.red)] } })),
    chat,
    chat_pictures: (prompt) => chat([{ type: "text", text: prompt }, image(stage.blue), image(stage.red)]),
    chat_stream: chatStream,
    chat_helper: helper,
    image_stream: (prompt) => events(client.images.generate({ prompt, model: stage.gpt, n: 2, stream: true })),
    edit_stream: async (prompt) => events(client.images.edit({ image: await files("red"), prompt, model: stage.gpt, stream: true })),
    models,
    error_key: (prompt) => fails(prompt, {}, connect({ apiKey: "wrong", maxRetries: 0 })),
    error_request: (prompt) => fails(prompt, { size: "large" }),
    error_large: (prompt) => fails(prompt + "x".repeat(stage.too_large)),
    error_unknown_model: async () => ({ models: [(await strict.models.retrieve("no-such-model")).id] }),
    error_refusal: (prompt) => fails(prompt),
    error_model: (prompt) => fails(prompt),
    error_upstream: (prompt) => fails(prompt),
    error_overloaded: (prompt) => fails(prompt),
    error_rate_limit: (prompt) => fails(prompt),
    error_quota: (prompt) => fails(prompt),
    error_in_stream: chatStream,
    retry: (prompt) => generate(prompt),
    no_retry: (prompt) => generate(prompt),
    timeout: (prompt) => fails(prompt, {}, connect({ maxRetries: 0, timeout: 3000 })),
    cancel,
    cancel_stream: cancelStream,
    long_generate: (prompt) => generate(prompt),
    long_chat: chatStream,
    long_helper: helper,
  };
}
