// Pictures through the Responses API, by openai-node.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "./openai.mjs";
import { MODEL, dataUri, mark, png, sha, stage, width, withoutMetadata } from "./harness.mjs";

const { client, connect, sim } = await stage();
const BLUE = png([0, 0, 255]);
const ask = (input, tool = {}) => ({ model: "gpt-5", input, tools: [{ type: "image_generation", ...tool }] });
const calls = (response) => response.output.filter((item) => item.type === "image_generation_call");
const picture = (call) => Buffer.from(call.result, "base64");

test("responses: an answer", async () => {
  const words = mark();
  const response = await client.responses.create(ask(words));
  assert.deepEqual([response.status, response.model, response.output_text], ["completed", "gpt-5", "Here is the picture."]);
  const [call] = calls(response);
  assert.deepEqual([call.status, call.size, width(picture(call))], ["completed", "1024x1024", 1024]);
  assert.equal((await sim.calls(words))[0].body.value.model, MODEL);
});

test("responses: a picture comes in, and a conversation goes on", async () => {
  const words = mark();
  const content = [{ type: "input_text", text: words }, { type: "input_image", detail: "auto", image_url: dataUri(BLUE) }];
  const input = [{ role: "user", content }];
  const first = await client.responses.create(ask(input));
  assert.deepEqual((await sim.calls(words))[0].body.files.map((file) => file.sha256), [sha(BLUE)]);
  const second = mark();
  await client.responses.create(ask([...input, ...first.output, { role: "user", content: second }]));
  assert.deepEqual((await sim.calls(second))[0].body.files.map((file) => file.sha256), [sha(withoutMetadata(picture(calls(first)[0])))]);
});

test("responses: a stream", async () => {
  const events = [];
  for await (const event of await client.responses.create({ ...ask(mark(), { n: 2, partial_images: 1 }), stream: true })) events.push(event);
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, number) => number));
  const items = events.filter((event) => event.type === "response.output_item.done").map((event) => event.item);
  assert.deepEqual(items.map((item) => item.type), ["image_generation_call", "image_generation_call", "message"]);
  assert.deepEqual(events.at(-1).response.output, items);
  assert.equal(new Set(items.slice(0, 2).map((item) => sha(picture(item)))).size, 2);
});

for (const [name, tool] of Object.entries({ "one picture": {}, "three pictures": { n: 3 } })) {
  test(`responses: the stream helper, ${name}`, async () => {
    const stream = client.responses.stream(ask(`${mark()} [sim delay=1200]`, tool));
    let deltas = "";
    stream.on("response.output_text.delta", (event) => (deltas += event.delta));
    const response = await stream.finalResponse();
    assert.deepEqual([response.status, response.output_text], ["completed", deltas]);
    assert.equal(new Set(calls(response).map((call) => sha(picture(call)))).size, tool.n ?? 1);
  });
}

test("responses: failures", async () => {
  const refused = (error) => error instanceof OpenAI.BadRequestError && error.code === "content_policy_violation";
  await assert.rejects(client.responses.create(ask(`${mark()} [sim moderation]`)), refused);
  const late = ask(`${mark()} [sim moderation delay=1300]`);
  const drain = async () => {
    for await (const event of await client.responses.create({ ...late, stream: true })) assert.ok(event.type);
  };
  await assert.rejects(drain, (error) => error instanceof OpenAI.APIError && error.code === "content_policy_violation");
  await assert.rejects(client.responses.stream(late).finalResponse(), OpenAI.APIError);
  await assert.rejects(client.responses.create({ ...ask(mark()), previous_response_id: "resp_1" }), { status: 400, param: "previous_response_id" });
  await assert.rejects(connect({ apiKey: "wrong" }).responses.create(ask(mark())), OpenAI.AuthenticationError);
});
