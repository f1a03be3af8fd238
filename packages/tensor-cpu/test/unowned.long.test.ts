// Values that no scope owns, in loops that never let the garbage collector tell of them: the heap stays flat, and what a program
// still holds keeps its value. WEFT_LONG=1 runs the loops for 100,000 steps and prints how far the heap has grown.
import { diff, keep, param, scope, state } from "@weft/autograd";
import { Chain, crossEntropy, GRU, LayerNorm, Linear, seed } from "@weft/nn";
import { adam, clipNorm, chain, momentum, sgd } from "@weft/optim";
import {
  add,
  matmul,
  MemoryError,
  mul,
  relu,
  reshape,
  slice,
  square,
  sub,
  sum,
  transpose,
  type Tensor,
} from "@weft/tensor";
import { describe, expect, test, vi } from "vitest";
import { everything } from "../../../test/extent.ts";
import { openSync, type CpuBackend } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";
import { collect, untilFewLive } from "./garbage.ts";

const long = process.env.WEFT_LONG === "1";
vi.setConfig({ testTimeout: long ? 1_200_000 : 120_000 });

const MB = 1 << 20;
const LIMIT = MB;

/** Whole numbers below a bound, the same for a seed. */
const draws = (seed: number) => (bound: number) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * bound);
};

interface World {
  readonly backend: CpuBackend;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly model: (x: Tensor) => Tensor;
  readonly weight: { value: Tensor };
  readonly train: () => void;
}

function world(fuse: boolean): World {
  const backend = openSync({ seed: 1, memoryLimit: LIMIT, fuse });
  seed(1);
  const first = Linear(16, 32);
  const model = Chain(first, relu, LayerNorm(32), Linear(32, 10));
  const [x, y] = scope(() => keep([backend.randn([16, 16]), backend.randint([16], { high: 10 })] as const));
  const optimizer = adam();
  const train = (): void => scope(() => optimizer.update(diff(() => crossEntropy(model(x), y))));
  return { backend, x, y, model, weight: first.weight, train };
}

/** A step of a loop as somebody writes it who thinks of no memory. */
type Step = (w: World) => (i: number) => unknown;
const loops: Record<string, Step> = {
  "await model(x).data()": (w) => () => w.model(w.x).data(),
  "await model(x).sum().item()": (w) => () => w.model(w.x).sum().item(),
  "model(x).arraySync()": (w) => () => w.model(w.x).arraySync(),
  "functions instead of layers": (w) => {
    const v = scope(() => keep(w.backend.randn([16, 64])));
    return () => relu(matmul(w.x, v)).sub(1).square().array();
  },
  "a chain of operations": (w) => () => add(mul(w.x, 2), 1).sum().item(),
  "a chain of operations, at once": (w) => () => add(mul(w.x, 2), 1).exp().add(1).log().sum().itemSync(),
  "views of what was stored": (w) => async () => {
    const h = add(w.x, 1);
    await h.data();
    await transpose(slice(h, { starts: [3] }))
      .mul(2)
      .array();
  },
  uploads: (w) => async (i) => {
    const z = w.backend.tensor(new Float32Array(700).fill(i % 7));
    if ((await z.sum().item()) !== 700 * (i % 7)) throw new Error("wrong sum");
  },
  "uploads that are only read": (w) => (i) => {
    if (w.backend.tensor(new Float32Array(700).fill(i % 7)).dataSync()[699] !== i % 7) throw new Error("wrong value");
  },
  "a parameter read after a scoped step": (w) => async () => {
    w.train();
    await w.weight.value.sum().item();
  },
  "a parameter read at once after a scoped step": (w) => () => {
    w.train();
    w.weight.value.arraySync();
  },
  "an asynchronous scope": (w) => () =>
    scope(async () => {
      const h = w.model(w.x);
      await h.data();
      const z = mul(w.model(w.x), 2);
      await z.data();
      return add(z, h).sum().item();
    }),
  "diff and update by hand": (w) => {
    const optimizer = momentum({ lr: 0.01 });
    return async () => {
      const tape = diff(() => crossEntropy(w.model(w.x), w.y));
      optimizer.update(tape);
      await tape.value.item();
    };
  },
  "diff and update by hand, at once": (w) => {
    const optimizer = chain(clipNorm(1), sgd({ lr: 0.01 }));
    return () => {
      const tape = diff(() => crossEntropy(w.model(w.x), w.y));
      optimizer.update(tape);
      tape.value.itemSync();
    };
  },
  "gradients by hand": (w) => {
    const p = scope(() => param(w.backend.randn([16, 32])));
    return async () => {
      const tape = diff(() => sum(square(matmul(w.x, p))));
      p.value = sub(p.value, mul(tape.grad(p), 1e-4));
      await tape.value.item();
    };
  },
  "an asynchronous diff": (w) => {
    const p = scope(() => param(w.backend.randn([16, 32])));
    return async () => {
      const tape = await diff(async (t) => {
        const h = matmul(w.x, p);
        const norm = await t.wait(h.square().sum().item());
        return sum(mul(h, 1 / norm));
      });
      p.value = sub(p.value, mul(tape.grad(p), 1e-4));
    };
  },
  "losses returned from a scope": (w) => async () => {
    const loss = scope(() => crossEntropy(w.model(w.x), w.y, { reduction: "none" }).add(w.backend.ones([40, 16])));
    await loss.data();
  },
  "a recurrent layer and its state": (w) => {
    const rnn = GRU({ in: 16, hidden: 16 });
    const h = scope(() => state(w.backend.zeros([1, 1, 16])));
    return async () => {
      const end = rnn.run(reshape(w.x, [16, 1, 16]), { h });
      h.value = end.h;
      await end.y.data();
    };
  },
};

