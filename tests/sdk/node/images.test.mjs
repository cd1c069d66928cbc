// Pictures through openai-node.

import assert from "node:assert/strict";
import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import OpenAI, { toFile } from "./openai.mjs";
import { MODEL, mark, png, sha, stage, waitUntil, width, withoutMetadata } from "./harness.mjs";

const { client, connect, sim, gateway, folder } = await stage();
const [RED, BLUE, LARGE] = [png([255, 0, 0]), png([0, 0, 255]), png([0, 255, 0], 300_000)];
const paths = Object.entries({ red: RED, blue: BLUE, large: LARGE }).map(([name, data]) => {
  const path = join(folder, `${name}.png`);
  writeFileSync(path, data);
  return path;
});
const [redPath, bluePath, largePath] = paths;

const filesOf = (call) => call.body.files.map((file) => [file.name, file.sha256]);
const bytesOf = async (item) => Buffer.from(item.b64_json ? Buffer.from(item.b64_json, "base64") : await (await fetch(item.url)).arrayBuffer());

for (const [model, asked, given] of [
  [undefined, undefined, "url"],
  ["auto", undefined, "url"],
  ["dall-e-3", undefined, "url"],
  ["gpt-image-1", undefined, "b64_json"],
  ["gpt-image-1", "url", "url"],
  [MODEL, "b64_json", "b64_json"],
  [MODEL, "url", "url"],
]) {
  test(`generate: model ${model}, response_format ${asked} gives ${given}`, async () => {
    const prompt = mark();
    const answer = await client.images.generate({ prompt, model, response_format: asked });
    assert.equal(answer.data.length, 1);
    assert.deepEqual(["url", "b64_json"].filter((name) => answer.data[0][name] != null), [given]);
    assert.equal(width(await bytesOf(answer.data[0])), 1024);
    assert.ok(Number.isInteger(answer.created));
    assert.equal((await sim.calls(prompt)).length, 1);
  });
}

test("generate: three pictures", async () => {
  const { data } = await client.images.generate({ prompt: mark(), model: "gpt-image-1", n: 3 });
  assert.equal(new Set(data.map((item) => item.b64_json)).size, 3);
});

test("generate: the answer's headers", async () => {
  const { data, response, request_id } = await client.images.generate({ prompt: mark(), model: MODEL }).withResponse();
  assert.equal(data.data.length, 1);
  assert.equal(response.headers.get("x-img-router-provider"), "NewApi");
  assert.equal(request_id, response.headers.get("x-request-id"));
  assert.ok(request_id);
});

test("generate: a stream of events", async () => {
  const events = [];
  for await (const event of await client.images.generate({ prompt: mark(), model: "gpt-image-1", n: 2, stream: true })) events.push(event);
  assert.deepEqual(events.map((event) => event.type), Array(2).fill("image_generation.completed"));
  for (const event of events) {
    for (const field of ["b64_json", "created_at", "size", "quality", "background", "output_format", "usage"]) assert.ok(field in event, field);
    assert.equal(width(Buffer.from(event.b64_json, "base64")), 1024);
  }
});

const forms = {
  "a file's stream": () => createReadStream(redPath),
  "a large file's stream": () => createReadStream(largePath),
  "a file from bytes": () => toFile(RED, "otter.png"),
  "a file of a wrong type": () => toFile(RED, "otter.webp", { type: "image/webp" }),
  "a file without a name": () => toFile(RED),
  "a web File": () => new File([RED], "blob"),
  "a fetch response": () => fetch(`${sim.url}/pic/90-64x64-0.png`),
};
for (const [name, form] of Object.entries(forms)) {
  test(`edit: ${name}`, async () => {
    const prompt = mark();
    const { data } = await client.images.edit({ image: await form(), prompt, model: MODEL });
    assert.equal(width(await bytesOf(data[0])), 1024);
    const [call, ...more] = await sim.calls(prompt);
    assert.equal(more.length, 0);
    const sent = name.includes("large") ? LARGE : name.includes("fetch") ? withoutMetadata(Buffer.from(await (await form()).arrayBuffer())) : RED;
    assert.deepEqual(filesOf(call), [["image", sha(sent)]]);
  });
}

test("edit: several pictures keep their order", async () => {
  const prompt = mark();
  await client.images.edit({ image: [createReadStream(bluePath), createReadStream(redPath)], prompt, model: MODEL });
  const [call] = await sim.calls(prompt);
  assert.deepEqual(filesOf(call), [["image[]", sha(BLUE)], ["image[]", sha(RED)]]);
});

test("edit: files after the fields, too", async () => {
  const prompt = mark();
  await client.images.edit({ prompt, model: MODEL, n: 1, size: "512x512", image: [createReadStream(redPath)] });
  const [call] = await sim.calls(prompt);
  assert.deepEqual(filesOf(call), [["image", sha(RED)]]);
});

test("edit: a stream of events", async () => {
  const kinds = [];
  for await (const event of await client.images.edit({ image: createReadStream(redPath), prompt: mark(), model: MODEL, stream: true })) kinds.push(event.type);
  assert.deepEqual(kinds, ["image_edit.completed"]);
});

test("variation", async () => {
  const { data } = await client.images.createVariation({ image: createReadStream(redPath), model: MODEL, response_format: "b64_json" });
  assert.equal(width(Buffer.from(data[0].b64_json, "base64")), 1024);
});

test("abort: the picture is kept, the platform is asked once", async () => {
  const prompt = mark();
  const control = new AbortController();
  const drawing = client.images.generate({ prompt: `${prompt} [sim delay=10000]`, model: MODEL }, { signal: control.signal });
  const aborted = assert.rejects(drawing, OpenAI.APIUserAbortError);
  await waitUntil("the platform draws", async () => (await sim.calls(prompt)).length === 1);
  control.abort();
  await aborted;
  const [file] = await waitUntil("the picture is stored", () => gateway.stored(prompt).length > 0 && gateway.stored(prompt));
  assert.equal(width(readFileSync(file)), 1024);
  assert.equal((await sim.calls(prompt)).length, 1);
});

test("time-out: the picture is kept", async () => {
  const prompt = mark();
  const drawing = connect({ timeout: 3000 }).images.generate({ prompt: `${prompt} [sim delay=10000]`, model: MODEL });
  await assert.rejects(drawing, OpenAI.APIConnectionTimeoutError);
  await waitUntil("the picture is stored", () => gateway.stored(prompt).length === 1);
  assert.equal((await sim.calls(prompt)).length, 1);
});
