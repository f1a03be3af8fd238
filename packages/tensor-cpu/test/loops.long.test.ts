// Long training loops on the CPU backend: nothing grows from step to step, plans and kernels are found again, and the
// update shares the launch of its gradients.
import { diff, keep, param, scope, state, type Param, type Tape } from "@weft/autograd";
import { Chain, crossEntropy, Linear, LSTM, seed } from "@weft/nn";
import { adam, minimize, momentum } from "@weft/optim";
import { add, matmul, mul, relu, square, sub, sum, tanh, type Tensor } from "@weft/tensor";
import { describe, expect, test, vi } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { collect, heapUsed, untilFewLive } from "./garbage.ts";

vi.setConfig({ testTimeout: 120_000 });

const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));
const box = (backend: CpuBackend, step: number, ...shape: number[]): Param =>
  scope(() => {
    const data = wave(
      shape.reduce((n, d) => n * d, 1),
      step,
    );
    return param(backend.tensor(data, { shape }));
  });
const descend = (tape: Tape, rate: number): void => {
  for (const p of tape.params) p.value = sub(p.value, mul(tape.grad(p), rate));
};

/** Runs steps in parts and expects storages, bytes, heap, plans and kernels, then JavaScript's memory to stay as they are. */
async function flat(backend: CpuBackend, steps: number, run: (count: number) => Promise<void> | void): Promise<void> {
  const look = () => {
    const { live, bytes, heap, plans, kernels, pending } = backend.stats();
    return { live, bytes, heap, plans, kernels, pending };
  };
  await run(steps / 20);
  const before = look();
  const used = await heapUsed();
  for (let part = 0; part < 4; part++) {
    await run(steps / 4);
    expect(look()).toEqual(before);
  }
  // One small object a step would be more than a megabyte.
  expect((await heapUsed()) - used).toBeLessThan(600_000);
}

describe("20,000 steps leave no trace", () => {
  test("of a loop by hand with parameters, state and a read now and then", async () => {
    const backend = openSync({ seed: 1 });
    const w = box(backend, 0.7, 4, 4);
    const h = scope(() => state(backend.zeros([1, 4])));
    let i = 0;
    await flat(backend, 20_000, (count) => {
      for (; count > 0; count--) {
        scope(() => {
          const tape = diff(() => {
            h.value = tanh(add(matmul(h, w), Math.sin(i++)));
            return sum(square(h));
          });
          descend(tape, 0.01 / (1 + i));
          if (i % 100 === 0) expect(tape.value.itemSync()).toBeGreaterThan(0);
        });
      }
    });
    expect(backend.stats().live).toBe(2);
  });

  test("of an MLP by hand, with a schedule", async () => {
    const backend = openSync({ seed: 1 });
    const data = scope(() => keep([backend.randn([8, 6]), backend.randint([8], { high: 3 })] as const));
    seed(1);
    const model = Chain(Linear(6, 8), relu, Linear(8, 3));
    const optimizer = momentum({ lr: (t) => 0.1 / (1 + t) });
    await flat(backend, 20_000, (count) => {
      for (; count > 0; count--) scope(() => optimizer.update(diff(() => crossEntropy(model(data[0]), data[1]))));
    });
    expect(backend.stats().live).toBe(2 + 4 + 4);
  });

  test("of an MLP through minimize, with fresh data at every step", async () => {
    const backend = openSync({ seed: 1 });
    seed(1);
    const model = Chain(Linear(6, 8), relu, Linear(8, 3));
    const optimizer = adam({ lr: 0.001 });
    const [inputs, labels] = [wave(48, 0.37), Int32Array.from({ length: 8 }, (_, i) => i % 3)];
    function* batches(count: number): Generator<readonly [Tensor, Tensor]> {
      for (; count > 0; count--) {
        const x = backend.tensor(inputs, { shape: [8, 6] });
        const y = backend.tensor(labels);
        yield [x, y];
        x.release();
        y.release();
      }
    }
    let [first, last] = [0, 0];
    await flat(backend, 20_000, async (count) => {
      for await (const loss of minimize((x: Tensor, y: Tensor) => crossEntropy(model(x), y), batches(count), optimizer))
        if (--count === 0) last = await loss.item();
      first ||= last;
    });
    expect(last).toBeLessThan(first);
    expect(backend.stats().live).toBe(4 + 8);
  });
});

