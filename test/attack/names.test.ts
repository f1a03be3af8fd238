// Wrong operands and options for every function of tensors, as plain JavaScript may give them: each error is one of Weft's own and
// begins with the name of the function that was called, not of a part of it. The whole suite also computes what they give. WEFT_LONG=1 tries them in threes.
import * as A from "@weft/autograd";
import * as N from "@weft/nn";
import * as T from "@weft/tensor";
import { describe, gruCell, lstmCell, sequence, sequenceGrad, standardizeGrad } from "@weft/tensor/internals";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { everything } from "../extent.ts";

Error.stackTraceLimit = 0; // there are hundreds of thousands of errors

const b = openSync({ memoryLimit: 2 ** 24 });
const tensors = [
  b.tensor(1),
  b.zeros([0]),
  b.ones([2]),
  b.ones([2, 3]),
  b.ones([1, 2, 4]),
  b.ones([2, 3, 4, 5, 1, 1, 1]),
  b.ones([2, 3], { dtype: "i32" }),
  b.ones([2], { dtype: "bool" }),
  b.ones([2, 3], { dtype: "f64" }),
  b.ones([2, 3], { dtype: "u8" }),
  b.tensor([9, -1], { dtype: "i32" }),
];
const odd: readonly unknown[] = [null, undefined, "a", {}, [1], 3, true, () => 1, Symbol("s"), ...tensors];
/** What second operands are drawn from. */
const some = everything ? odd : odd.filter((_, i) => i % 3 !== 1);
const last = process.env["WEFT_LONG"] === "1" ? odd : [undefined, 3, { axis: 7 }];

/** Functions whose errors have another subject. */
const left = new Set(
  `applyFused isTensor keep readMetadata readTensor readTensors running save load seed source apply fromBytes readSafetensors`.split(
    /\s+/,
  ),
);
/** Functions that speak under another name. */
const under: Readonly<Record<string, string>> = {
  crossEntropyRows: "crossEntropy",
  xavier: "xavierUniform",
};

const operations = {
  gruSequence: (x: T.Operand, y: T.Operand, z: T.Operand) => sequence(gruCell, x, [y], [z, z]),
  gruSequenceGrad: (x: T.Operand, y: T.Operand, z: T.Operand) =>
    sequenceGrad(gruCell, { gates: x, states: [y] }, [y], z, [z]),
  lstmSequence: (x: T.Operand, y: T.Operand, z: T.Operand) => sequence(lstmCell, x, [y, y], [z]),
  lstmSequenceGrad: (x: T.Operand, y: T.Operand, z: T.Operand) =>
    sequenceGrad(lstmCell, { gates: x, states: [y, y] }, [y, y], z, [z, z]),
  standardizeGrad,
};
const functions = [T, N, A, operations].flatMap((all) =>
  Object.entries(all as Record<string, unknown>).filter(
    (entry): entry is [string, (...args: unknown[]) => unknown] =>
      typeof entry[1] === "function" &&
      !left.has(entry[0]) &&
      !Function.prototype.toString.call(entry[1]).startsWith("class"),
  ),
);

test.each(functions)("%s", (name, f) => {
  const wrong = new Set<string>();
  for (const x of odd)
    for (const y of some) {
      // What is not read is released, and not computed.
      T.scope(() => tried(name, f, x, y, wrong));
    }
  expect([...wrong].slice(0, 3)).toEqual([]);
});

function tried(name: string, f: (...args: unknown[]) => unknown, x: unknown, y: unknown, wrong: Set<string>): void {
  for (const z of last)
    try {
      const result = f(x, y, z);
      if (result instanceof Promise) result.then(undefined, () => undefined);
      else if (everything && T.isTensor(result) && result.size < 1e5) result.dataSync();
    } catch (error) {
      const { message } = error as Error;
      const told = error instanceof T.WeftError && message.startsWith(`${under[name] ?? name}:`);
      if (!told && !(error instanceof T.MemoryError))
        wrong.add(`${[x, y, z].map((v) => describe(v)).join(", ")}: ${String(error)}`);
    }
}

test("there are many of them", () => expect(functions.length).toBeGreaterThan(150));
