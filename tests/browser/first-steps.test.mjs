// What an operator does on the first day, from the one-time link to signing out, in both languages.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort, openContext, PASSWORD, SHOTS, SOON, startBrowser, startGateway, startSim, waitUntil } from "./harness.mjs";
import { textsOf } from "./texts.mjs";

const DOUBAO_KEYS = ["550e8400-e29b-41d4-a716-446655440000", "7c9e6679-7425-40de-944b-e07fc1f90ae7"];
const SILICON_FLOW_KEY = "sk-of-siliconflow-0123456789abcdefghij";
const PROMPTS = {
  en: { boat: "a paper boat on a quiet lake", tower: "a lighthouse at dusk, waves below", cat: "a cat that reads a map" },
  "zh-CN": { boat: "平静湖面上的一只纸船", tower: "黄昏时分的灯塔，浪花拍岸", cat: "看地图的猫" },
};
/** The breaker opens after this many failures in a row, and a request tries a platform twice. */
const FAILURES_IN_ROW = 5;

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

for (const language of ["en", "zh-CN"]) {
  test(`the first day, ${language}`, { timeout: 900_000 }, async (story) => {
    const day = await begin(language);
    try {
      const rest = steps(day);
      let failed = false;
      while (rest.length > 0 && !failed) {
        const [name, run] = rest.shift();
        await story.test(name, async () => {
          failed = true;
          try {
            await run();
          } catch (error) {
            await day.page.screenshot({ path: `${SHOTS}/failed.${language}.png` });
            throw new Error(`${error.message}\n${day.window.problems.join("\n")}`, { cause: error });
          }
          day.window.sound();
          failed = false;
        });
      }
      if (rest.length > 0) story.diagnostic(`not reached: ${rest.map(([name]) => name).join("; ")}`);
    } finally {
      await day.end();
    }
  });
}

async function begin(language) {
  const size = ["--side", "640", "--fixed-size"];
  const doubao = await startSim("ark", ...size);
  const siliconFlow = await startSim("silicon-flow", ...size);
  const gateway = await startGateway({
    config: {
      providers: { Doubao: { baseUrl: `${doubao.url}/api/v3` }, SiliconFlow: { baseUrl: `${siliconFlow.url}/v1` } },
      security: { allowPrivate: `${doubao.host},${siliconFlow.host}` },
    },
  });
  const window = await openContext(browser, { locale: language, colorScheme: language === "en" ? "light" : "dark" });
  const page = await window.context.newPage();
  return {
    doubao,
    siliconFlow,
    gateway,
    window,
    page,
    language,
    t: textsOf(language),
    prompts: PROMPTS[language],
    end: async () => {
      await window.context.close();
      for (const each of [gateway, doubao, siliconFlow]) await each.stop();
    },
  };
}

