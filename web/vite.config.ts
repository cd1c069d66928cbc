import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where the gateway (or `npm run mock`) answers during development. */
const gateway = process.env.IMG_ROUTER_URL ?? "http://localhost:10001";

const policy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob: https:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

/** What must be in `early`: it runs before the rest is there, and so must not import from it. */
const EARLY = /src[\\/](app[\\/]early|api[\\/]begun|i18n[\\/]files)\.ts|vite[\\/]preload-helper/;

const OVER =
  /floating-ui|@mantine[\\/]core[\\/].*[\\/](Menu|Popover|Tooltip|Floating|FloatingArrow|Overlay|Portal|FocusTrap)[\\/]|src[\\/](app[\\/]shell[\\/]HeaderTools|ui[\\/]CopyButton)|Icon(Copy|Check|DeviceDesktop|Language|Logout|Moon|Sun|UserCircle)\\b/;

/** Gives what fetches ahead a tag of its own, before the others: see src/app/early.ts. */
function early(): Plugin {
  return {
    name: "early",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle = {} }) => {
        const chunk = Object.values(bundle).find(
          ({ type, fileName }) => type === "chunk" && /\bearly-/.test(fileName),
        );
        if (chunk?.type !== "chunk") throw new Error("there is no chunk `early`");
        if (chunk.imports.length > 0) throw new Error(`early imports ${chunk.imports.join(", ")}`);
        const tag = `<script type="module" async crossorigin src="/${chunk.fileName}"></script>\n    `;
        return html.replace("<script", () => `${tag}<script`);
      },
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [react(), early()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The panel's policy allows nothing inline, and small files cost little over one connection.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "early", test: EARLY, priority: 3 },
            // Changes least: stays in the cache from release to release.
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 2 },
            // What everything begins with, shell included, is one piece; what most other pages need is another:
            // hundreds of small ones would cost a round trip each.
            { name: "index", tags: ["$initial"], priority: 1 },
            // What opens over a page: menus and tooltips, which come after the first page.
            { name: "over", test: OVER },
            { name: "base", minShareCount: 5 },
          ],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(["/api", "/v1", "/storage"].map((path) => [path, { target: gateway }])),
  },
  preview: {
    port: 4173,
    // The policy that the gateway sends with the panel.
    headers: { "content-security-policy": policy },
    proxy: Object.fromEntries(["/api", "/v1", "/storage"].map((path) => [path, { target: gateway }])),
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    environment: "node",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
