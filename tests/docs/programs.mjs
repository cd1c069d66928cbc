/**
 * Runs the programs that the documentation shows, against the real gateway in demo mode: every block of
 * Python and JavaScript of the pages about clients, in the order of its page, in one folder per page.
 *
 *   IMG_ROUTER_BIN  the gateway               (target/debug/img-router)
 *   DOCS_PYTHON     a Python with the SDKs    (that of tests/sdk)
 *   DOCS_NODE       a folder with node_modules (that of tests/sdk/node)
 *
 * A block whose package is not there is left out and named. Those of the official SDKs must run.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const ROOT = resolve(import.meta.dirname, "../..");
const GATEWAY = process.env.IMG_ROUTER_BIN || join(ROOT, "target/debug/img-router");
const PYTHON = process.env.DOCS_PYTHON || join(ROOT, "tests/sdk/.venv/bin/python");
const NODE_MODULES = join(process.env.DOCS_NODE || join(ROOT, "tests/sdk/node"), "node_modules");
/** What the pages name, and what stands for it here. */
const ADDRESS = "http://localhost:10001";
const KEY = "choose-a-long-one";
const DEMO_KEY = "demo";
const PAGES = ["docs/clients", "docs/zh/clients"];
/** How long one program may take. */
const PATIENCE = 120_000;

const folder = mkdtempSync(join(tmpdir(), "img-router-docs-"));
let gateway;
let address;

before(async () => {
  const port = await new Promise((found) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
  address = `http://localhost:${port}`;
  const env = { PATH: process.env.PATH, IMG_ROUTER_DEMO: "1", IMG_ROUTER_DATA_DIR: join(folder, "data"), PORT: `${port}` };
  gateway = spawn(GATEWAY, ["serve"], { cwd: folder, env, stdio: "ignore" });
  for (const end = Date.now() + 20_000; ; await pause(50)) {
    assert.equal(gateway.exitCode, null, "the gateway ended");
    if ((await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null))?.ok) break;
    assert.ok(Date.now() < end, "the gateway is not ready");
  }
});

after(async () => {
  const ended = new Promise((end) => gateway.once("exit", end));
  gateway.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** The blocks of a page: language, code, and the line where it begins. */
function blocks(text) {
  return [...text.matchAll(/^```(python|js)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: code, index }) => ({
    language,
    code,
    line: text.slice(0, index).split("\n").length,
  }));
}

/** The packages that a program needs and that are not there. */
function missing({ language, code }) {
  if (language === "python") {
    const names = [...code.matchAll(/^(?:from|import) ([a-z0-9_]+)/gm)].map(([, name]) => name);
    return names.filter((name) => spawnSync(PYTHON, ["-c", `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`]).status !== 0);
  }
  const names = [...code.matchAll(/ from "([^"]+)"/g)].map(([, name]) => name).filter((name) => !name.startsWith("node:"));
  return names.filter((name) => !existsSync(join(NODE_MODULES, name)));
}

function run({ language, code }, cwd) {
  const file = join(cwd, language === "python" ? "program.py" : "program.mjs");
  writeFileSync(file, code.replaceAll(ADDRESS, address).replaceAll(KEY, DEMO_KEY));
  const program = language === "python" ? PYTHON : process.execPath;
  const env = { PATH: process.env.PATH, HOME: folder, NO_PROXY: "localhost", no_proxy: "localhost", PYTHONDONTWRITEBYTECODE: "1" };
  return spawnSync(program, [file], { cwd, env, encoding: "utf8", timeout: PATIENCE });
}

for (const pages of PAGES) {
  for (const name of readdirSync(join(ROOT, pages)).filter((name) => name.endsWith(".md"))) {
    const page = `${pages}/${name}`;
    for (const [at, block] of blocks(readFileSync(join(ROOT, page), "utf8")).entries()) {
      test(`${page}:${block.line} (${block.language})`, (context) => {
        const absent = missing(block);
        if (absent.length > 0 && !absent.includes("openai")) return context.skip(`${absent.join(", ")}: not installed`);
        const cwd = join(folder, page.replaceAll("/", "-"));
        if (!existsSync(cwd)) {
          mkdirSync(cwd);
          symlinkSync(NODE_MODULES, join(cwd, "node_modules"));
        }
        const before = new Set(readdirSync(cwd));
        const { status, stdout, stderr } = run(block, cwd);
        assert.equal(status, 0, `block ${at + 1}:\n${stdout}${stderr}`);
        // What a program saves is a picture.
        for (const file of readdirSync(cwd).filter((file) => file.endsWith(".png") && !before.has(file))) {
          assert.equal(readFileSync(join(cwd, file)).subarray(1, 4).toString(), "PNG", file);
        }
      });
    }
  }
}
