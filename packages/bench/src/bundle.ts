// Writes the program, Weft and PyTorch's rows into one file, for a machine without network: `node weft-bench.mjs` there. The
// JavaScript peers are not in it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const outfile = process.argv[2] ?? path("../dist/weft-bench.mjs");

await build({
  entryPoints: [path("bench.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  define: { TORCH_ROWS: JSON.stringify(readFileSync(path("torch-rows.py"), "utf8")) },
});
process.stdout.write(`${outfile}\n`);
