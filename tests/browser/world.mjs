// A gateway that has been at work for a while: keys in every state, pictures, failures, an optimizer.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { operatorOf, startGateway, startSim, waitUntil } from "./harness.mjs";

const NOTES = `## What is new

- **Weighted routing**: platforms share the requests by weight.
- A request's page shows *every attempt* as a timeline, see [the manual](https://example.com/manual).

### Fixed
1. Keys that were cooling are used again on time.
2. \`retention.pictureDays\` is obeyed after a restart.

<script>alert("never run")</script>
`;

const PROMPTS = [
  ["a paper boat on a quiet lake, morning mist, soft light", "768x512"],
  ["黄昏时分的灯塔，浪花拍打礁石，水彩风格", "512x768"],
  ["an old observatory under the milky way", "640x480"],
  ["雪地里的一只红狐狸，毛发细节，逆光", "512x512"],
  ["isometric kitchen with plants, warm evening light", "768x432"],
  ["a cat that reads a map", "512x512"],
  ["江南水乡的石桥与乌篷船，水墨画", "768x512"],
  ["poster of a mountain railway, flat colours", "432x768"],
  ["macro photo of frost on a red leaf", "640x480"],
  ["一只橘猫坐在窗台上看雨", "512x640"],
  ["a lighthouse keeper's desk, charts, brass instruments, oil lamp", "768x512"],
  ["desert road at noon, one cloud, wide angle", "896x384"],
];

const uuid = (number) => `550e8400-e29b-41d4-a716-4466554400${String(number).padStart(2, "0")}`;

/** Answers in place of the release host. */
async function startReleases() {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([{ tag_name: "v2.1.0", body: NOTES, html_url: "https://example.com/releases/v2.1.0" }]));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  return { host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}/releases`, stop: () => new Promise((ended) => server.close(ended)) };
}

export async function startWorld({ pictures = 18, env } = {}) {
  const doubao = await startSim("ark", "--side", "640", "--fixed-size");
  const siliconFlow = await startSim("silicon-flow", "--side", "512", "--fixed-size");
  const relay = await startSim("open-ai");
  const chat = await startSim("chat", "--model", "qwen-plus", "--model", "deepseek-chat");
  const releases = await startReleases();
  const gateway = await startGateway({
    env,
    config: {
      providers: {
        Doubao: { baseUrl: `${doubao.url}/api/v3`, text: { weight: 30 } },
        SiliconFlow: { baseUrl: `${siliconFlow.url}/v1`, text: { weight: 20 }, edit: { weight: 0 } },
        NewApi: { baseUrl: `${relay.url}/v1`, text: { model: "flux-pro", modelMap: "house, poster" }, edit: { model: "flux-kontext" } },
      },
      promptOptimizer: { baseUrl: `${chat.url}/v1`, model: "qwen-plus", enableTranslate: false },
      security: { allowPrivate: [doubao, siliconFlow, relay, chat, releases].map(({ host }) => host).join(",") },
      update: { url: releases.url },
      system: { modes: { backend: true } },
    },
  });
  const operator = await operatorOf(gateway);
  const stop = async () => {
    await gateway.stop();
    for (const each of [doubao, siliconFlow, relay, chat, releases]) await each.stop();
  };
  try {
    return { ...(await fill({ operator, doubao, relay, pictures, url: gateway.url })), gateway, operator, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fill({ operator, doubao, relay, pictures, url }) {
  const add = (provider, key, name) => operator.post("/api/key-pool", { provider, action: "add", keyItem: { key, name } });
  const draw = (prompt, more = {}) => operator.send("POST", "/api/playground/v1/images/generations", { model: "NewApi/flux-pro", prompt, ...more });

  await operator.post("/api/access-key/rotate", {});
  for (let number = 1; number <= 4; number += 1) await add("Doubao", uuid(number), ["studio", "spare", "trial account", ""][number - 1]);
  await add("SiliconFlow", "sk-of-siliconflow-0123456789abcdefghij", "team");
  await add("NewApi", "sk-relay-0123456789abcdefghijklmnopqr", "relay");
  const many = Array.from({ length: 24 }, (_, number) => `A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5${String(number).padStart(2, "0")}`);
  await operator.post("/api/key-pool", { provider: "Gitee", action: "batch_add", keys: many.join("\n"), format: "auto" });
  await operator.post("/api/config/hf-map", { "z-image-turbo": { main: "https://z-image.example.com" } });

  for (let done = 0; done < pictures; done += 3) {
    const some = [0, 1, 2].map((step) => PROMPTS[(done + step) % PROMPTS.length]);
    const answers = await Promise.all(some.map(([prompt, size]) => draw(prompt, { size })));
    for (const answer of answers) assert.equal(answer.status, 200, await answer.text());
  }
  await (await draw("four views of a ceramic teapot", { n: 4, size: "512x512" })).text();

  // A key that its platform refuses, and one that has to rest: whichever a request meets first.
  for (const [number, answer, status] of [[3, "status=401 code=AuthenticationError", "disabled"], [2, "status=429 retry-after=900", "cooling"]]) {
    await doubao.script(answer, { key: uuid(number) });
    await waitUntil(`a key is ${status}`, async () => {
      await (await draw("a harbour in the rain", { model: "Doubao/auto" })).text();
      const { pool } = await operator.get("/api/key-pool?provider=Doubao");
      return pool.some((key) => key.status === status);
    });
  }
  // A request that has to go elsewhere, and two that fail.
  await doubao.script("status=500");
  await (await draw("a harbour at night, lights on the water", { model: "auto" })).text();
  await doubao.script(null);
  for (const [answer, prompt] of [["moderation", "something that a platform refuses to draw"], ["status=503", "a harbour at noon"]]) {
    await relay.script(answer);
    await (await draw(prompt)).text();
  }
  await relay.script(null);

  const client = await clients({ operator, url });

  const page = await operator.get("/api/gallery?limit=60");
  await operator.post("/api/gallery/favorite", { filenames: page.items.slice(2, 5).map(({ filename }) => filename), favorite: true });
  // Rows are written a moment after the answer.
  const failed = await waitUntil("failed requests are logged", async () => {
    const { items } = await operator.get("/api/requests?status=failed&limit=10");
    return items.length >= 2 && items;
  });
  const { items } = await operator.get("/api/requests?limit=50");
  const moved = items.find(({ outcome, attempts }) => outcome === "ok" && attempts.length > 1) ?? failed[0];
  return { failed: failed[0], moved, picture: page.items[1], client };
}

/** Callers with keys of their own, in every state; the id of one that has drawn. */
async function clients({ operator, url }) {
  const make = (name, more = {}) => operator.post("/api/client-keys", { name, ...more });
  const { key, item } = await make("Open WebUI", { requestsPerMinute: 60 });
  await make("Ana's phone, with a name that is rather long for a table", {
    models: ["auto", "flux-pro", "a-model-with-a-long-name/and-a-part-behind-a-slash"],
    concurrentRequests: 2,
    expires: Date.now() + 30 * 86_400_000,
  });
  const { item: off } = await make("工作室");
  await operator.send("PATCH", `/api/client-keys/${off.id}`, { enabled: false });
  const { item: over } = await make("Workshop");
  await operator.send("PATCH", `/api/client-keys/${over.id}`, { expires: Date.now() - 3_600_000 });
  const answer = await fetch(`${url}/v1/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "NewApi/flux-pro", prompt: "a bicycle against a white wall" }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await waitUntil("the request is logged", async () => (await operator.get(`/api/requests?client=key:${item.id}`)).items.length > 0);
  return item.id;
}
