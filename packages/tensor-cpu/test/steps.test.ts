// What a failure concerns: a step stands or falls with what its function assigned, and with nothing else. And loops that read once,
// at their end, hold no more than loops that read at each turn.
import { diff, param, state } from "@weft/autograd";
import { adam, chain, clipNorm, momentum, sgd, type Optimizer } from "@weft/optim";
import { add, matmul, mean, MemoryError, mul, scope, softmax, square, sum, tanh, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const MB = 2 ** 20;
const optimizers: readonly (readonly [string, () => Optimizer])[] = [
  ["sgd", () => sgd({ lr: 0.1 })],
  ["momentum", () => momentum({ lr: 0.1 })],
  ["adam", () => adam({ lr: 0.1 })],
  ["a chain", () => chain(clipNorm(5), adam({ lr: 0.1 }))],
];

describe.each([
  ["merged", true],
  ["unmerged", false],
])("%s", (_, fuse) => {
  const open = (limit: number) => openSync({ memoryLimit: limit, fuse, seed: 1 });

  test("a value that nobody reads fails nobody's step", () => {
    const b = open(16 * MB);
    const other = sum(softmax(b.randn([3000, 3000])));
    const p = scope(() => param(b.tensor([1])));
    const o = sgd({ lr: 0.1 });
    const step = (): void => scope(() => o.update(diff(() => sum(p))));
    step();
    expect(p.value.arraySync()).toEqual([Math.fround(0.9)]);
    expect(o.steps).toBe(1);
    expect(() => other.itemSync()).toThrow(MemoryError);
    expect(() => other.itemSync()).toThrow(MemoryError);
    step();
    expect(o.steps).toBe(2);
  });

  test.each(optimizers)("a counter of the program's own counts no step of %s that failed", (_, make) => {
    const b = open(16 * MB);
    const [p, seen] = scope(() => [param(b.ones([8, 8])), state(b.tensor([0], { dtype: "i32" }))]);
    const o = make();
    const step = (rows: number): void =>
      scope(() => {
        const x = b.ones([rows, 8]);
        o.update(
          diff(() => {
            seen.value = add(seen, 1);
            return mean(square(tanh(matmul(x, p))));
          }),
        );
      });
    step(4);
    const before = p.value.arraySync();
    for (let i = 0; i < 3; i++) expect(() => step(1_000_000)).toThrow(MemoryError);
    expect(p.value.arraySync()).toEqual(before);
    expect(seen.value.arraySync()).toEqual([1]);
    expect(o.steps).toBe(1);
    step(4);
    expect(seen.value.arraySync()).toEqual([2]);
    expect(o.steps).toBe(2);
  });

  const loops: Readonly<Record<string, (b: ReturnType<typeof open>) => Tensor>> = {
    "a running sum": (b) => {
      const x = b.ones([256, 128]);
      let total: Tensor | number = 0;
      for (let i = 0; i < 150; i++) total = add(total, mean(square(mul(x, i)))) as Tensor;
      return mul(total, 1);
    },
    "a chain of products": (b) => {
      let y = b.ones([512, 64]);
      for (let i = 0; i < 150; i++) y = tanh(matmul(y, b.eye(64)));
      return sum(y);
    },
    "many small results of large values": (b) =>
      Array.from({ length: 150 }, (_, k) => sum(square(add(b.full([256, 128], k), 1)))).reduce((x, y) => add(x, y)),
  };
  test.each(Object.entries(loops))("%s, read once at the end, needs no scope", (_, loop) => {
    const [small, large] = [open(4 * MB), open(1024 * MB)];
    expect(loop(small).itemSync()).toBe(loop(large).itemSync());
  });
});
