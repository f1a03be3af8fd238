// Bundles the program, Weft and PyTorch's rows into one file, for a machine without network: run `node weft-bench.mjs`
// there. With `--gpu` it is `node weft-gpu-bench.mjs`, which needs the package `webgpu` next to it. The JavaScript
// peers are not included.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const { values, positionals } = parseArgs({ options: { gpu: { type: "boolean" } }, allowPositionals: true });
const what =
  values.gpu === true
    ? { entry: "gpu/bench.ts", file: "weft-gpu-bench.mjs" }
    : { entry: "bench.ts", file: "weft-bench.mjs" };
const python = readdirSync(path("pytorch")).filter((name) => name.endsWith(".py") && name !== "accuracy.py");
const outfile = positionals[0] ?? path(`../dist/${what.file}`);

await build({
  entryPoints: [path(what.entry)],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["webgpu"],
  // Packages in CommonJS ask for what Node has.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  define: {
    PYTHON: JSON.stringify(
      Object.fromEntries(python.map((name) => [name, readFileSync(path(`pytorch/${name}`), "utf8")])),
    ),
  },
});
process.stdout.write(`${outfile}\n`);
