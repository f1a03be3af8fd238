// What a program does not name is not in its bundle.
import { join } from "node:path";
import { build, type Rollup } from "vite";
import { expect, test } from "vitest";
import { files, read, root } from "./source-graph.ts";

async function chunkOf(entry: string): Promise<Rollup.OutputChunk> {
  const lib = { entry: join(root, entry), formats: ["es" as const], fileName: "bundle" };
  const made = await build({ root, logLevel: "error", configFile: false, build: { lib, write: false, minify: false } });
  return (made as Rollup.RollupOutput[])[0]!.output[0];
}
const bundled = async (entry: string): Promise<string> => (await chunkOf(entry)).code;

test("formulas and kernels come with their functions", async () => {
  const sources = files("packages/tensor/src/{fused/*,linalg/*,recurrence/*,special}.ts").map(read).join("\n");
  const names = [...sources.matchAll(/^ {2}name: (".*"),$|(?:rowOp|elementwiseOp)(?:<.*>)?\(\s*(".*?")/gm)];
  const operations = names.map(([, fused, formula]) => fused ?? formula!);
  expect(operations).toEqual(expect.arrayContaining(['"erfinv"', '"softmax"', '"rmsNorm"', '"lstmSequence"', '"svd"']));
  const [one, all] = await Promise.all(["test/size/add.ts", "packages/tensor/src/internals.ts"].map(bundled));
  expect(operations.filter((name) => one!.includes(name))).toEqual([]);
  const every = all! + (await bundled("packages/tensor/src/index.ts"));
  expect(operations.filter((name) => !every.includes(name))).toEqual([]);
  expect(await bundled("test/size/mlp.ts")).not.toContain('"erfinv"');
});

test("functions come where they are named", async () => {
  const exported = async (name: string) => Object.keys((await import(join(root, `packages/${name}/src/index.ts`))) as object); // prettier-ignore
  const functions = new Set((await Promise.all(["tensor", "nn"].map(exported))).flat());
  const themes =
    /packages\/(?:tensor\/src\/(?:activations|elementwise|special|selection|shape|linalg|reduce|random|pooling|images)|nn\/src\/(?:attention|conv|losses|norm|recurrent))\//;
  /** The public functions in folders of a theme that a bundle has. */
  const inBundle = async (entry: string): Promise<string[]> =>
    Object.entries((await chunkOf(entry)).modules)
      .filter(([file]) => themes.test(file))
      .flatMap(([, { renderedExports }]) => renderedExports)
      .filter((name) => functions.has(name))
      .toSorted();
  expect(await inBundle("test/size/add.ts")).toEqual([]);
  // `at` is the only one of them that is a method.
  expect(await inBundle("test/size/mlp.ts")).toEqual(["at", "crossEntropy"]);
  const named = ["Conv", "MaxPool", "crossEntropy", "groupNorm", "interpolate"];
  // Of `interpolate` with `mode: "area"`, of `MaxPool`, and of `Conv` with `paddingMode`.
  const needed = ["adaptiveAvgPool", "maxPool", "pad"];
  expect(await inBundle("test/size/images.ts")).toEqual([...named, ...needed].toSorted());
});

test("readers of files come with the functions that need them", async () => {
  const readers =
    /node_modules\/(?:d3-dsv|fast-png|jpeg-js|@huggingface)|packages\/data\/src\/(?:augment|images|parts|tables|text)\//;
  const { modules, dynamicImports } = await chunkOf("test/size/mlp.ts");
  expect([...Object.keys(modules), ...dynamicImports].filter((file) => readers.test(file))).toEqual([]);
});

test("loops and metrics come where they are named", async () => {
  const { modules } = await chunkOf("test/size/fit.ts");
  const found = Object.entries(modules)
    .filter(([file]) => file.includes("packages/train/src"))
    .flatMap(([, { renderedExports }]) => renderedExports);
  // `fit` is made of loops; of the metrics only one is named.
  expect(found).toEqual(expect.arrayContaining(["fit", "epochsFrom", "stoppingOf", "logTo", "auc"]));
  const others = ["accuracy", "averagePrecision", "evaluateEvery", "f1", "jsonl", "predict", "r2", "stopOnNaN"];
  expect(found.filter((name) => others.includes(name))).toEqual([]);
});