describe.each([
  ["merged", true, false],
  ["unmerged", false, false],
  ["merged, machine code", true, codes[1][1]],
])("%s, loops without a scope stay within a heap that few of their steps would fill", (_, fuse, native) => {
  computingWith(native);
  test.each(Object.entries(loops))("%s", async (name, make) => {
    const w = world(fuse);
    const step = make(w);
    const steps = long && fuse ? 100_000 : fuse ? 1000 : 400;
    const tops: [number, number][] = [];
    for (let i = 1; i <= steps; i++) {
      const result = step(i);
      if (result instanceof Promise) await result;
      if (i === steps / 2 || i === 1000 || i === 10_000 || i === steps) tops.push([i, w.backend.stats().heap]);
    }
    if (long) console.log(name, tops.map(([i, top]) => `${i}: ${(top / MB).toFixed(2)} MiB`).join(", "));
    const { moved, unowned, heap } = w.backend.stats();
    expect(moved).toBeGreaterThan(0);
    expect(unowned).toBeLessThan(LIMIT / 2);
    expect(heap).toBeLessThan(0.75 * LIMIT);
    expect(heap).toBeLessThan(1.5 * tops[0]![1]);
  });

  test("losses by the thousand, as small as a value can be", async () => {
    const w = world(fuse);
    for (let i = 0; i < (long ? 100_000 : 3000); i++) {
      const loss = scope(() => sum(add(w.x, i)));
      await loss.item();
    }
    expect(w.backend.stats()).toMatchObject({ unowned: expect.toSatisfy((n: number) => n < LIMIT / 4) as number });
    expect(w.backend.stats().live).toBeLessThan(1000);
  });

  test("what is held keeps its value, wherever it lies meanwhile", async () => {
    const { backend } = world(fuse);
    const held = Array.from({ length: 20 }, (_, i) => add(backend.full([1000], i), 0.5));
    const integers = Array.from({ length: 20 }, (_, i) =>
      backend.tensor(Int32Array.from({ length: 500 }, (_, k) => i * k)),
    );
    const truths = integers.map((x) => x.mod(2).equal(0));
    const doubles = held.map((x) => x.cast("f64").div(3));
    const views = held.map((x) => transpose(reshape(slice(x, { starts: [100], ends: [110] }), [2, 5])));
    backend.flush();
    const late = held.map((x) => slice(x, { starts: [998] }));
    for (let i = 0; i < 400; i++) backend.tensor(new Float32Array(1000).fill(i)).add(1).dataSync();
    expect(backend.stats().moved).toBeGreaterThan(2 * LIMIT);
    for (let i = 0; i < 20; i++) {
      expect(held[i]!.dataSync()[999]).toBe(i + 0.5);
      expect((await integers[i]!.data())[499]).toBe(i * 499);
      expect([...truths[i]!.dataSync().subarray(0, 3)]).toEqual([1, i % 2 === 0 ? 1 : 0, 1]);
      expect(doubles[i]!.dataSync()[3]).toBe((i + 0.5) / 3);
      expect(views[i]!.arraySync()).toEqual(Array.from({ length: 5 }, () => [i + 0.5, i + 0.5]));
      expect(late[i]!.arraySync()).toEqual([i + 0.5, i + 0.5]);
    }
    // Used as operands, given to a scope, given to a box, released.
    const total = held.reduce((a, b) => add(a, b));
    expect(total.dataSync()[0]).toBe(200);
    const kept = scope(() => keep(slice(held[3]!, { ends: [2] })));
    const box = scope(() => param(held[4]!));
    held[5]!.release();
    expect(() => held[5]!.dataSync()).toThrow("was released");
    for (let i = 0; i < 400; i++) backend.tensor(new Float32Array(1000).fill(i)).add(1).dataSync();
    expect(kept.arraySync()).toEqual([3.5, 3.5]);
    scope(() => expect(box.value.dataSync()[7]).toBe(4.5));
    expect(held[6]!.mul(2).dataSync()[1]).toBe(13);
  });

  test("a value used at every step stays where it is", () => {
    const { backend } = world(fuse);
    const table = backend.tensor(Float32Array.from({ length: 100_000 }, Math.sqrt), { shape: [200, 500] }); // 400 kB
    const first = table.dataSync();
    for (let i = 0; i < 600; i++)
      slice(table, { starts: [i % 200], ends: [1 + (i % 200)] })
        .mul(backend.ones([4, 1]))
        .dataSync();
    const { moved } = backend.stats();
    expect(moved).toBeLessThan(600 * 8192 + 2 * table.size * 4);
    expect(table.dataSync()).toEqual(first);
  });

  test("what scopes and boxes own never moves", () => {
    const w = world(fuse);
    for (let i = 0; i < 200; i++) w.train();
    expect(w.backend.stats().moved).toBe(0);
    // Not even where a handle that no scope owns is on it, too.
    const handle = w.weight.value;
    const kept = w.backend.stats().live;
    for (let i = 0; i < 300; i++) scope(() => keep(w.backend.ones([1000]))).dataSync();
    expect(w.backend.stats().moved).toBeGreaterThan(0);
    expect([0, 1088]).toContain(w.backend.stats().moved % 4096); // vectors of 1,000, x and y, and nothing else
    expect(w.backend.stats().live).toBeGreaterThan(kept);
    w.train();
    expect(handle.dataSync()).not.toEqual(scope(() => w.weight.value.dataSync()));
  });
});

