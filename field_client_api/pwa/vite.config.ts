/**
 * How the phone's screens are built and tested. The service worker is an entry of its own, beside
 * the page, and is told at build time which files make up the shell. No addresses of any machine:
 * in development the server to talk to is named by CHANGMING_FIELD (default: port 8701).
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import vue from "@vitejs/plugin-vue";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const target = process.env["CHANGMING_FIELD"] ?? "http://127.0.0.1:8701";
const proxy = { "/v1": { target, ws: true, changeOrigin: false } };

/** Write the list of the shell's files, and a name that changes with them, into the worker. */
function shell(): Plugin {
  return {
    name: "changming-shell",
    enforce: "post",
    generateBundle(_options, bundle) {
      const content = createHash("sha256");
      const files = ["/"];
      for (const name of readdirSync("public").sort()) {
        content.update(name).update(readFileSync(`public/${name}`));
        files.push(`/${name}`);
      }
      for (const [name, part] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (name === "worker.js") continue;
        content.update(name).update(part.type === "chunk" ? part.code : part.source);
        if (name !== "index.html") files.push(`/${name}`);
      }
      const worker = bundle["worker.js"];
      if (worker?.type !== "chunk") throw new Error("the build has no service worker");
      if (worker.imports.length > 0) throw new Error("the service worker must stand alone");
      const told = worker.code
        .replaceAll("__SHELL_FILES__", JSON.stringify(files))
        .replaceAll("__SHELL_NAME__", JSON.stringify(`shell-${content.digest("hex").slice(0, 12)}`));
      if (told.includes("__SHELL_")) throw new Error("the service worker asks for what is not told");
      worker.code = told;
    },
  };
}

export default defineConfig({
  plugins: [vue(), shell()],
  build: {
    outDir: "dist",
    target: "es2022",
    rollupOptions: {
      input: { index: "index.html", worker: "src/shell/worker.ts" },
      output: { entryFileNames: (entry) => (entry.name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
  },
  server: { proxy },
  preview: { proxy },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
  },
});
