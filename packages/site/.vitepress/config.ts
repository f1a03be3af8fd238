// The site: where its pages are, what its menus say, and how it is served and built.
import { join } from "node:path";
import { defineConfig, type DefaultTheme } from "vitepress";
import llms from "vitepress-plugin-llms";
import { declarationsPlugin } from "../src/editor/declarations.ts";
import { typescriptBeside, typescriptFile } from "../src/editor/typescript-file.ts";
import { loadedInPages } from "../src/manifests.ts";
import { liveCells, shortCode } from "../src/markdown/cells.ts";
import { policy } from "../src/markdown/policy.ts";
import { referenceMenu } from "../src/reference/entries.ts";
import { generateReference } from "../src/reference/generate.ts";
import { renderForSearch } from "../src/reference/search.ts";

/** Isolates pages from other sites, so that they have shared memory. VitePress sends its pages past Vite's own headers. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

type Handle = (
  request: unknown,
  response: { setHeader(name: string, value: string): unknown },
  next: () => void,
) => void;
const isolated = {
  name: "weft-isolated",
  configureServer({ middlewares }: { readonly middlewares: { use(handle: Handle): unknown } }) {
    middlewares.use((_, response, next) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      next();
    });
  },
};

/** Pages of the reference have its menu, all others the one that is given. */
const menus = (menu: DefaultTheme.SidebarItem[]): DefaultTheme.SidebarMulti => ({
  "/": menu,
  "/reference/": [{ text: "Reference", link: "/reference/", items: referenceMenu }],
});

/** The pages of the reference below those of its packages. */
const members = "reference/**/{classes,functions,namespaces}/**";

await generateReference(join(import.meta.dirname, "../pages/reference"));

export default defineConfig({
  title: "Weft",
  description: "Deep learning in plain TypeScript, in Node and in the browser, on the CPU and on the GPU",
  lang: "en-US",
  srcDir: "pages",
  outDir: "dist/static",
  cleanUrls: false, // any host serves the files as they are
  metaChunk: true,
  themeConfig: {
    search: { provider: "local", options: { _render: renderForSearch } },
    nav: [
      { text: "Tutorials", link: "/tutorials/quick-start", activeMatch: "^/tutorials/" },
      { text: "Guides", link: "/guides/install", activeMatch: "^/guides/" },
      { text: "Reference", link: "/reference/", activeMatch: "^/reference/" },
      { text: "Playground", link: "/playground" },
    ],
    sidebar: menus([
      {
        text: "Tutorials",
        items: [
          { text: "How fast is it?", link: "/tutorials/how-fast" },
          { text: "TypeScript and tensors in an hour", link: "/tutorials/tensors" },
          { text: "Quick start", link: "/tutorials/quick-start" },
          { text: "MNIST", link: "/tutorials/mnist" },
          { text: "Learning", link: "/tutorials/learning" },
          { text: "Iterators", link: "/tutorials/iterators" },
          { text: "Creating a model", link: "/tutorials/creating-a-model" },
          { text: "MLP", link: "/tutorials/mlp" },
          { text: "CNN", link: "/tutorials/cnn" },
          { text: "Recurrent networks", link: "/tutorials/rnn" },
          { text: "Sentiment", link: "/tutorials/sentiment" },
          { text: "Language model", link: "/tutorials/language-model" },
          { text: "Sequence to sequence", link: "/tutorials/seq2seq" },
          { text: "Attention: a small GPT on one page", link: "/tutorials/attention" },
          { text: "One model, two backends", link: "/tutorials/two-backends" },
        ],
      },
      {
        text: "Guides",
        items: [
          { text: "Install", link: "/guides/install" },
          { text: "Tensors", link: "/guides/tensors" },
          { text: "Gradients", link: "/guides/gradients" },
          { text: "When things run, and when they die", link: "/guides/scope" },
          { text: "Train and evaluate", link: "/guides/training" },
          { text: "Save and load", link: "/guides/saving" },
          { text: "Two backends", link: "/guides/backends" },
          { text: "Recipes", link: "/guides/recipes" },
          { text: "Performance", link: "/guides/performance" },
          { text: "Determinism", link: "/guides/determinism" },
          { text: "Errors and what they mean", link: "/guides/errors" },
          { text: "Edge cases", link: "/guides/conventions" },
          { text: "How it works", link: "/guides/how-it-works" },
        ],
      },
      {
        text: "Write your own",
        items: [
          { text: "Operation", link: "/guides/write-an-operation" },
          { text: "Layer", link: "/guides/write-a-layer" },
          { text: "Optimizer", link: "/guides/write-an-optimizer" },
          { text: "Backend", link: "/guides/write-a-backend" },
        ],
      },
      {
        text: "Coming from",
        items: [
          { text: "Knet", link: "/guides/from-knet" },
          { text: "PyTorch", link: "/guides/from-pytorch" },
          { text: "TensorFlow.js", link: "/guides/from-tensorflow-js" },
        ],
      },
      {
        text: "Figures",
        items: [
          { text: "Results", link: "/results" },
          { text: "Benchmarks", link: "/benchmarks" },
        ],
      },
    ]),
    outline: [2, 3],
    docFooter: { prev: "Previous", next: "Next" },
  },
  markdown: {
    config(md) {
      liveCells(md);
      shortCode(md);
    },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    // On a busy machine the first lines take longer than the half second after which Shiki leaves a line plain.
    codeTransformers: [
      {
        preprocess(_, options) {
          options.tokenizeTimeLimit = 0;
        },
      },
    ],
  },
  transformHtml: policy,
  transformPageData({ relativePath, frontmatter }) {
    // Names have no order.
    if (relativePath.startsWith("reference/")) Object.assign(frontmatter, { prev: false, next: false });
  },
  vite: {
    plugins: [
      isolated,
      llms({ ignoreFilesPerOutput: { llmsTxt: [members], llmsFullTxt: [members], pages: [members] } }),
      declarationsPlugin(),
      typescriptFile(),
    ],
    // @valtown/codemirror-ts imports TypeScript without saying so: it gets the one that has a JavaScript API.
    resolve: { dedupe: ["typescript"] },
    worker: { format: "es", plugins: () => [typescriptBeside()] },
    optimizeDeps: {
      // What only workers and later parts import: found late, it would load the page anew.
      include: [
        ...loadedInPages(),
        "@codemirror/autocomplete",
        "@codemirror/lang-javascript",
        "@codemirror/language",
        "@codemirror/state",
        "@codemirror/view",
        "@lezer/highlight",
        "@typescript/vfs",
        "@valtown/codemirror-ts",
        "@valtown/codemirror-ts/worker",
        "acorn",
        "codemirror",
        "comlink",
        "estree-walker",
        "fflate",
        "is-reference",
        "magic-string",
        "node-inspect-extracted",
        "periscopic",
        "sucrase",
        "typescript",
        "uplot",
      ],
    },
    build: { target: "es2023", reportCompressedSize: false, chunkSizeWarningLimit: 4000 },
    esbuild: { target: "es2023" },
  },
});