function steps({ doubao, siliconFlow, gateway, window, page, language, t, prompts }) {
  /** The dashboard in a second tab: it must follow by itself. */
  let dashboard;
  /** Where the gateway is now. */
  let origin = gateway.url;

  const button = (name, scope = page) => scope.getByRole("button", { name, exact: true });
  const heading = (name, scope = page) => scope.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  const told = (text) => page.getByRole("alert").or(page.getByRole("status")).or(page.locator(".mantine-Notification-root")).filter({ hasText: text }).first().waitFor();
  const platform = (name, scope = page) => scope.getByRole("article", { name, exact: true });
  const badge = (name, state) => platform(name).getByText(t(`common:providerState.${state}`), { exact: true });
  /** What is drawn by a card with this link over it. */
  const card = (name, scope) => scope.locator(".mantine-Card-root").filter({ has: scope.getByRole("link", { name, exact: true }) });
  const pictures = () => page.getByRole("grid", { name: t("gallery:grid") }).getByRole("gridcell");
  const counted = (count) => waitUntil(`${count} pictures in the grid`, async () => (await pictures().count()) === count);
  const cell = (prompt) => pictures().filter({ has: page.getByRole("button", { name: t("gallery:cell.open", { prompt }), exact: true }) });

  const go = async (name) => {
    await page.getByRole("navigation", { name: t("common:nav.label") }).getByRole("link", { name: t(`common:nav.${name}`), exact: true }).click();
    await heading(t(`common:nav.${name}`));
  };

  /** Draws in the playground; answers the card of the result. */
  const draw = async (prompt) => {
    await go("playground");
    await page.getByLabel(t("playground:prompt"), { exact: true }).fill(prompt);
    await button(t("playground:draw")).click();
    const result = page.getByRole("region", { name: t("playground:results.title") }).getByRole("article", { name: prompt, exact: true }).first();
    await result.getByText(t("playground:state.done"), { exact: true }).waitFor();
    await result.getByRole("link", { name: t("playground:request"), exact: true }).waitFor();
    await shown(result.getByRole("img", { name: prompt }));
    return result;
  };
  const drawnBy = (result, name) => result.getByText(`· ${name}`, { exact: true }).waitFor();
  const shown = async (image) => {
    await image.first().waitFor();
    await waitUntil("the picture is loaded", () => image.first().evaluate((element) => element.complete && element.naturalWidth > 0));
  };

  /** A tab in the background is hardly painted: looked at, it is in front. */
  const onDashboard = async (look) => {
    await dashboard.bringToFront();
    await look();
    await page.bringToFront();
  };

  const addKeys = async (name) => {
    await go("keys");
    await page.getByRole("tab", { name: new RegExp(`^${name}`) }).click();
    await button(t("keys:add.open")).first().click();
    return page.getByRole("dialog", { name: t("keys:add.title", { name }) });
  };

  /** What is changed is shown before it is stored. */
  const settingsStored = () =>
    page.waitForResponse((answer) => answer.request().method() === "POST" && answer.url().endsWith("/api/runtime-config") && answer.ok());

  const turn = async (name, on) => {
    const use = page.getByRole("switch", { name: t("channel:platforms.use", { name }), exact: true });
    assert.equal(await use.isChecked(), !on);
    const stored = settingsStored();
    await use.press("Space");
    await badge(name, on ? "closed" : "off").waitFor();
    await stored;
    await waitUntil("the switch shows what is stored", async () => (await use.isChecked()) === on);
  };

  const cascade = () => page.getByRole("list", { name: t("channel:cascade.title") }).getByRole("listitem");
  const places = async () => (await cascade().allInnerTexts()).map((text) => ["Doubao", "SiliconFlow"].find((name) => text.includes(name))).filter(Boolean);
  const handle = (name) => button(t("channel:cascade.move", { name }));
  const saved = () => waitUntil("the weights are saved", async () => (await page.getByText(t("channel:cascade.saved")).count()) > 0);

  return [
    [
      "a stranger is led to the set-up, which asks for the token of the log",
      async () => {
        await page.goto(`${gateway.url}/admin`);
        await heading(t("auth:setup.title"));
        await page.getByLabel(t("auth:setup.token"), { exact: true }).waitFor();
        assert.equal(await page.locator("html").getAttribute("lang"), language);
      },
    ],
    [
      "the link of the log lets a password be set",
      async () => {
        await page.goto(gateway.link);
        await heading(t("auth:setup.title"));
        await page.getByLabel(t("common:newPassword.label"), { exact: true }).fill(PASSWORD);
        await page.getByLabel(t("common:newPassword.again"), { exact: true }).fill(PASSWORD);
        await button(t("auth:setup.submit")).click();
        await heading(t("common:nav.dashboard"));
        await page.getByText(t("dashboard:pictures.emptyTitle")).waitFor();
        dashboard = await window.context.newPage();
        await dashboard.goto(`${origin}/admin`);
        await onDashboard(() => card(t("dashboard:tiles.requests"), dashboard).getByText("0", { exact: true }).waitFor());
      },
    ],
    [
      "keys are pasted, and looked at before they are taken",
      async () => {
        const [one, other] = DOUBAO_KEYS;
        const paste = async (lines, verdicts) => {
          const dialog = await addKeys("Doubao");
          await dialog.getByLabel(t("keys:add.keys"), { exact: true }).fill(lines.join("\n"));
          for (const verdict of verdicts) {
            await dialog.getByRole("status").getByText(`${t(`keys:preview.${verdict}`)} 1`, { exact: true }).waitFor();
          }
          await button(t("keys:add.import", { count: 1 }), dialog).click();
          await dialog.waitFor({ state: "hidden" });
        };
        await paste([one], ["new"]);
        await told(t("keys:add.added", { count: 1 }));
        await paste([one, other, "not a key"], ["new", "duplicate", "wrong_format"]);
        for (const key of DOUBAO_KEYS) await page.getByRole("row").filter({ hasText: key.slice(-4) }).first().waitFor();
        assert.equal((await page.content()).includes(one), false, "a key is never shown again");
      },
    ],
    [
      "one key is added by itself, with a name",
      async () => {
        const dialog = await addKeys("SiliconFlow");
        await dialog.getByRole("tab", { name: t("keys:add.one"), exact: true }).click();
        await dialog.getByLabel(t("keys:add.key"), { exact: true }).fill(SILICON_FLOW_KEY);
        await dialog.getByLabel(t("keys:edit.name"), { exact: true }).fill("mine");
        await button(t("common:action.add"), dialog).click();
        await dialog.waitFor({ state: "hidden" });
        await page.getByRole("row").filter({ hasText: "mine" }).waitFor();
      },
    ],
    [
      "platforms are switched off and on",
      async () => {
        await go("channels");
        await badge("SiliconFlow", "closed").waitFor();
        await turn("SiliconFlow", false);
        await turn("Doubao", false);
        await turn("Doubao", true);
      },
    ],
    [
      "a picture is drawn in the playground",
      async () => {
        await drawnBy(await draw(prompts.boat), "Doubao");
        const [order] = await doubao.orders();
        assert.ok(DOUBAO_KEYS.includes(order.key), "with one of the keys");
      },
    ],
    [
      "it arrives on the dashboard, which nobody reloads",
      async () => {
        await onDashboard(async () => {
          await card(t("dashboard:tiles.requests"), dashboard).getByText("1", { exact: true }).waitFor();
          await card(t("dashboard:tiles.pictures"), dashboard).getByText("1", { exact: true }).waitFor();
          await shown(dashboard.getByRole("img", { name: prompts.boat }));
        });
      },
    ],
    ["it arrives in the request log, with its attempt", () => inRequestLog(prompts.boat)],
    [
      "it arrives in the gallery",
      async () => {
        await go("gallery");
        await counted(1);
        await shown(cell(prompts.boat).locator("img"));
      },
    ],
    [
      "pictures are found by their words",
      async () => {
        await draw(prompts.tower);
        await draw(prompts.cat);
        await go("gallery");
        await counted(3);
        const search = page.getByRole("searchbox", { name: t("gallery:search"), exact: true });
        await search.fill(language === "en" ? "LIGHTHOUSE waves" : "灯塔");
        await counted(1);
        await cell(prompts.tower).waitFor();
        await search.fill(language === "en" ? "volcano" : "火山");
        await page.getByText(t("gallery:none.title"), { exact: true }).waitFor();
        await search.fill("");
        await counted(3);
      },
    ],
    [
      "one is made a favourite",
      async () => {
        await cell(prompts.tower).hover();
        await button(t("gallery:cell.favorite"), cell(prompts.tower)).click();
        const favourites = button(t("gallery:filter.favorites"), page.getByRole("search"));
        await favourites.click();
        await counted(1);
        await cell(prompts.tower).waitFor();
        await favourites.click();
        await counted(3);
      },
    ],
    [
      "one is looked at, with all that is known of it",
      async () => {
        await button(t("gallery:cell.open", { prompt: prompts.tower }), cell(prompts.tower)).click();
        const details = page.getByRole("complementary", { name: t("gallery:viewer.details") });
        await details.getByText(prompts.tower, { exact: true }).waitFor();
        await details.getByText("Doubao", { exact: true }).first().waitFor();
        await shown(page.getByRole("dialog").getByRole("img", { name: prompts.tower }));
        await page.keyboard.press("Escape");
        await details.waitFor({ state: "hidden" });
      },
    ],
    [
      "one is deleted, and brought back",
      async () => {
        await cell(prompts.cat).hover();
        await button(t("gallery:cell.select"), cell(prompts.cat)).click();
        await button(t("gallery:selection.delete"), page.getByRole("toolbar", { name: t("gallery:selection.label") })).click();
        await counted(2);
        await told(t("gallery:deleted", { count: 1 }));
        await page.reload();
        await counted(2);
        // The way back is in the message, which a reload has taken: once more, in the other way.
        await button(t("gallery:cell.open", { prompt: prompts.boat }), cell(prompts.boat)).focus();
        await page.keyboard.press("Delete");
        await counted(1);
        await button(t("common:action.undo")).click();
        await counted(2);
        await cell(prompts.boat).waitFor();
        await shown(cell(prompts.boat).locator("img"));
      },
    ],
    [
      "weights follow a dragged platform, and the next request follows the weights",
      async () => {
        await go("channels");
        await turn("SiliconFlow", true);
        assert.deepEqual(await places(), ["Doubao", "SiliconFlow"]);
        await cascade().first().scrollIntoViewIfNeeded();
        const from = await handle("SiliconFlow").boundingBox();
        const to = await cascade().first().boundingBox();
        await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
        await page.mouse.down();
        await page.mouse.move(from.x + from.width / 2, to.y + to.height / 2, { steps: 12 });
        await waitUntil("it is over the first place", async () =>
          (await page.getByText(t("channel:cascade.drag.over", { name: "SiliconFlow", place: 1, count: await cascade().count() })).count()) > 0);
        await page.mouse.up();
        await waitUntil("the order is the new one", async () => (await places())[0] === "SiliconFlow");
        await saved();
        await drawnBy(await draw(`${prompts.boat} 2`), "SiliconFlow");
        assert.equal((await siliconFlow.orders()).length, 1);
      },
    ],
    [
      "the same with the keyboard",
      async () => {
        await go("channels");
        const count = await cascade().count();
        const says = async (key, place) => (await page.getByText(t(`channel:cascade.drag.${key}`, { name: "Doubao", place, count })).count()) > 0;
        await handle("Doubao").focus();
        await page.keyboard.press("Space");
        await waitUntil("it is lifted", async () => (await says("start", 2)) || (await says("over", 2)));
        await waitUntil("it is at the first place", async () => {
          await page.keyboard.press("ArrowUp");
          return says("over", 1);
        });
        const stored = settingsStored();
        await page.keyboard.press("Space");
        await waitUntil("the order is the new one", async () => (await places())[0] === "Doubao");
        await stored;
        await saved();
        await drawnBy(await draw(`${prompts.boat} 3`), "Doubao");
      },
    ],
    [
      "a platform breaks: others step in, and its state shows it",
      async () => {
        await doubao.script("status=500");
        const before = (await doubao.orders()).length;
        for (let number = 0; (await doubao.orders()).length - before < FAILURES_IN_ROW; number += 1) {
          assert.ok(number < FAILURES_IN_ROW, "every request asks it first");
          await drawnBy(await draw(`${prompts.cat} ${number}`), "SiliconFlow");
        }
        await go("channels");
        await badge("Doubao", "open").waitFor();
        await platform("Doubao").getByText(t("common:outcome.upstream_fault")).waitFor();
        await onDashboard(() => card("Doubao", dashboard).getByText(t("common:providerState.open"), { exact: true }).waitFor());
        const asked = (await doubao.orders()).length;
        await drawnBy(await draw(`${prompts.cat} !`), "SiliconFlow");
        assert.equal((await doubao.orders()).length, asked, "it is left alone");
      },
    ],
    [
      "it recovers, and is used again",
      async () => {
        await doubao.script(null);
        await go("channels");
        await button(t("channel:platforms.test"), platform("Doubao")).click();
        const dialog = page.getByRole("dialog", { name: t("channel:test.title", { name: "Doubao" }) });
        await button(t("channel:test.run"), dialog).click();
        await shown(dialog.locator("img"));
        await button(t("common:action.close"), dialog).click();
        await dialog.waitFor({ state: "hidden" });
        await badge("Doubao", "closed").waitFor();
        await onDashboard(() => card("Doubao", dashboard).getByText(t("common:providerState.closed"), { exact: true }).waitFor());
        await drawnBy(await draw(`${prompts.tower} 2`), "Doubao");
      },
    ],
    [
      "the port moves, and the work goes on",
      async () => {
        const port = await freePort();
        await dashboard.close();
        await go("settings");
        await page.getByRole("tab", { name: t("setting:tabs.system"), exact: true }).click();
        await page.getByLabel(t("settings:system.port.label"), { exact: true }).fill(String(port));
        await button(t("common:action.save")).click();
        await page.waitForURL((url) => url.port === String(port), { timeout: SOON });
        origin = new URL(page.url()).origin;
        await heading(t("common:nav.settings"));
        assert.equal(await page.getByLabel(t("settings:system.port.label"), { exact: true }).inputValue(), String(port));
        await drawnBy(await draw(`${prompts.boat} 4`), "Doubao");
        await go("gallery");
        await cell(`${prompts.boat} 4`).waitFor();
      },
    ],
    [
      "signing out shuts the panel, and the password opens it",
      async () => {
        await button(t("common:shell.account")).click();
        // What the panel asks for meanwhile may be refused already.
        await window.expect(/status of 401/, async () => {
          await page.getByRole("menuitem", { name: t("common:shell.signOut"), exact: true }).click();
          await heading(t("auth:login.title"));
        });
        await page.goto(`${origin}/keys`);
        await heading(t("auth:login.title"));
        await page.getByLabel(t("auth:password"), { exact: true }).fill(PASSWORD);
        await button(t("auth:login.submit")).click();
        await heading(t("common:nav.keys"));
      },
    ],
    [
      "another password asks for the present one",
      async () => {
        await go("settings");
        await page.getByRole("tab", { name: t("setting:tabs.security"), exact: true }).click();
        const present = page.getByLabel(t("setting:password.current"), { exact: true });
        const change = async (current) => {
          await present.fill(current);
          await page.getByLabel(t("common:newPassword.label"), { exact: true }).fill("another password");
          await page.getByLabel(t("common:newPassword.again"), { exact: true }).fill("another password");
          await button(t("setting:password.change")).click();
        };
        await window.expect(/status of 400/, async () => {
          await change("not the password");
          await page.locator(".mantine-PasswordInput-root").filter({ has: present }).locator(".mantine-PasswordInput-error").waitFor();
        });
        await change(PASSWORD);
        await told(t("setting:password.changed"));
        await go("keys");
      },
    ],
    [
      "the other language is a click away",
      async () => {
        const other = language === "en" ? "zh-CN" : "en";
        await button(t("common:shell.language")).click();
        await page.getByRole("menuitemradio", { name: { en: "English", "zh-CN": "简体中文" }[other], exact: true }).click();
        await heading(textsOf(other)("common:nav.keys"));
        await waitUntil("the document says its language", async () => (await page.locator("html").getAttribute("lang")) === other);
        const files = readdirSync(join(gateway.data, "storage"), { recursive: true });
        assert.ok(files.some((name) => name.endsWith(".png") || name.endsWith(".jpg")), "pictures are in the folder");
      },
    ],
  ];

  async function inRequestLog(prompt) {
    await go("requests");
    const row = page.getByRole("list", { name: t("common:nav.requests") }).getByRole("listitem").filter({ hasText: prompt });
    await row.getByText(t("common:outcome.ok"), { exact: true }).waitFor();
    await shown(row.locator("img"));
    await row.getByRole("link").click();
    await heading(t("requests:one.title"));
    const attempts = page.getByRole("region", { name: t("requests:one.attempts"), exact: true });
    await attempts.getByText("Doubao").first().waitFor();
    await shown(page.getByRole("img", { name: prompt }));
  }
}
