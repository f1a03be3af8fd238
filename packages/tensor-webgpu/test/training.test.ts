// Tapes, scopes, boxes and updates on WebGPU: the same program text as on the CPU gives the same numbers, nothing
// leaks, and the steps after the first few compile and create nothing.
import { diff, grad, keep, param, scope, state, type Param } from "@weft/autograd";
import { Chain, Conv, crossEntropy, dropout, Linear, MaxPool, seed } from "@weft/nn";
import { adam, minimize, sgd } from "@weft/optim";
import * as T from "@weft/tensor";
import { add, flatten, matmul, mul, relu, square, sub, sum, tanh, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect, vi } from "vitest";
import { everything } from "../../../test/extent.ts";
import { open, type WebGpuBackend } from "../src/index.node.ts";
import { describeOnDevice, onDevice, ownDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));

/** The elements of a box. */
async function elements(p: Param): Promise<number[]> {
  const value = p.value;
  try {
    return [...(await value.data())];
  } finally {
    value.release();
  }
}

/** A regression in few primitives, by hand: ten steps with momentum; the losses, and the parameters at the end. */
async function slice({ tensor, zeros }: Creation): Promise<number[]> {
  const x = tensor(wave(40, 0.7), { shape: [8, 5] });
  const labels = tensor(wave(24, 1.3), { shape: [8, 3] });
  const w = scope(() => param(tensor(wave(15, 0.4), { shape: [5, 3] })));
  const b = scope(() => param(zeros([3])));
  const velocity = new Map<Param, Tensor>();
  const found: number[] = [];
  for (let step = 0; step < 10; step++) {
    const loss = scope(() => {
      const tape = diff(() => {
        const y = add(matmul(x, w), b);
        const p = T.exp(sub(y, T.max(y, { axis: 1, keepDims: true })));
        const q = T.div(p, sum(p, { axis: 1, keepDims: true }));
        const chosen = T.where(T.greater(labels, 0), q, T.reshape(T.transpose(T.reshape(q, [3, 8])), [8, 3]));
        return T.mean(square(sub(T.log(add(chosen, 1)), relu(labels))));
      });
      for (const p of [w, b]) {
        const old = velocity.get(p);
        const v = keep(old === undefined ? mul(tape.grad(p), 1) : add(mul(old, 0.9), tape.grad(p)));
        old?.release();
        velocity.set(p, v);
        p.value = sub(p.value, mul(v, 0.5));
      }
      return keep(tape.value);
    });
    found.push(await loss.item());
    loss.release();
  }
  found.push(...(await elements(w)), ...(await elements(b)));
  for (const v of velocity.values()) v.release();
  for (const t of [x, labels]) t.release();
  return found;
}

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((v, i) => {
    const w = wanted[i]!;
    if (!(Math.abs(v - w) <= tolerance * Math.max(1, Math.abs(w)))) expect.fail(`number ${i}: got ${v}, wanted ${w}`);
  });
}

describeOnDevice("a regression by hand", () => {
  const memory = { first: 1 << 20, most: 1 << 20, limit: 1 << 22 };
  const subjects = {
    merged: () => open({}),
    "side by side": () => openSmall({ settled: 0 }, memory),
    ...(everything && { unmerged: () => open({ fuse: false }), trusted: () => open({ trusted: true }) }),
  };
  onDevice.each(Object.entries(subjects))("%s: as on the CPU, and nothing is left", async (_, make) => {
    const backend = await make();
    const cpu = await openCpu({});
    expectClose(await slice(backend), await slice(cpu), 1e-5);
    expect(backend.stats().live).toBe(2); // the parameters
  });
});

