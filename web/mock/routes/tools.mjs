import { sendJson } from "../http.mjs";
import { gallery } from "../world.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const NOTES = `## What is new

- **Weighted routing**: platforms can share requests by weight.
- A *request's page* shows every attempt as a timeline.
- Faster thumbnails, see [the manual](https://example.com/manual).

### Fixed
1. Keys that were cooling are used again on time.
2. \`retention.pictureDays\` is obeyed after a restart.
`;

const optimizer = {
  baseUrl: "https://llm.example.com/v1",
  model: "qwen-plus",
  apiKey: "********",
  enableTranslate: true,
  translatePrompt: "",
  translateMaxLength: 5000,
  enableExpand: false,
  expandPrompt: "",
  expandMaxLength: 5000,
  perPicture: false,
  defaults: {
    translatePrompt: "Translate the prompt into English. Answer with the translation only.",
    expandPrompt:
      "Expand the prompt with visual details: subject, light, lens, style. Answer with the prompt only.",
  },
};

export default [
  ["GET", "/api/config/prompt-optimizer", ({ response }) => sendJson(response, optimizer)],
  [
    "POST",
    "/api/config/prompt-optimizer",
    ({ body, response }) => sendJson(response, Object.assign(optimizer, body, { apiKey: "********" })),
  ],
  [
    "POST",
    "/api/tools/test-prompt-optimizer",
    async ({ body, response }) => {
      await pause(900);
      const before = body.prompt ?? "一只猫";
      const after = "A ginger cat on a windowsill watching the rain, watercolour, soft light";
      sendJson(response, {
        ok: true,
        message: "",
        url: optimizer.baseUrl,
        model: optimizer.model,
        before,
        after,
        durationMs: 912,
      });
    },
  ],
  [
    "POST",
    "/api/tools/fetch-models",
    ({ response }) => sendJson(response, { ok: true, models: ["qwen-plus", "qwen-max", "deepseek-chat"] }),
  ],
  [
    "POST",
    "/api/tools/test-newapi-key",
    async ({ body, response }) => {
      await pause(600);
      const ok = !String(body.key).includes("bad");
      sendJson(response, {
        ok,
        message: ok ? "The endpoint answered with 4 models." : "401: the key was refused.",
        models: ok ? ["gpt-image-2", "flux-pro", "flux-kontext-max", "ideogram-v3"] : [],
      });
    },
  ],
  [
    "POST",
    "/api/tools/test-channel",
    async ({ body, response }) => {
      await pause(2_200);
      const ok = body.provider !== "Gitee";
      const attempt = {
        provider: body.provider,
        model: "test",
        key: "...9f3c",
        keyId: "k1",
        startedMs: 3,
        durationMs: 2_140,
        outcome: ok ? "ok" : "overloaded",
        message: ok ? "" : "503: the model queue is full",
        next: null,
      };
      const message = ok ? "The channel drew a picture." : "Gitee is overloaded: the model queue is full.";
      sendJson(response, {
        ok,
        message,
        durationMs: 2_143,
        picture: ok ? gallery[0] : null,
        attempts: [attempt],
      });
    },
  ],
  [
    "POST",
    "/api/tools/test-storage",
    ({ response }) => sendJson(response, { ok: true, message: "Wrote, read and deleted a test object." }),
  ],
  [
    "POST",
    "/api/tools/test-image-bed",
    ({ response }) => sendJson(response, { ok: false, message: "No image bed is configured.", url: null }),
  ],
  [
    "GET",
    "/api/update/check",
    async ({ query, response }) => {
      if (query.get("force")) await pause(800);
      sendJson(response, {
        current: "2.0.0",
        latest: "2.1.0",
        newer: true,
        notes: NOTES,
        url: "https://example.com/releases/2.1.0",
        checked: Date.now() - 1_500_000,
        error: null,
      });
    },
  ],
];
