// When things run and die on the CPU backend, merged and with every operation by itself: tapes, boxes, reads on the way,
// exceptions. What is counted are living storages: after each program they are what they were before.
import { checkpoint, customGradient, diff, grad, keep, param, scope, state, type Param } from "@weft/autograd";
import { add, matmul, mul, slice, square, sub, sum, tanh, transpose, type Operand, type Tensor } from "@weft/tensor";
import { context } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";

const soon = (ms = 0): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(ms), ms));
/** So many storages live, nothing is pending, and no context is open. */
const living = (n: number): unknown[] => [n, 0, undefined, undefined, 0];
const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));

const widest = codes[1][1];
describe.each([
  ["merged", true, false],
  ["unmerged", false, false],
  ["merged, machine code", true, widest],
  ["unmerged, machine code", false, widest],
])("%s", (_, fuse, native) => {
  computingWith(native);
  /** A backend, and what has not ended there and in the context. */
  function counted() {
    const backend = openSync({ fuse, seed: 1 });
    const left = (): unknown[] => {
      const { live, pending } = backend.stats();
      return [live, pending, context.tape, context.scope, context.suspended];
    };
    return { backend, left };
  }
  const box = (backend: CpuBackend, data: number[] | Float32Array, shape: number[] = [data.length]): Param =>
    scope(() => param(backend.tensor(data, { shape, dtype: "f32" })));

  test("a result does not keep the memory of what its operand was a small part of", () => {
    const { backend } = counted();
    const whole = backend.tensor(new Float32Array(1 << 16));
    const part = slice(whole, { starts: [0], ends: [4] });
    whole.release();
    const next = scope(() => {
      const y = add(part, 1);
      part.release();
      return y;
    });
    expect([...next.dataSync()]).toEqual([1, 1, 1, 1]);
    expect(backend.stats().bytes).toBeLessThanOrEqual(1 << 10);
  });

  test("nested grad: three orders, and nothing is left", () => {
    const { backend, left } = counted();
    scope(() => {
      const cube = (x: Tensor) => sum(mul(mul(x, x), x));
      const second = (x: Tensor) => sum(grad(cube)(x));
      const third = (x: Tensor) => sum(grad(second)(x));
      const x = backend.tensor([1, 2, -3]);
      expect(grad(cube)(x).arraySync()).toEqual([3, 12, 27]);
      expect(grad(second)(x).arraySync()).toEqual([6, 12, -18]);
      expect(grad(third)(x).arraySync()).toEqual([6, 6, 6]);
    });
    expect(left()).toEqual(living(0));
  });

  test("nested diff with one parameter in both, and a checkpoint in it", () => {
    const { backend, left } = counted();
    const p = box(backend, [2, 3]);
    scope(() => {
      const outer = diff(() => {
        const inner = diff(() => sum(checkpoint((x: Operand) => mul(square(x), x))(p))); // 3p²
        return sum(mul(inner.grad(p), p)); // 3p³, so 9p²
      });
      expect(outer.value.itemSync()).toBe(105);
      expect(outer.grad(p).arraySync()).toEqual([36, 81]);
    });
    expect(left()).toEqual(living(1));
  });

  test("state is carried over 1,000 steps of a recurrent net, and counts stay flat", () => {
    const { backend, left } = counted();
    const w = box(backend, [0.5, -0.25, 0.75, 0.5], [2, 2]);
    const h = scope(() => state(backend.tensor([[0.1, -0.2]])));
    const wanted = { w: [0.5, -0.25, 0.75, 0.5], h: [0.1, -0.2] };
    for (let i = 0; i < 1000; i++) {
      const x = Math.sin(i);
      scope(() => {
        const tape = diff(() => {
          h.value = tanh(add(matmul(h, w), x));
          return sum(square(h));
        });
        w.value = sub(w.value, mul(tape.grad(w), 0.01));
      });
      const {
        w: v,
        h: [a, b],
      } = wanted as { w: [number, number, number, number]; h: [number, number] };
      const y = [Math.tanh(a * v[0] + b * v[2] + x), Math.tanh(a * v[1] + b * v[3] + x)] as const;
      const g = y.map((t) => 2 * t * (1 - t * t)) as [number, number];
      wanted.w = [v[0] - 0.01 * a * g[0], v[1] - 0.01 * a * g[1], v[2] - 0.01 * b * g[0], v[3] - 0.01 * b * g[1]];
      wanted.h = [...y];
      expect(left()).toEqual(living(2));
    }
    scope(() => {
      h.value.dataSync().forEach((v, i) => expect(v).toBeCloseTo(wanted.h[i]!, 4));
      w.value.dataSync().forEach((v, i) => expect(v).toBeCloseTo(wanted.w[i]!, 4));
    });
    expect(backend.stats().plans).toBeLessThan(12);
  });

  test("the old value can be read after an update, run or not", () => {
    const { backend, left } = counted();
    const p = box(backend, [1, 2]);
    scope(() => {
      const old = p.value;
      const double = mul(p, 2); // has not run when the update is asked for
      for (let i = 0; i < 3; i++) p.value = sub(p.value, 0.5);
      expect(p.value.arraySync()).toEqual([-0.5, 0.5]);
      expect(old.arraySync()).toEqual([1, 2]);
      expect(double.arraySync()).toEqual([2, 4]);
      p.value = mul(p, 4);
      expect(old.arraySync()).toEqual([1, 2]);
      expect(p.value.arraySync()).toEqual([-2, 2]);
    });
    expect(left()).toEqual(living(1));
  });

  test("a view keeps the old value, whatever the update writes in place", () => {
    const { backend, left } = counted();
    const p = box(backend, wave(12, 1), [3, 4]);
    const first = [...wave(12, 1)];
    scope(() => {
      const row = slice(p.value, { starts: [1, 0], ends: [2, 4] });
      const turned = transpose(p.value);
      for (let i = 0; i < 2; i++) scope(() => (p.value = add(p.value, 1)));
      expect([...row.dataSync()]).toEqual(first.slice(4, 8));
      expect([...turned.dataSync()]).toEqual([0, 1, 2, 3].flatMap((c) => [0, 1, 2].map((r) => first[r * 4 + c]!)));
      row.release();
      turned.release();
    });
    scope(() => (p.value = sub(p.value, 2)));
    scope(() => p.value.dataSync().forEach((v, i) => expect(v).toBeCloseTo(first[i]!, 6)));
    expect(left()).toEqual(living(1));
  });

  test("two tapes are open across an update, each with the value it saw", () => {
    const { backend, left } = counted();
    const p = box(backend, [3], []);
    scope(() => {
      const outer = diff(() => {
        const before = square(p);
        const inner = diff(() => {
          const y = mul(mul(p, p), before);
          p.value = backend.full([], 100);
          return y;
        });
        expect(inner.grad(p).itemSync()).toBe(2 * 3 * 9);
        return add(before, mul(p, 2));
      });
      expect(outer.value.itemSync()).toBe(209);
      expect(outer.grad(p).itemSync()).toBe(6 + 2);
    });
    expect(left()).toEqual(living(1));
  });

  test("asynchronous diffs run side by side, with updates between their turns", async () => {
    const { backend, left } = counted();
    const p = box(backend, [1, 2]);
    const run = (factor: number, pause: number) =>
      diff(async (t) => {
        let y = mul(p, factor); // the value at the start, whatever happens to p afterwards
        for (let i = 0; i < 4; i++) {
          await t.wait(soon(pause));
          y = scope(() => mul(y, 2));
          if ((await t.wait(y.data()))[0]! > 1e6) y = sub(y, 1);
        }
        return sum(y);
      });
    const both = [run(10, 1), run(1000, 2)];
    await soon(3);
    scope(() => (p.value = backend.tensor([7, 7])));
    const tapes = await Promise.all(both);
    expect(tapes.map((t) => t.value.itemSync())).toEqual([3 * 160, 3 * 16_000]);
    expect(tapes.map((t) => t.grad(p).arraySync())).toEqual([
      [160, 160],
      [16_000, 16_000],
    ]);
    for (const tape of tapes) tape.release();
    expect(left()).toEqual(living(1));
  });

  test("values are read in mid-function, and nothing changes by that", () => {
    const { backend, left } = counted();
    const w = box(backend, wave(9, 0.7), [3, 3]);
    const x = scope(() => keep(backend.tensor(wave(6, 0.3), { shape: [2, 3] })));
    const run = (look: (y: Tensor) => void): number[] =>
      scope(() => {
        const tape = diff(() => {
          let y: Tensor = x;
          for (let i = 0; i < 4; i++) {
            y = tanh(matmul(y, w));
            look(y);
            // a conditional on data, the same with or without a look
            y = sum(y).itemSync() > 0 ? mul(y, 1.5) : add(y, 0.25);
          }
          return sum(square(y));
        });
        return [tape.value.itemSync(), ...tape.grad(w).dataSync()];
      });
    const plain = run(() => {});
    const looking = run((y) => {
      y.dataSync();
      mul(y, 3).arraySync();
      scope(() => sum(add(y, y)).itemSync());
    });
    plain.forEach((v, i) => expect(looking[i]).toBeCloseTo(v, 5));
    expect(left()).toEqual(living(2));
  });

  test("more than 10,000 operations may be asked for before anything is read", () => {
    const { backend, left } = counted();
    scope(() => {
      let x: Tensor = backend.tensor([0, 1]);
      let most = 0;
      for (let i = 0; i < 25_000; i++) {
        x = add(x, 1);
        most = Math.max(most, backend.stats().pending);
      }
      expect(most).toBeLessThan(10_000);
      expect(backend.stats().flushes).toBe(2);
      expect(x.arraySync()).toEqual([25_000, 25_001]);
    });
    expect(left()).toEqual(living(0));
  });

  test("so may they inside diff: what the way back needs is stored, the rest of the tape is planned afterwards", () => {
    const { backend, left } = counted();
    const p = box(backend, [1, 2]);
    scope(() => {
      const tape = diff(() => {
        let y: Tensor = mul(p, 1);
        for (let i = 0; i < 5500; i++) y = add(mul(y, 0.5), p);
        return sum(y);
      });
      expect(tape.value.itemSync()).toBeCloseTo(6, 5);
      expect(tape.grad(p).arraySync()).toEqual([2, 2]);
    });
    expect(left()).toEqual(living(1));
  });

  test("what is made outside of scopes is one storage each, and is stored in one launch each when merged", () => {
    const { backend, left } = counted();
    const all = [backend.randn([50], { mean: 1, std: 2 }), backend.rand([9]), backend.randint([5], { high: 3 })];
    all.push(backend.eye(4), backend.arange(3), backend.zeros([2]));
    for (const x of all) x.dataSync();
    expect(left()).toEqual(living(6));
    if (fuse) expect(backend.stats().launches).toBe(5);
    for (const x of all) x.release();
    expect(left()).toEqual(living(0));
  });

  test("an exception leaves nothing behind: in scope, in diff, on the way back, after waiting", async () => {
    const { backend, left } = counted();
    const p = box(backend, [1, 2]);
    const fail = (): never => {
      throw new Error("mine");
    };
    const failing = customGradient((x: Tensor) => ({ value: sum(x), pullback: fail }));
    const programs: (() => unknown)[] = [
      () => (mul(backend.tensor([1, 2]), p), fail()),
      () => scope(() => (keep(mul(p, 2)).release(), sum(p).itemSync(), fail())),
      () => diff(() => (mul(square(p), backend.tensor([1, 2])), fail())),
      () => diff(() => (square(p).dataSync(), diff((): Tensor => (sum(p), fail())).value)),
      () => diff(() => failing(square(p))),
      () => grad((x: Tensor) => (tanh(mul(x, p)).dataSync(), fail()))(p.value),
    ];
    for (const program of programs) {
      expect(() => scope(program)).toThrow("mine");
      expect(left()).toEqual(living(1));
    }
    expect(() => scope(() => diff(() => square(p)))).toThrow("diff: the function must return a scalar");
    expect(left()).toEqual(living(1));
    const later = [
      () => diff(async (t): Promise<Tensor> => (await t.wait(square(p).data()), sum(mul(p, 3)), fail())),
      () => scope(async () => (mul(p.value, 2), await soon(), fail())),
    ];
    for (const program of later) {
      await expect(program()).rejects.toThrow("mine");
      expect(scope(() => sum(p).itemSync())).toBe(3);
      expect(left()).toEqual(living(1));
    }
  });
});