describeOnDevice("lifetimes", () => {
  onDevice("nested grad, and an update while the old value is still to be read", async () => {
    const backend = await open({});
    const cube = (x: Tensor) => sum(mul(mul(x, x), x));
    const x = backend.tensor([1, 2, -3]);
    expect(await grad((v: Tensor) => sum(grad(cube)(v)))(x).array()).toEqual([6, 12, -18]);
    const p = param(backend.tensor([1, 2]));
    const [old, double, now] = scope(() => {
      const before = keep(p.value);
      const twice = keep(mul(p, 2));
      for (let i = 0; i < 3; i++) p.value = sub(p.value, 0.5);
      return [before, twice, keep(add(p.value, 0))];
    });
    expect(await now.array()).toEqual([-0.5, 0.5]);
    expect(await old.array()).toEqual([1, 2]);
    expect(await double.array()).toEqual([2, 4]);
  });

  onDevice("an asynchronous diff decides on data", async () => {
    const { tensor } = await open({});
    const p = param(tensor([3]));
    const tape = await diff(async (t) => {
      let y = mul(p, p);
      while ((await t.wait(sum(y).item())) < 100) y = mul(y, 2);
      return sum(y);
    });
    expect(await tape.value.item()).toBe(144);
    expect(await tape.grad(p).array()).toEqual([96]);
    tape.release();
  });

  onDevice("a hand-written loop with state stays flat, and settles", async () => {
    const backend = await open({});
    const w = scope(() => param(backend.tensor(wave(16, 0.9), { shape: [4, 4] })));
    const h = scope(() => state(backend.zeros([2, 4])));
    const step = (i: number): void =>
      scope(() => {
        const tape = diff(() => {
          h.value = tanh(add(matmul(h, w), Math.sin(i)));
          return sum(square(h));
        });
        w.value = sub(w.value, mul(tape.grad(w), 0.01 / (1 + i)));
      });
    for (let i = 0; i < 10; i++) step(i);
    await elements(w);
    await vi.waitFor(() => expect(backend.stats().compiling).toBe(0), 60_000);
    const settled = backend.stats();
    for (let i = 0; i < 400; i++) step(i);
    await elements(w);
    const { live, bytes, reserved, pipelines, bindGroups, plans, slabs, submits } = backend.stats();
    expect({ live, bytes, reserved, pipelines, bindGroups, plans, slabs }).toEqual({
      live: settled.live,
      bytes: settled.bytes,
      reserved: settled.reserved,
      pipelines: settled.pipelines,
      bindGroups: settled.bindGroups,
      plans: settled.plans,
      slabs: settled.slabs,
    });
    expect(submits - settled.submits).toBeLessThanOrEqual(402);
  });

  onDevice("the epilogue of a reduction runs in its launch", async () => {
    const backend = await open({});
    const x = backend.tensor(wave(24, 0.7), { shape: [8, 3] });
    const b = scope(() => param(backend.tensor([1, 2, 3])));
    const { launches } = backend.stats();
    const mean = scope(() => {
      b.value = sub(b.value, mul(sum(x, { axis: 0 }), 0.1));
      return keep(T.mean(square(x)));
    });
    expect(backend.stats().launches - launches).toBe(2);
    const values = [...wave(24, 0.7)];
    const column = (j: number): number => values.reduce((total, v, i) => total + (i % 3 === j ? v : 0), 0);
    expectClose(
      await elements(b),
      [0, 1, 2].map((j) => j + 1 - 0.1 * column(j)),
      1e-6,
    );
    expectClose([await mean.item()], [values.reduce((total, v) => total + v * v, 0) / 24], 1e-6);
  });
});

