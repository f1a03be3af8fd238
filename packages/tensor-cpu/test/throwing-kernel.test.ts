// A kernel of a package outside throws where it runs, or before: what was assigned together with its result is as it
// was before the step, all else is computed, and the following steps go on.
import { diff, param, state } from "@weft/autograd";
import { adam } from "@weft/optim";
import { add, applyFused, mul, scope, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { beforeEach, expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { dense, kernel, type Call } from "../src/kernels.ts";

const copyOp: FusedOp<object> = {
  name: "copy",
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x]) => [mul(x!, 1)],
  gradient: () => [copy],
};

let broken: "prepare" | "run" | undefined;
const throwIf = (what: typeof broken): void => {
  if (broken === what) throw new Error("the kernel failed");
};
const copying: Call<object> = dense((m, _, [out]) => {
  throwIf("prepare");
  return {
    units: out.shape.reduce((size, d) => size * d, 1),
    scratch: 0,
    run: ([to], [x], _scratch, begin, end) => {
      throwIf("run");
      m.f32.copyWithin(to / 4 + begin, x! / 4 + begin, x! / 4 + end);
    },
  };
});
const copy = (x: Tensor): Tensor => applyFused(copyOp, [x], {})[0]!;

beforeEach(() => void (broken = undefined));

/** Five steps; in step `fails` the kernel is broken. */
function steps(what: typeof broken, fails: number, step: () => void): void {
  for (let k = 1; k <= 5; k++) {
    broken = k === fails ? what : undefined;
    if (k === fails && what !== undefined) expect(() => scope(step)).toThrow("the kernel failed");
    else scope(step);
  }
}

const openWith = (fuse: boolean): CpuBackend => openSync({ fuse, kernels: [kernel(copyOp, copying)] });

const cases = [true, false].flatMap((fuse) =>
  [["prepare", 1] as const, ["run", 1] as const, ["run", 2] as const, ["run", 3] as const, ["run", 4] as const].map(
    ([what, fails]) => ({ fuse, what, fails }),
  ),
);

test.each(cases)("an independent box goes on: $what $fails, fuse $fuse", ({ fuse, what, fails }) => {
  const b = openWith(fuse);
  const [s, x] = [state(b.tensor([1, 2, 3])), b.tensor([5, 6, 7])];
  let y: Tensor | undefined;
  const run = (): void => {
    y = scope(() => {
      s.value = add(s.value, 1);
      return copy(mul(x, 2));
    });
    y.release();
  };
  for (let k = 1; k <= 5; k++) {
    broken = k === fails ? what : undefined;
    if (k === fails) expect(run).toThrow("the kernel failed");
    else run();
  }
  expect([...s.value.dataSync()]).toEqual([6, 7, 8]);
});

test.each(cases)("boxes of one step are rolled back together: $what $fails, fuse $fuse", ({ fuse, what, fails }) => {
  const b = openWith(fuse);
  const [s, t] = [state(b.tensor([1, 2, 3])), state(b.tensor([1, 2, 3]))];
  steps(what, fails, () => {
    s.value = add(s.value, 1);
    t.value = copy(add(t.value, 2));
  });
  expect([...s.value.dataSync()]).toEqual([5, 6, 7]);
  expect([...t.value.dataSync()]).toEqual([9, 10, 11]);
});

test.each(cases)("an optimizer's step is rolled back: $what $fails, fuse $fuse", ({ fuse, what, fails }) => {
  const trained = (what: typeof broken, fails: number, left: number): [number, number[]] => {
    const b = openWith(fuse);
    const p = param(b.tensor([1, 2, 3]));
    const rule = adam({ lr: 0.1 });
    const step = (): void => void rule.update(diff(() => sum(copy(mul(p, p)))));
    if (what === undefined) for (let k = 0; k < left; k++) scope(step);
    else steps(what, fails, step);
    return [rule.steps, [...p.value.dataSync()]];
  };
  expect(trained(what, fails, 5)).toEqual(trained(undefined, 0, 4));
});

test.each([true, false])("parts of a failed flush do not overwrite what others read: fuse %s", (fuse) => {
  const b = openWith(fuse);
  const [w, other] = [b.tensor([1, 2, 3]), b.tensor([5, 6, 7])];
  broken = "prepare";
  const last = b.tensor([10, 20, 30]);
  const values = [add(last, 1), copy(other), mul(last, w), sum(last)];
  last.release(); // whoever reads it last may have its memory
  expect(() => values[1]!.dataSync()).toThrow("the kernel failed");
  const read = [0, 2, 3].map((i) => [...values[i]!.dataSync()]);
  expect(read).toEqual([[11, 21, 31], [10, 40, 90], [60]]);
});
