import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
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

export default defineConfig({
  base: "/",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The panel's policy allows nothing inline, and small files cost little over one connection.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // The charts: loaded after the page that shows them.
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        // What most pages need comes in one piece: hundreds of small ones would cost a round trip each.
        codeSplitting: { groups: [{ name: "base", minShareCount: 6 }] },
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
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