describeOnDevice("a repeated plan needs fewer dispatches", () => {
  const sizes = [3, 5, 7, 11];
  /** Halves four parameters at once; how many dispatches that took. */
  function halving(backend: WebGpuBackend) {
    const ps = sizes.map((n) => scope(() => param(backend.tensor(wave(n, 1)))));
    const step = (): number => {
      const before = backend.stats().dispatches;
      scope(() => {
        for (const p of ps) p.value = mul(p.value, 0.5);
      });
      return backend.stats().dispatches - before;
    };
    return { ps, step };
  }

  onDevice(
    "once its programs are made, in the background; results do not change, and nothing more is compiled",
    async () => {
      const backend = await open({});
      const { ps, step } = halving(backend);
      const dispatches = Array.from({ length: 5 }, step);
      expect(dispatches).toEqual([4, 4, 4, 4, 4]);
      expect(backend.stats()).toMatchObject({ compiling: 1, pipelines: 1 });
      await vi.waitFor(() => expect(backend.stats()).toMatchObject({ compiling: 0, pipelines: 2 }), 60_000);
      const values = async (): Promise<number[]> => (await Promise.all(ps.map(elements))).flat();
      const before = await values();
      expect([step(), step(), step()]).toEqual([1, 1, 1]);
      expect(before).toEqual(sizes.flatMap((n) => [...wave(n, 1)].map((v) => v / 32)));
      expect(await values()).toEqual(before.map((v) => v / 8));
      const { bindGroups } = backend.stats();
      for (let i = 0; i < 20; i++) step();
      await values();
      expect(backend.stats()).toMatchObject({ compiling: 0, pipelines: 2, bindGroups });
    },
  );

  onDevice("also in a loop that never waits, after more runs", async () => {
    const { step } = halving(await open({}));
    const dispatches = Array.from({ length: 40 }, step);
    expect(dispatches).toEqual(Array.from({ length: 40 }, (_, i) => (i < 35 ? 4 : 1)));
  });

  onDevice(
    "if the device refuses a program, its launches keep running one by one, and that is reported once",
    async () => {
      const device = await ownDevice();
      device.createComputePipelineAsync = () => Promise.reject(new Error("no room"));
      const backend = await open({ device });
      const { ps, step } = halving(backend);
      for (let i = 0; i < 4; i++) step();
      await expect(elements(ps[0]!)).rejects.toThrow(/^tensor-webgpu: in mul \(1\) \| mul.*: no room$/);
      expect(Array.from({ length: 40 }, step)).toEqual(Array.from({ length: 40 }, () => 4));
      expect(await elements(ps[0]!)).toEqual([...wave(3, 1)].map((v) => v / 2 ** 44));
    },
  );
});

describeOnDevice("models", () => {
  /** The losses of a small net with convolution, pooling and dropout. */
  async function losses(backend: Creation & T.Backend, rule: () => ReturnType<typeof sgd>): Promise<number[]> {
    seed(5);
    const model = Chain(
      Conv({ in: 1, out: 3, kernel: 3 }),
      relu,
      MaxPool(2),
      flatten,
      (x: Tensor) => dropout(x, 0.25, { seed: 3 }),
      Linear(48, 10),
    );
    const batches = Array.from({ length: 6 }, (_, i) => [
      backend.tensor(wave(4 * 100, 0.3 + i), { shape: [4, 1, 10, 10] }),
      backend.tensor([i, 1, 2, 3], { dtype: "i32" }),
    ]) as [Tensor, Tensor][];
    const found: number[] = [];
    const loss = (x: Tensor, y: Tensor): Tensor => crossEntropy(model(x) as Tensor, y);
    for await (const l of minimize(loss, batches, rule())) found.push(await l.item());
    for (const pair of batches) for (const x of pair) x.release();
    return found;
  }

  onDevice.each([
    ...(everything ? [["sgd", () => sgd({ lr: 0.1 })] as const] : []),
    ["adam", () => adam({ lr: 0.01 }) as unknown as ReturnType<typeof sgd>],
  ] as const)("the same text trains on both backends: %s", async (_, rule) => {
    const [gpu, cpu] = [await open({}), await openCpu({})];
    const [got, wanted] = [await losses(gpu, rule), await losses(cpu, rule)];
    expect(wanted[0]).not.toBeCloseTo(wanted.at(-1)!, 3);
    expectClose(got, wanted, 1e-4);
  });
});