describe("plans and kernels", () => {
  test("500 sequence lengths under a learning-rate schedule make fewer than 100 kernels", () => {
    const backend = openSync({ seed: 1 });
    const w = box(backend, 0.9, 8);
    for (let length = 1; length <= 500; length++) {
      scope(() => {
        const tape = diff(() => {
          let h: Tensor = mul(w, 0);
          for (let t = 0; t < length; t++) h = tanh(add(mul(h, w), Math.cos(t)));
          return sum(square(h));
        });
        descend(tape, 0.1 / (1 + length));
      });
    }
    expect(backend.stats().kernels).toBeLessThan(100);
    expect(backend.stats()).toMatchObject({ live: 1, flushes: 500, plans: 500 });
    scope(() => expect(w.value.dataSync().every(Number.isFinite)).toBe(true));
  });

  test("so does a recurrent net with products, in any order of lengths", () => {
    const backend = openSync({ seed: 1 });
    const [u, w, b] = [box(backend, 0.5, 3, 4), box(backend, 0.9, 4, 4), box(backend, 0.3, 4)];
    const x = scope(() => keep(backend.tensor(wave(3, 1), { shape: [1, 3] })));
    for (let i = 0; i < 120; i++) {
      const length = 1 + ((i * 37) % 60);
      scope(() => {
        const tape = diff(() => {
          let h: Tensor = backend.zeros([1, 4]);
          for (let t = 0; t < length; t++) h = tanh(add(add(matmul(mul(x, Math.cos(t)), u), matmul(h, w)), b));
          return sum(square(h));
        });
        descend(tape, 0.1 / (1 + i));
      });
    }
    expect(backend.stats().kernels).toBeLessThan(100);
    expect(backend.stats().plans).toBe(60); // lengths come twice: the second time their plan is there
    expect(backend.stats().live).toBe(4);
  });

  test("the second step of a loop plans nothing and generates nothing, whatever its numbers are", () => {
    const backend = openSync({ seed: 1 });
    const w = box(backend, 0.7, 3, 3);
    const step = (rate: number, bias: number): void =>
      scope(() =>
        descend(
          diff(() => sum(tanh(add(matmul(w, w), bias)))),
          rate,
        ),
      );
    step(0.1, 1);
    const { plans, kernels } = backend.stats();
    for (const n of [0, -1, 1e-30, Infinity, 3, 2 ** 31]) step(n === Infinity ? 0 : n * 1e-9, n);
    expect(backend.stats()).toMatchObject({ plans, kernels });
  });
});

describe("the update joins the launch of its gradients", () => {
  /** Launches of one step once the plan is there. */
  function launches(backend: CpuBackend, step: () => void): number {
    scope(step);
    const before = backend.stats().launches;
    scope(step);
    return backend.stats().launches - before;
  }

  test("of a matrix of weights: as many launches with the update as without", () => {
    const backend = openSync({ seed: 1 });
    const [v, w] = [box(backend, 0.7, 6, 5), box(backend, 0.4, 5, 3)];
    const x = scope(() => keep(backend.tensor(wave(48, 0.37), { shape: [8, 6] })));
    const tape = () => diff(() => sum(square(matmul(tanh(matmul(x, v)), w))));
    const held = () => keep(tape());
    const tapes: Tape[] = [];
    const without = launches(backend, () => void tapes.push(held()));
    const alone = launches(backend, () => descend(tape(), 0.1));
    expect(alone).toBeLessThanOrEqual(without);
    for (const t of tapes) t.release();
    // x·v, ·w with the square's gradient, its sum (read by nobody), dw with update, dh, dv with update
    expect(alone).toBe(5);
    expect(backend.stats().live).toBe(3);
  });

  test("of parameters that are only added: one launch more at most than the sums they need", () => {
    const backend = openSync({ seed: 1 });
    const [w, b] = [box(backend, 0.7, 4, 4), box(backend, 0.4, 4)];
    expect(
      launches(backend, () =>
        descend(
          diff(() => sum(tanh(w))),
          0.1,
        ),
      ),
    ).toBe(1);
    expect(
      launches(backend, () =>
        descend(
          diff(() => sum(tanh(add(w, b)))),
          0.1,
        ),
      ),
    ).toBeLessThanOrEqual(4);
  });

  test("and writes in place: a step allocates nothing that outlives it", () => {
    const backend = openSync({ seed: 1 });
    const w = box(backend, 0.7, 1000);
    const step = (): void =>
      scope(() =>
        descend(
          diff(() => sum(square(w))),
          0.1,
        ),
      );
    step();
    const { heap, bytes } = backend.stats();
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      step();
      sizes.push(backend.stats().heap);
    }
    expect(new Set(sizes)).toEqual(new Set([heap]));
    expect(bytes).toBe(backend.stats().bytes);
    expect(heap).toBeLessThan(2 * bytes + 1000); // the new weights lie where the old ones lay
  });
});

test("the garbage collector is only the net: what no scope owns is found by it, nothing else waits for it", async () => {
  const backend = openSync({ seed: 1 });
  for (let i = 0; i < 50; i++) add(backend.tensor([i]), 1).dataSync();
  expect(backend.stats().live).toBe(100);
  await untilFewLive(backend);
  const held = add(backend.tensor([1]), 1);
  await collect();
  expect(held.itemSync()).toBe(2);
});

test("planning the gradient of a recurrent net takes time in proportion to its steps", async () => {
  const backend = openSync({ seed: 1 });
  seed(1);
  const model = LSTM({ in: 8, hidden: 8 });
  /** Seconds of the processor. */
  const time = async (steps: number): Promise<number> => {
    const x = backend.randn([steps, 1, 8], { seed: 1 });
    await sum(model(x)).data();
    const before = process.cpuUsage();
    const tape = diff(() => sum(square(model(x))));
    await tape.value.data();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  await time(100);
  // It was 40 times as long.
  expect((await time(2000)) / (await time(500))).toBeLessThan(12);
});
