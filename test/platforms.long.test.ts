// Where a platform forbids something: intrinsics that are frozen, WebAssembly that is switched off.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { expect, onTestFinished, test } from "vitest";
import { execute } from "./pack.ts";
import { root } from "./source-graph.ts";

const program = join(root, "test/platforms-program.ts");

/** A folder in the tree, so that the packages are found. */
function folder(): string {
  mkdirSync(join(root, ".work"), { recursive: true });
  const made = mkdtempSync(join(root, ".work/platforms-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("frozen intrinsics: a model learns, is saved and printed", async () => {
  expect(await execute(root, process.execPath, "--frozen-intrinsics", program)).toMatch(/^3 true 4 6\n/);
});

/** A program that opens the backend after some statement, and prints what is thrown. */
const opens = (before = "") =>
  `import("@weft/tensor-cpu").then(({ open }) => { ${before}; return open({}); }).catch((error) => console.log(String(error)));`;
const refused =
  /^UnsupportedError: open: the CPU backend needs WebAssembly .*, and this platform has none; @weft\/tensor-webgpu may work/;

test("without WebAssembly, open says what is missing and what may work", async () => {
  const file = join(folder(), "program.mjs");
  writeFileSync(file, opens("delete globalThis.WebAssembly"));
  expect(await execute(root, process.execPath, file)).toMatch(refused);
});

test("so it does in an engine without a compiler", async () => {
  const made = folder();
  writeFileSync(join(made, "program.mjs"), opens());
  // In one file of JavaScript: such an engine strips no types.
  await build({
    root: made,
    configFile: false,
    logLevel: "error",
    build: {
      ssr: true,
      outDir: made,
      emptyOutDir: false,
      rollupOptions: { input: join(made, "program.mjs"), output: { entryFileNames: "bundle.mjs" } },
    },
    ssr: { noExternal: true },
  });
  expect(await execute(root, process.execPath, "--jitless", join(made, "bundle.mjs"))).toMatch(refused);
});

test("without SIMD, open says so", async () => {
  const file = join(folder(), "program.mjs");
  writeFileSync(file, opens("WebAssembly.validate = () => false"));
  expect(await execute(root, process.execPath, file)).toMatch(
    /needs WebAssembly with SIMD, and this platform has none/,
  );
});
