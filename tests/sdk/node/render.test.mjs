// Answers in chat, shown by what clients show them with.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { withPage } from "./clients/browser.mjs";
import { MODEL, mark, stage } from "./harness.mjs";

const script = join(import.meta.dirname, "clients/renderers.mjs");
const open = await stage();
const closed = await stage({ publicAddress: false });
const RENDERERS = ["react-markdown 8", "react-markdown 9", "react-markdown 10", "marked and DOMPurify", "markdown-it", "showdown and DOMPurify"];
// Their defaults let no data URI through.
const NO_DATA = ["react-markdown 9", "react-markdown 10"];

async function answer({ client }, more) {
  const { choices } = await client.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: mark() }], ...more });
  const { content } = choices[0].message;
  return { content, sources: [...content.matchAll(/\]\(([^)]+)\)/g)].map((found) => found[1]) };
}

for (const n of [1, 3]) {
  test(`links to ${n} are shown by everything c08_68`, async () => {
    const { content, sources } = await answer(open, { n });
    assert.equal(sources.length, n);
    assert.ok(sources.every((source) => source.startsWith(`${open.gateway.url}/storage/`)));
    const shown = await withPage(script, (page) => page.evaluate((content) => globalThis.render(content), content));
    assert.deepEqual(shown, Object.fromEntries(RENDERERS.map((name) => [name, sources])));
  });
}

test("data URIs are shown by everything that shows any c08_68 c08_72", async () => {
  const { content, sources } = await answer(closed, { n: 2 });
  assert.ok(sources.length === 2 && sources.every((source) => source.startsWith("data:image/png;base64,")));
  const shown = await withPage(script, (page) => page.evaluate((content) => globalThis.render(content), content));
  assert.deepEqual(shown, Object.fromEntries(RENDERERS.map((name) => [name, NO_DATA.includes(name) ? [null, null] : sources])));
});

test("a page of another origin loads a picture and reads its pixels c08_74", async () => {
  const { sources } = await answer(open, {});
  const loaded = await withPage(script, (page) => page.evaluate((source) => globalThis.load(source), sources[0]));
  assert.deepEqual(loaded, [1024, 4]);
});
