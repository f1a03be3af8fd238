// The READMEs' examples are programs: they pass the type check and run.
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everything } from "./extent.ts";
import { compileHere, execute } from "./pack.ts";
import { root } from "./source-graph.ts";

mkdirSync(join(root, ".work"), { recursive: true });
const folder = mkdtempSync(join(root, ".work/readme-")); // in the tree, so that the packages are found
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** READMEs, how many of their blocks are one program (all unless said), and what it prints. A short run only compiles long ones. */
const readmes: readonly { name: string; file: string; blocks?: number; prints?: RegExp; long?: true }[] = [
  { name: "repository", file: "README.md", prints: /^0\.8\d+\n\[ 0\.9\d+ \]\n$/, long: true },
  { name: "tensor", file: "packages/tensor/README.md", prints: /f32\[2, 3\] on @weft\/tensor-cpu\)[^]*f32\[\] on/ },
  {
    name: "autograd",
    file: "packages/autograd/README.md",
    blocks: 1,
    prints: /^tensor\(\[ 1\., -2\.,  3\.\].*tensor\(0\.5/,
  },
  { name: "formats", file: "packages/formats/README.md", prints: /dtype: 'i32' \}\n3 Float32Array\(1\) \[ 1 \]\n/ },
  { name: "nn", file: "packages/nn/README.md", prints: /weight/, long: true },
  { name: "optim", file: "packages/optim/README.md", prints: /^(\d+\.\d+\n){100}$/ },
  { name: "data", file: "packages/data/README.md", blocks: 1, prints: /^0\.8\d+\n$/, long: true },
  { name: "train", file: "packages/train/README.md", prints: /^0\.\d+\n(\d+ 0\.\d+\n){4}$/, long: true },
  { name: "tensor-cpu", file: "packages/tensor-cpu/README.md", prints: /\n3\n3\n$/ },
  { name: "tensor-webgpu", file: "packages/tensor-webgpu/README.md", prints: /\[ 11 \]\n$/ },
  {
    name: "x64",
    file: "packages/x64/README.md",
    prints: /^(Float32Array\(3\) \[ 12, 24, 36 \]|machine code of x86-64 does not run on this processor \(\w+\))\n$/,
  },
  {
    name: "conformance",
    file: "packages/conformance/README.md",
    blocks: 1,
    prints: /^Float64Array\(2\) \[ 1, 2\.718281828459045 \]\n$/,
  },
];

beforeAll(async () => {
  for (const { name, file, blocks } of readmes) {
    const all = [...readFileSync(join(root, file), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((m) => m[1]!);
    expect(all.length).toBeGreaterThanOrEqual(blocks ?? 1);
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "program.ts"), all.slice(0, blocks).join("\n"));
  }
  const files = readmes.map(({ name }) => `${name}/program.ts`);
  await compileHere(folder, { files });
}, 120_000);

test.for(readmes)(
  "the example of the README of $name runs",
  { timeout: 120_000 },
  async ({ name, prints = /^/, long }, { skip }) => {
    const reason = process.env["WEFT_NO_DRIVER"];
    skip(long === true && !everything, "in the whole suite only");
    skip(name === "tensor-webgpu" && reason !== undefined, reason);
    expect(await execute(join(folder, name), process.execPath, "program.ts")).toMatch(prints);
  },
);

test.runIf(everything)("the README's model is saved", () => {
  expect(statSync(join(folder, "repository/model.safetensors")).size).toBeGreaterThan(1_700_000);
});
