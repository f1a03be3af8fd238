// Loops without a scope on WebGPU: their reads let the garbage collector report what it found, and make it run when
// many bytes belong to no scope. WEFT_LONG=1 runs 2,000 steps of each.
import { diff, keep, scope } from "@weft/autograd";
import { Linear, mse, seed } from "@weft/nn";
import { sgd } from "@weft/optim";
import { add, matmul, MemoryError, mul, type Tensor } from "@weft/tensor";
import { expect, vi } from "vitest";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

const long = process.env["WEFT_LONG"] === "1";
vi.setConfig({ testTimeout: long ? 1_200_000 : 240_000 });

const LIMIT = 1 << 22; // one slab of the software driver

describeOnDevice("loops without a scope stay within memory that a few of their steps would fill", () => {
  async function world() {
    const backend = await open({ memoryLimit: LIMIT, seed: 1 });
    seed(1);
    const model = Linear(64, 128);
    const [x, y] = scope(() => keep([backend.randn([64, 64]), backend.randn([64, 128])] as const));
    const optimizer = sgd({ lr: 0.01 });
    const train = (): Tensor =>
      scope(() => {
        const tape = diff(() => mse(model(x), y));
        optimizer.update(tape);
        return tape.value;
      });
    return { backend, model, x, y, optimizer, train };
  }
  type World = Awaited<ReturnType<typeof world>>;
  const loops: Record<string, (w: World) => () => Promise<unknown>> = {
    "a model":
      ({ model, x }) =>
      () =>
        model(x).data(),
    functions:
      ({ x }) =>
      () =>
        add(mul(x, 2), 1).sum().item(),
    "a parameter read after a step":
      ({ train, model }) =>
      async () => {
        train();
        await model.weight.value.sum().item();
      },
    "an asynchronous scope":
      ({ model, x }) =>
      () =>
        scope(async () => {
          await model(x).data();
          return matmul(model(x), model.weight).sum().item();
        }),
    "diff and update":
      ({ model, x, y, optimizer }) =>
      async () => {
        const tape = diff(() => mse(model(x), y));
        optimizer.update(tape);
        await tape.value.item();
      },
  };
  for (const [name, make] of Object.entries(loops))
    onDevice(name, async () => {
      const w = await world();
      const step = make(w);
      const steps = long ? 2000 : 160;
      let peak = 0;
      for (let i = 0; i < steps; i++) {
        await step();
        peak = Math.max(peak, w.backend.stats().bytes);
      }
      if (long) console.log(name, `at most ${(peak / 2 ** 20).toFixed(2)} MiB`, w.backend.stats().reserved);
      expect(peak).toBeLessThan(LIMIT);
      expect(w.backend.stats().reserved).toBeLessThanOrEqual(LIMIT);
      w.backend.destroy();
    });

  onDevice("values that are held fill it, and the message says how many no scope owns", async () => {
    const { backend, x } = await world();
    const held: Tensor[] = [];
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        held.push(mul(x, i));
        await held.at(-1)!.data();
      }
    };
    await expect(fill()).rejects.toThrow(
      /^tensor-webgpu: no memory for 16384 bytes: .* \d+ values that no scope owns hold \d+ of them: make them inside scope/,
    );
    await expect(fill()).rejects.toThrow(MemoryError);
    backend.destroy();
  });
});
