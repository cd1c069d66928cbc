// Chat, models and failures through openai-node.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "./openai.mjs";
import { MAX_BODY, MODEL, dataUri, mark, png, sha, stage, waitUntil, width } from "./harness.mjs";

const { client, connect, sim } = await stage();
const [RED, BLUE] = [png([255, 0, 0]), png([0, 0, 255])];
const ask = (content, more = {}) => ({ model: MODEL, messages: [{ role: "user", content }], ...more });
const image = (data) => ({ type: "image_url", image_url: { url: dataUri(data) } });

/** The pictures of a Markdown text. */
async function picturesOf(content) {
  const links = content.split("\n").map((line) => line.match(/^!\[image\d+\]\((\S+)\)$/)?.[1]);
  assert.ok(links.every(Boolean), content.slice(0, 300));
  return Promise.all(links.map(async (link) => Buffer.from(await (await fetch(link)).arrayBuffer())));
}

test("chat: an answer", async () => {
  const answer = await client.chat.completions.create(ask(mark()));
  const [choice] = answer.choices;
  assert.deepEqual([choice.finish_reason, choice.message.role, choice.message.refusal], ["stop", "assistant", null]);
  const [picture] = await picturesOf(choice.message.content);
  assert.equal(width(picture), 1024);
});

test("chat: pictures come in", async () => {
  const words = mark();
  await client.chat.completions.create(ask([{ type: "text", text: words }, image(BLUE), image(RED)]));
  const [call] = await sim.calls(words);
  assert.deepEqual(call.body.files.map((file) => file.sha256), [sha(BLUE), sha(RED)]);
});

test("chat: a stream", async () => {
  const chunks = [];
  for await (const chunk of await client.chat.completions.create(ask(mark(), { stream: true, stream_options: { include_usage: true } }))) chunks.push(chunk);
  const { id, created, model } = chunks[0];
  for (const chunk of chunks) assert.deepEqual([chunk.id, chunk.created, chunk.model, chunk.object], [id, created, model, "chat.completion.chunk"]);
  const last = chunks.pop();
  assert.deepEqual([last.choices.length, last.usage.total_tokens], [0, 0]);
  assert.ok(chunks.every((chunk) => chunk.usage == null));
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  const content = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
  assert.equal((await picturesOf(content)).length, 1);
});

for (const [name, more] of Object.entries({ "one picture": {}, "three pictures": { n: 3 }, "with usage": { stream_options: { include_usage: true } } })) {
  test(`chat: the stream helper, ${name}`, async () => {
    const stream = client.chat.completions.stream(ask(mark(), more));
    const pictures = await picturesOf(await stream.finalContent());
    assert.equal(new Set(pictures.map(sha)).size, more.n ?? 1);
    const whole = await stream.finalChatCompletion();
    assert.deepEqual([whole.choices[0].finish_reason, whole.choices[0].message.role], ["stop", "assistant"]);
  });
}

test("chat: the stream helper while the platform draws", async () => {
  const words = mark();
  const stream = client.chat.completions.stream(ask(`${words} [sim delay=8000]`));
  await stream.emitted("chunk");
  assert.equal((await sim.calls(words))[0].outcome.kind, "open");
  assert.equal((await picturesOf(await stream.finalContent())).length, 1);
});

test("chat: a stream that fails late", async () => {
  const late = `${mark()} [sim moderation delay=6000]`;
  const drain = async () => {
    for await (const chunk of await client.chat.completions.create(ask(late, { stream: true }))) assert.ok(chunk.choices);
  };
  await assert.rejects(drain, (error) => error instanceof OpenAI.APIError && error.code === "content_policy_violation" && /NewApi/.test(error.message));
  await assert.rejects(client.chat.completions.stream(ask(late)).finalContent(), OpenAI.APIError);
});

test("chat: a closed stream", async () => {
  const words = mark();
  const stream = await client.chat.completions.create(ask(`${words} [sim delay=8000]`, { stream: true }));
  for await (const chunk of stream) {
    assert.equal(chunk.choices[0].delta.role, "assistant");
    await waitUntil("the platform draws", async () => (await sim.calls(words)).length === 1);
    break;
  }
  assert.equal((await sim.calls(words)).length, 1);
});

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const id of ["auto", MODEL, "gpt-image-1", "dall-e-3"]) assert.ok(ids.includes(id), id);
  assert.equal((await client.models.retrieve(MODEL)).owned_by, "NewApi");
});

const failures = {
  "a wrong key": [() => connect({ apiKey: "wrong" }).images.generate({ prompt: "a fox" }), OpenAI.AuthenticationError, 401, "invalid_api_key", null],
  "no prompt": [() => client.images.generate({ prompt: "" }), OpenAI.BadRequestError, 400, "invalid_request_error", "prompt"],
  "n of zero": [() => client.images.generate({ prompt: "a fox", n: 0 }), OpenAI.BadRequestError, 400, "invalid_request_error", "n"],
  "an odd size": [() => client.images.generate({ prompt: "a fox", size: "large" }), OpenAI.BadRequestError, 400, "invalid_request_error", "size"],
  "an unknown model": [() => client.models.retrieve("no-such-model"), OpenAI.NotFoundError, 404, "model_not_found", "model"],
  moderation: [() => client.images.generate({ prompt: `${mark()} [sim moderation]`, model: MODEL }), OpenAI.BadRequestError, 400, "content_policy_violation", null],
  "no picture": [() => client.images.edit({ image: new File(["words"], "a.png"), prompt: "a fox" }), OpenAI.BadRequestError, 400, "invalid_image_file", "image"],
  "a large body": [() => client.images.generate({ prompt: "x".repeat(4 * MAX_BODY) }), OpenAI.APIError, 413, "request_too_large", null],
  "a large file": [() => client.images.edit({ image: new File([png([1, 2, 3], 4 * MAX_BODY)], "a.png"), prompt: "a fox" }), OpenAI.APIError, 413, "request_too_large", null],
  "a wrong key with a large file": [() => connect({ apiKey: "wrong" }).images.edit({ image: new File([png([1, 2, 3], 4 * MAX_BODY)], "a.png"), prompt: "a fox" }), OpenAI.AuthenticationError, 401, "invalid_api_key", null],
};
for (const [name, [act, kind, status, code, param]] of Object.entries(failures)) {
  test(`failure: ${name}`, async () => {
    await assert.rejects(act, (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
      assert.ok(error.requestID);
      return true;
    });
  });
}

test("failure: what is final is not repeated", async () => {
  const words = mark();
  let requests = 0;
  const counting = connect({ maxRetries: 2, fetch: (...given) => ((requests += 1), fetch(...given)) });
  await assert.rejects(counting.images.generate({ prompt: `${words} [sim moderation]`, model: MODEL }), OpenAI.BadRequestError);
  assert.equal(requests, 1);
  assert.equal((await sim.calls(words)).length, 1);
});

test("failure: no quota is final, and comes last because it cools the key", async () => {
  let requests = 0;
  const counting = connect({ maxRetries: 2, fetch: (...given) => ((requests += 1), fetch(...given)) });
  await assert.rejects(counting.images.generate({ prompt: `${mark()} [sim status=402]`, model: MODEL }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, "insufficient_quota");
    return true;
  });
  assert.equal(requests, 1);
});