describe("where memory does run out", () => {
  const fill = (backend: CpuBackend, held: Tensor[]): void => {
    for (let i = 0; i < 2000; i++) {
      held.push(backend.tensor(new Float32Array(2500).fill(i)).add(1));
      held.at(-1)!.dataSync();
    }
  };

  test("the message counts what no scope owns, and says what helps", () => {
    const backend = openSync({ memoryLimit: LIMIT });
    const held: Tensor[] = [];
    const began = "tensor-cpu: no memory for 10000 bytes: ";
    let message = "";
    try {
      fill(backend, held);
    } catch (error) {
      expect(error).toBeInstanceOf(MemoryError);
      ({ message } = error as Error);
    }
    expect(message.slice(0, began.length)).toBe(began);
    expect(message).toMatch(
      /\. \d+ values that no scope owns hold \d+ of them: make them inside scope\(\(\) => …\), which releases what it does not return, or release\(\) them$/,
    );
    // Wherever they lie, no more of them live than the heap holds; and nothing is lost.
    expect(held.length).toBeGreaterThan(0.9 * (LIMIT / 10_240));
    expect(held.length).toBeLessThan(1.1 * (LIMIT / 10_240));
    expect(message).toMatch(/: 1\d{6} are in use and the heap ends at 1048576\. 1\d\d values/);
    held.pop();
    held.forEach((x, i) => expect(x.dataSync()[2499]).toBe(i + 1));
    // What was released makes room again.
    for (const x of held) x.release();
    held.length = 0;
    for (let i = 0; i < 500; i++) backend.tensor(new Float32Array(2500)).add(i).dataSync();
  });

  test("a step that is too large for it changes nothing but time", () => {
    const backend = openSync({ memoryLimit: LIMIT, seed: 1 });
    const held = Array.from({ length: 20 }, (_, i) => add(backend.full([1000], i), 1));
    backend.flush();
    for (let i = 0; i < 100; i++) {
      expect(() => backend.ones([MB]).add(1).dataSync()).toThrow(MemoryError);
      expect(held[i % 20]!.sum().itemSync()).toBe(1000 * ((i % 20) + 1));
    }
  });

  test("results that a program keeps as arrays take nothing from the room of evicted values", () => {
    const backend = openSync({ memoryLimit: LIMIT });
    const results = Array.from({ length: 1500 }, (_, i) => backend.full([2500], i).add(1).dataSync());
    expect(results.every((a, i) => a[2499] === i + 1)).toBe(true);
  });

  test("where the engine does not collect, evicted values that were released are not subtracted from what is there", () => {
    const { isView } = ArrayBuffer;
    vi.stubGlobal(
      "ArrayBuffer",
      Object.assign(function () {}, { isView }),
    );
    const backend = openSync({ memoryLimit: LIMIT });
    try {
      const held: Tensor[] = [];
      fill(backend, held);
      for (const x of held) x.release();
    } finally {
      vi.unstubAllGlobals();
    }
    const values = Array.from({ length: 80 }, () => backend.tensor(new Float32Array(2500)));
    const full = (): unknown => {
      const views = values.map((x) => slice(x, { starts: [1] }));
      scope(() => views.map((x) => sum(x)).reduce(add)).dataSync();
      return [views, backend.tensor(new Float32Array(90_000))];
    };
    expect(() => scope(full)).toThrow(/80 values that no scope owns hold 8\d\d\d\d\d of them/);
  });
});

