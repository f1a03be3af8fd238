// Updates in place: a result may take the memory of a value that ends, but only where no element is read after it has been
// overwritten. Each program ends a value in the launch that could overwrite it too early.
import { open as openReference } from "@weft/conformance";
import {
  add,
  flip,
  indexAdd,
  matmul,
  mul,
  neg,
  relu,
  scope,
  sub,
  sum,
  transpose,
  type Backend,
  type Creation,
  type Tensor,
} from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";

type Open = () => Promise<Backend & Creation>;
const backends: readonly (readonly [string, Open])[] = [
  ["the CPU", () => openCpu({})],
  ["the CPU, unmerged", () => openCpu({ fuse: false })],
  ...(longOn("webgpu")
    ? ([
        ["WebGPU", () => openWebGpu({})],
        ["WebGPU, unmerged", () => openWebGpu({ fuse: false })],
      ] as const)
    : []),
];

const n = 40;
const values = (scale: number): Float32Array => Float32Array.from({ length: n * n }, (_, i) => Math.sin(i * scale));

type Program = (x: Tensor, w: Tensor) => Tensor | Tensor[];
/** From x, which ends when the program has been recorded, and w, which does not. */
const programs: Readonly<Record<string, Program>> = {
  "a transpose": (x) => add(transpose(x), 1),
  "a transpose, of a matrix that has ended": (x) => {
    const t = transpose(x);
    x.release();
    return add(t, 1);
  },
  "rows added to a transpose whose matrix has ended": (x, w) => {
    const t = transpose(x);
    x.release();
    return indexAdd(t, indices(w), w);
  },
  "a product of a transpose and itself, whose matrix has ended": (x, w) => {
    const t = transpose(x);
    x.release();
    return add(matmul(t, w), t);
  },
  "a mirror image of what has ended": (x) => {
    const t = flip(flip(x, { axis: 0 }), { axis: 1 });
    x.release();
    return relu(t);
  },
  "x and its transpose": (x) => add(x, transpose(x)),
  "twice x and its transpose": (x) => {
    const y = mul(x, 2);
    return add(y, transpose(y));
  },
  "x, and beside it the transpose of -x": (x, w) => [add(x, w), sub(w, transpose(neg(x)))],
  "x, and beside it the mirror image of x²": (x, w) => [mul(x, w), add(w, flip(mul(x, x), { axis: 1 }))],
  "twice x, its mirror image and its sums": (x) => {
    const y = mul(x, 2);
    return add(add(y, flip(y, { axis: 1 })), sum(y, { axis: 0 }));
  },
  "a product that is kept, and more of it and the matrix": (x, w) => {
    const y = matmul(x, w);
    return [y, add(relu(y), x)];
  },
  "a product that is kept, and more of it and the other matrix": (x, w) => {
    const y = matmul(w, x);
    return [y, mul(y, x)];
  },
  "sums that are kept, and more of them and x": (x) => {
    const y = sum(x, { axis: 0 });
    return [y, add(y, x)];
  },
  "x and x flipped": (x) => add(mul(x, 2), flip(x, { axis: 1 })),
  "x shifted by a row": (x) => add(x, flip(x, { axis: 0 })),
  "x and its sums": (x) => add(x, sum(x, { axis: 0 })),
  "a product and the matrix itself": (x, w) => add(matmul(x, w), x),
  "a product and the other matrix": (x, w) => relu(add(matmul(w, x), x)),
  "a product of the transpose and the matrix": (x, w) => mul(matmul(transpose(x), w), x),
  "a product, and an end that only its epilogue reads": (x, w) => add(matmul(w, w), x),
  "the square and the matrix": (x) => add(matmul(x, x), x),
  "rows added to other rows of x": (x, w) => indexAdd(x, indices(w), x),
  "rows added to the rows that they come from": (x, w) => indexAdd(x, indices(w), mul(x, 0.5)),
  "rows of the transpose added": (x, w) => indexAdd(x, indices(w), transpose(x)),
  "a plain sum, where x may be overwritten": (x, w) => add(x, w),
};
/** Every row to the one before it. */
const indices = (w: Tensor): Tensor =>
  (w.backend as Backend & Creation).tensor(Int32Array.from({ length: n }, (_, i) => (i + n - 1) % n));

async function read(ys: Tensor | Tensor[]): Promise<number[]> {
  const all: number[] = [];
  for (const y of Array.isArray(ys) ? ys : [ys]) all.push(...((await y.data()) as Float32Array));
  return all;
}

async function run(open: Open, program: Program): Promise<number[]> {
  const backend = await open();
  const w = backend.tensor(values(0.37), { shape: [n, n] });
  const y = scope(() => {
    const x = backend.tensor(values(0.11), { shape: [n, n] });
    return program(x, w);
  });
  // Twice: the second time the plan is known, and what ended may be used again.
  const again = scope(() => program(backend.tensor(values(0.11), { shape: [n, n] }), w));
  const [first, second] = [await read(y), await read(again)];
  expect(second).toEqual(first);
  expect([...(await w.data())]).toEqual([...values(0.37)]);
  return first;
}

describe.each(backends)("on %s", (_, open) => {
  test.each(Object.entries(programs))("%s", async (_, program) => {
    const [got, wanted] = [await run(open, program), await run(() => openReference({}), program)];
    got.forEach((v, i) => {
      if (!(Math.abs(v - wanted[i]!) < 1e-3)) expect.fail(`element ${i} is ${v}, wanted ${wanted[i]}`);
    });
  });
});
