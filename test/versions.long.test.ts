// Packages move independently: what holds when two copies or two versions of `tensor` meet. The other copies are the
// sources of this one in another folder, changed where a test says so.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as tensor from "@weft/tensor";
import { diff, grad, param } from "@weft/autograd";
import { open } from "@weft/tensor-cpu";
import { files, manifest, packages, root } from "./source-graph.ts";

type Library = typeof tensor;
type Change = (text: string) => string;

const folder = mkdtempSync(join(tmpdir(), "weft-versions-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Another installed copy of `tensor`, with changes to its files. */
async function copy<L = Library>(name: string, change: Record<string, Change> = {}, add: Record<string, string> = {}) {
  const source = join(folder, name);
  cpSync(join(root, "packages/tensor/src"), source, { recursive: true });
  for (const [file, edit] of Object.entries(change)) {
    const before = readFileSync(join(source, file), "utf8");
    const after = edit(before);
    expect(after).not.toBe(before);
    writeFileSync(join(source, file), after);
  }
  for (const [file, text] of Object.entries(add)) writeFileSync(join(source, file), text);
  return (await import(join(source, "index.ts"))) as L;
}

test("two copies with one contract number work together", async () => {
  const other = await copy("same");
  expect(other.Tensor).not.toBe(tensor.Tensor);
  const backend = await open();
  const a = backend.tensor([1, 2, 3]);
  const sum = other.add(a, tensor.mul(a, 2));
  expect(await tensor.add(sum, 1).array()).toEqual([4, 7, 10]);
  expect(await other.concat([sum, a]).array()).toEqual([3, 6, 9, 1, 2, 3]);
});

test("scopes and gradients reach through both copies", async () => {
  const other = await copy("recorded");
  const backend = await open();
  const w = param(backend.tensor([1, 2, 3]));
  const tape = diff(() => tensor.sum(other.mul(w, w)));
  expect(await tape.grad(w)!.array()).toEqual([2, 4, 6]);
  const second = grad(grad((x) => other.sum(tensor.mul(tensor.mul(x, x), x))));
  expect(await second(backend.tensor([2])).array()).toEqual([12]);
  let inner: tensor.Tensor | undefined;
  const outer = other.scope(() => tensor.scope(() => tensor.add((inner = tensor.mul(w.value, 3)), 1)));
  expect(await outer.array()).toEqual([4, 7, 10]);
  expect(() => other.add(inner!, 1)).toThrow(other.ReleasedTensorError);
});

test("another contract number is a VersionError that names both packages and versions", async () => {
  const here = manifest("tensor-cpu");
  const raise: Change = (text) =>
    text.replace(/CONTRACT = \d+/, "CONTRACT = 987").replace(/VERSION = ".*?"/, 'VERSION = "9.8.7"');
  const other = await copy("raised", { "interpreter.ts": raise });
  const a = (await open()).tensor([1, 2, 3]);
  const wrong = () => other.add(a, a);
  expect(wrong).toThrow(other.VersionError);
  expect(wrong).toThrow("@weft/tensor 9.8.7");
  expect(wrong).toThrow(`${here.name} ${here.version}`);
});

test("an older backend runs a fused operation that only a newer tensor knows, by its fallback", async () => {
  const triple = `
    import { applyFused } from "./apply.ts";
    import { mul } from "./index.ts";
    export const runs: string[] = [];
    const fused = {
      name: "tripleOfTomorrow",
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      fallback: ([x]) => (runs.push("fallback"), [mul(x, 3)]),
    };
    export const triple = (x) => applyFused(fused, [x], {})[0];`;
  const exporting: Change = (text) => `${text}\nexport { runs, triple } from "./triple.ts";\n`;
  type Newer = Library & { triple: (x: tensor.Operand) => tensor.Tensor; runs: string[] };
  const newer = await copy<Newer>("newer", { "index.ts": exporting }, { "triple.ts": triple });
  const x = (await open()).tensor([1, -2]);
  expect(await newer.triple(x).array()).toEqual([3, -6]);
  expect(newer.runs).toEqual(["fallback"]);
  expect(await grad((v) => tensor.sum(newer.triple(v)))(x).array()).toEqual([3, 3]);
});

test("the version that a package gives in messages is its own", () => {
  const wrong = packages
    .filter((name) => !manifest(name).private)
    .flatMap((name) =>
      files(`packages/${name}/src/**/*.ts`).flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8");
        const stated = /\bVERSION = "(.*?)"/.exec(text)?.[1];
        if (stated !== undefined && stated !== manifest(name).version) return [`${file} says ${stated}`];
        return /\bVERSION\b[^;]*from "@weft\//.test(text)
          ? [`${file} gives the version of another package: state one in a VERSION of its own`]
          : [];
      }),
    );
  expect(wrong).toEqual([]);
});