test.each(everything ? [1, 2, 3] : [1])(
  "random programs give the same numbers in little memory as in much (%i)",
  async (first) => {
    const small = openSync({ memoryLimit: LIMIT, seed: 1 });
    const large = openSync({ seed: 1 });
    const draw = draws(first);
    const both = (f: (b: CpuBackend, k: 0 | 1) => Tensor): Pair => [f(small, 0), f(large, 1)];
    type Pair = [Tensor, Tensor];
    const pool: Pair[] = [both((b) => b.randn([40, 50], { seed: 1 }))];
    const boxes = [small, large].map((b) => scope(() => param(b.randn([40, 50], { seed: 2 }))));
    const pick = (): Pair => pool[draw(pool.length)]!;
    const whole = (x: Tensor): Tensor => (x.shape[0] === 40 ? x : transpose(x));
    const made: ((x: Pair) => Pair | undefined)[] = [
      (x) => both((_, k) => add(whole(x[k]), 1)),
      (x) => both((_, k) => sub(whole(x[k]), whole(x[k]).mean())),
      (x) => both((_, k) => transpose(x[k])),
      (x) => both((b, k) => add(whole(x[k]).mul(0.5), b.ones([50]))),
      (x) => both((_, k) => scope(() => keep(whole(x[k]).tanh().add(boxes[k]!)))),
      (x) => both((_, k) => scope(() => mul(whole(x[k]), 0.5))),
      () => both((b) => b.tensor(new Float32Array(2000).fill(pool.length), { shape: [40, 50] })),
      () => both((_, k) => boxes[k]!.value),
      (x) => void boxes.forEach((box, k) => (box.value = whole(x[k]!).tanh())),
      (x) =>
        void boxes.forEach((box, k) =>
          scope(
            () =>
              (box.value = sub(
                box,
                diff(() => sum(square(mul(box, whole(x[k]!).tanh()))))
                  .grad(box)
                  .mul(0.01),
              )),
          ),
        ),
    ];
    for (let i = 0; i < 1500; i++) {
      const next = made[draw(made.length)]!(pick());
      if (next !== undefined) pool.push(next);
      if (draw(3) === 0) {
        const [a, b] = pick();
        expect(draw(2) === 0 ? a.dataSync() : await a.data()).toEqual(b.dataSync());
      }
      if (draw(50) === 0) await new Promise((resolve) => setTimeout(resolve));
      while (pool.length > 60) {
        const [[a, b]] = pool.splice(1 + draw(pool.length - 1), 1) as [Pair];
        if (draw(2) === 0) [a, b].forEach((x) => x.release());
      }
    }
    for (const [a, b] of pool) expect(a.dataSync()).toEqual(b.dataSync());
    expect(small.stats().moved).toBeGreaterThan(2 * LIMIT);
  },
);

