/**
 * How the console is built and tested. No addresses of any machine: in development the
 * server to talk to is named by CHANGMING_CONSOLE (default: the console on port 8700).
 */
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

const target = process.env["CHANGMING_CONSOLE"] ?? "http://127.0.0.1:8700";

const proxy = {
  "/api": { target, ws: true, changeOrigin: false },
  "/tiles": { target },
};

export default defineConfig({
  plugins: [vue()],
  worker: { format: "es" },
  build: {
    outDir: "dist",
    target: "es2022",
    // The map engine alone is over a megabyte; it is loaded once and kept.
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy },
  preview: { proxy },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
  },
});
