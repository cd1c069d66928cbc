/**
 * Runs the programs that the documentation shows, against the real gateway in demo mode: every block of
 * Python and JavaScript of the pages about clients, in the order of its page, in one folder per page.
 *
 *   IMG_ROUTER_BIN  the gateway                (target/debug/img-router)
 *   DOCS_PYTHON     a Python with the SDKs     (those of tests/sdk)
 *   DOCS_NODE       a folder with node_modules (that of tests/sdk/node)
 *
 * A block whose package is not there is left out and named. Those of the official SDKs must run.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const ROOT = resolve(import.meta.dirname, "../..");
const GATEWAY = process.env.IMG_ROUTER_BIN || join(ROOT, "target/debug/img-router");
/** Litellm and langchain pin another openai than the newest, so there are several. */
const PYTHONS = (process.env.DOCS_PYTHON ? [process.env.DOCS_PYTHON] : ["openai3/", "openai2/", ""].map((name) => join(ROOT, `tests/sdk/.venv/${name}bin/python`))).filter(existsSync);
const NODE_MODULES = join(process.env.DOCS_NODE || join(ROOT, "tests/sdk/node"), "node_modules");
/** Where several versions are installed side by side, the one that these programs are for. */
const VERSIONS = { openai: "openai6", ai: "ai6", "@ai-sdk/openai-compatible": "@ai-sdk/openai-compatible2" };
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

/** The packages that a program imports. */
function imports({ language, code }) {
  if (language === "python") return [...code.matchAll(/^(?:from|import) ([a-z0-9_]+)/gm)].map(([, name]) => name);
  return [...code.matchAll(/ from "([^"]+)"/g)].map(([, name]) => name).filter((name) => !name.startsWith("node:"));
}

/** The first Python that has them all. */
const pythonWith = (names) =>
  PYTHONS.find((python) => spawnSync(python, ["-c", `import importlib.util as i, sys; sys.exit(not all(map(i.find_spec, ${JSON.stringify(names)})))`]).status === 0);

const installed = (name) => [name, VERSIONS[name] ?? name].map((name) => join(NODE_MODULES, name)).find(existsSync);

/** Whether all that a program needs is there. */
function canRun(block) {
  const names = imports(block);
  return block.language === "python" ? pythonWith(names) !== undefined : names.every(installed);
}

/** Node finds the packages of a program beside it, under their own names. */
function putPackages(names, cwd) {
  for (const name of names) {
    const path = join(cwd, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) symlinkSync(installed(name), path);
  }
}

function run(block, cwd) {
  const { language, code } = block;
  const file = join(cwd, language === "python" ? "program.py" : "program.mjs");
  writeFileSync(file, code.replaceAll(ADDRESS, address).replaceAll(KEY, DEMO_KEY));
  const program = language === "python" ? pythonWith(imports(block)) : process.execPath;
  if (language === "js") putPackages(imports(block), cwd);
  const env = { PATH: process.env.PATH, HOME: folder, NO_PROXY: "localhost", no_proxy: "localhost", PYTHONDONTWRITEBYTECODE: "1" };
  return spawnSync(program, [file], { cwd, env, encoding: "utf8", timeout: PATIENCE });
}

for (const pages of PAGES) {
  for (const name of readdirSync(join(ROOT, pages)).filter((name) => name.endsWith(".md"))) {
    const page = `${pages}/${name}`;
    for (const [at, block] of blocks(readFileSync(join(ROOT, page), "utf8")).entries()) {
      test(`${page}:${block.line} (${block.language})`, (context) => {
        if (!canRun(block)) {
          assert.ok(!imports(block).includes("openai"), "the official SDK is not installed: tests/sdk/run does it");
          return context.skip(`not installed: ${imports(block).join(", ")}`);
        }
        const cwd = join(folder, page.replaceAll("/", "-"));
        mkdirSync(cwd, { recursive: true });
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
