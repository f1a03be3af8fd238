// How the page is served and built. The two headers isolate it from other sites, which gives it shared memory; it runs
// without them too.
import { defineConfig } from "vite";

const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  base: "./", // the built page works in any folder
  server: { headers },
  preview: { headers },
  worker: { format: "es" }, // allows loading a backend on first use
  build: { target: "es2023" },
});
