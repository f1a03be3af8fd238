// The site: where its pages are, what its menus say, and how it is served and built.
import { defineConfig } from "vitepress";
import llms from "vitepress-plugin-llms";
import { declarationsPlugin } from "../src/editor/declarations.ts";
import { liveCells } from "../src/markdown/cells.ts";
import { policy } from "../src/markdown/policy.ts";

const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  title: "Weft",
  description: "Deep learning in plain TypeScript, in Node and in the browser, on the CPU and on the GPU",
  lang: "en-US",
  srcDir: "pages",
  outDir: "dist/static",
  cleanUrls: false, // any host serves the files as they are
  metaChunk: true,
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Tutorials", link: "/tutorials/quick-start", activeMatch: "^/tutorials/" },
    ],
    sidebar: [
      {
        text: "Tutorials",
        items: [
          { text: "Quick start", link: "/tutorials/quick-start" },
          { text: "TypeScript and tensors", link: "/tutorials/tensors" },
        ],
      },
    ],
    outline: [2, 3],
    docFooter: { prev: "Before", next: "Next" },
  },
  markdown: { config: liveCells },
  transformHtml: policy,
  vite: {
    plugins: [llms(), declarationsPlugin()],
    server: { headers },
    preview: { headers },
    // @valtown/codemirror-ts imports TypeScript without saying so: it gets the one that has a JavaScript API.
    resolve: { dedupe: ["typescript"] },
    worker: { format: "es" },
    build: { target: "es2023" },
    esbuild: { target: "es2023" },
  },
});
