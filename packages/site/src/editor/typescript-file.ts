// TypeScript as a file of the built site. Bundled with the worker that uses it, its nine megabytes would take most of the
// time of a build, so it is made a module and minified by itself.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transform } from "esbuild";

const require = createRequire(import.meta.url);
const { version } = require("typescript/package.json") as { readonly version: string };
const name = `typescript-${version}.js`;

/** For the build of workers: the file lies beside them. */
export const typescriptBeside = () => ({
  name: "weft-typescript-beside",
  enforce: "pre" as const,
  apply: "build" as const,
  resolveId: (source: string) => (source === "typescript" ? { id: `./${name}`, external: true as const } : undefined),
});

/** Puts the file into the build. */
export const typescriptFile = () => ({
  name: "weft-typescript-file",
  apply: (_: unknown, { command, isSsrBuild }: { readonly command: string; readonly isSsrBuild?: boolean }) =>
    command === "build" && isSsrBuild !== true,
  async generateBundle(this: { emitFile(file: object): string }) {
    const text = readFileSync(require.resolve("typescript/lib/typescript.js"), "utf8");
    const { code } = await transform(`${text}\nexport default ts;`, {
      minify: true,
      format: "esm",
      legalComments: "none",
    });
    this.emitFile({ type: "asset", fileName: `assets/${name}`, source: code });
  },
});