describe("boxes that nobody refers to any more", () => {
  const loops: Record<string, (b: CpuBackend, x: Tensor) => () => Promise<unknown>> = {
    "a state a step": (b, x) => async () => {
      const h = state(b.zeros([64, 64]));
      h.value = add(h, x);
      await h.value.data();
    },
    "a model a step": (_, x) => () => {
      const m = Linear(64, 64);
      return scope(() => m(x)).data();
    },
    "a model and an optimizer a step": (b, x) => async () => {
      const m = Chain(Linear(64, 32), Linear(32, 4));
      const y = b.zeros([64], { dtype: "i32" });
      const optimizer = adam();
      for (let k = 0; k < 2; k++)
        await scope(() => {
          const tape = diff(() => crossEntropy(m(x), y));
          optimizer.update(tape);
          return tape.value;
        }).item();
    },
  };
  test.each(Object.entries(loops))("%s", async (_, loop) => {
    const b = openSync({ memoryLimit: LIMIT, seed: 1 });
    const x = scope(() => keep(b.ones([64, 64])));
    const step = loop(b, x);
    for (let i = 0; i < 150; i++) await step(); // what 64 of them make would fill the memory
  });
});

test("after a MemoryError the memory is there again as soon as nobody refers to what was in it", async () => {
  const backend = openSync({ memoryLimit: 4 << 20 });
  const greedy = async (): Promise<void> => {
    const held: Tensor[] = [];
    for (;;) {
      held.push(backend.rand([100_000]));
      await held.at(-1)!.data();
    }
  };
  await expect(greedy()).rejects.toThrow(MemoryError);
  await new Promise((resolve) => setTimeout(resolve));
  for (let i = 0; i < 100; i++) expect(await backend.ones([100_000]).sum().item()).toBe(100_000);
});

test("the garbage collector finds what was not moved, also after it came back", async () => {
  const backend = openSync({ memoryLimit: LIMIT });
  let held: Tensor[] | undefined = Array.from({ length: 30 }, (_, i) => backend.full([2000], i).add(1));
  for (let i = 0; i < 600; i++) backend.tensor(new Float32Array(1000)).add(1).dataSync();
  for (const x of held) x.mul(2).dataSync();
  expect(backend.stats().moved).toBeGreaterThan(0);
  held = undefined;
  await untilFewLive(backend);
});

describe("a handle that is collected while its value is evicted", () => {
  const backend = openSync({ memoryLimit: LIMIT });
  /** Evicted values of which no handle is left but those that `rest` makes. */
  const few = 10;
  const evicted = async (rest: (x: Tensor) => Tensor): Promise<Tensor[]> => {
    const make = (): Tensor[] => {
      const held = Array.from({ length: few }, (_, i) => backend.tensor(new Float32Array(2000).fill(i)));
      const before = backend.stats().moved;
      const views = held.map((x) => slice(x, { starts: [1] }));
      for (let i = 0; i < 600; i++) backend.tensor(new Float32Array(1000));
      expect(backend.stats().moved - before).toBeGreaterThan(0);
      return views.map(rest);
    };
    const left = make();
    await collect();
    return left;
  };
  const nothingIsLeft = (): Promise<void> => untilFewLive(backend, 0);

  test("is not missed when a view brings it back", async () => {
    const views = await evicted((x) => x);
    views.forEach((x, i) => expect(scope(() => sum(x).itemSync())).toBe(1999 * i));
    views.forEach((x) => x.release());
    await nothingIsLeft();
  });

  test("nor when what is pending does", async () => {
    const results = await evicted((x) => mul(x, 2));
    expect(backend.stats().pending).toBe(few);
    results.forEach((x, i) => expect(x.dataSync()[1998]).toBe(2 * i));
    results.forEach((x) => x.release());
    await nothingIsLeft();
  });
});
