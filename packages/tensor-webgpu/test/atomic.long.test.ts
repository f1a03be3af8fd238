// A flush is atomic on a device, too: a step that runs out of memory, or is refused, leaves parameters and moments as
// they were.
import { diff, scope } from "@weft/autograd";
import { Chain, crossEntropy, Linear, params, seed } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import * as T from "@weft/tensor";
import { IndexError, MemoryError, relu, type Backend, type Creation, type Tensor } from "@weft/tensor";
import type { Node } from "@weft/kernel";
import { describe, expect, vi } from "vitest";
import { Reader } from "../src/reader.ts";
import { open } from "../src/index.node.ts";
import { describeOnDevice, longOnDevice, onDevice, ownDevice } from "./device.ts";
import { openSmall } from "./small.ts";

/** A perceptron with Adam, and one step of it. */
function trainer(b: Backend & Creation) {
  seed(5);
  const model = Chain(Linear(4, 8), relu, Linear(8, 3)) as unknown as (x: Tensor) => Tensor;
  const rule = adam({ lr: 0.01 });
  const labels = Int32Array.from({ length: 15_000 }, (_, i) => i % 3);
  const loss = (n: number, wrong = 0): Tensor => {
    const index = b.tensor(labels.subarray(0, n));
    return crossEntropy(model(b.randn([n, 4], { seed: 7 })), wrong === 0 ? index : T.add(index, wrong));
  };
  const step = (n: number, wrong?: number): Tensor =>
    scope(() => {
      const tape = diff(() => loss(n, wrong));
      rule.update(tape);
      return T.keep(tape.value);
    });
  const values = async (): Promise<number[][]> => {
    const boxes = params(model).flatMap((p) => [p, ...Object.values(rule.stateOf(p) ?? {})]);
    return Promise.all(boxes.map(async (x) => [...(await x.value.data())]));
  };
  return { rule, loss, step, values, model };
}

describeOnDevice("a step that fails", () => {
  describe.each([
    ["merged", true],
    ["unmerged", false],
  ])("%s", (_, fuse) => {
    const memory = { first: 1 << 18, most: 1 << 19, limit: 1 << 20 };
    const small = () => openSmall({}, memory, { fuse });

    (fuse ? onDevice : longOnDevice)(
      "for lack of memory changes nothing, 50 times, and the next one trains on with the same bits",
      async () => {
        const [plain, failing] = [trainer(await small()), trainer(await small())];
        // The parameters' initial values are computed in a step that fails.
        expect(() => failing.step(15_000)).toThrow(MemoryError);
        const wanted = [await plain.step(6).item(), await plain.step(6).item()];
        const first = await failing.step(6).item();
        for (let i = 0; i < 50; i++) expect(() => failing.step(15_000)).toThrow(MemoryError);
        expect(failing.rule.steps).toBe(1);
        expect([first, await failing.step(6).item()]).toEqual(wanted);
        expect(await failing.values()).toEqual(await plain.values());
      },
    );

    onDevice("in minimize, or without a scope", async () => {
      const [plain, failing] = [trainer(await small()), trainer(await small())];
      await plain.step(6).item();
      const run = async (sizes: number[]): Promise<void> => {
        for await (const _ of minimize((n: number) => failing.loss(n), sizes, failing.rule));
      };
      await expect(run([6, 15_000, 6])).rejects.toThrow(MemoryError);
      const tape = diff(() => failing.loss(15_000));
      failing.rule.update(tape);
      await expect(tape.value.data()).rejects.toThrow(MemoryError);
      await expect(tape.value.data()).rejects.toThrow(
        /was lost when an earlier launch failed: tensor-webgpu: no memory/,
      );
      expect(await failing.values()).toEqual(await plain.values());
    });

    onDevice("because of a label that was uploaded changes nothing; minimize stops there", async () => {
      const [b, plain] = [await small(), trainer(await small())];
      const failing = trainer(b);
      const bad = (): Tensor => crossEntropy(T.mul(failing.loss(6), b.ones([1, 3])), b.tensor([9], { dtype: "i32" }));
      const run = async (): Promise<void> => {
        for await (const _ of minimize((n: number) => (n === 0 ? bad() : failing.loss(n)), [6, 0, 6], failing.rule));
      };
      await expect(run()).rejects.toThrow(IndexError);
      await plain.step(6).item();
      expect(failing.rule.steps).toBe(1);
      expect(await failing.values()).toEqual(await plain.values());
    });
  });

  onDevice("checks of uploaded labels leave no fault open, and a wrong label blames no other call", async () => {
    const b = await open({});
    const { loss, rule, values, model } = trainer(b);
    const bytes = b.tensor([0, 2, 1, 1, 0, 2], { dtype: "u8" });
    for (let i = 0; i < 5; i++)
      scope(() => rule.update(diff(() => T.add(loss(6), crossEntropy(model(b.ones([6, 4])), T.flip(bytes))))));
    for (const p of params(model)) expect((p.value.payload as Node).fault).toBe(undefined);
    const flag = vi.spyOn(Reader.prototype, "flag");
    const x = b.ones([3, 2]);
    const near = T.add(b.tensor([2, 0], { dtype: "i32" }), 0);
    const [wrong, fine] = [T.take(x, b.tensor([3], { dtype: "i32" })), T.indexAdd(x, near, b.ones([2, 2]))];
    expect([...(await fine.data())]).toEqual([2, 2, 1, 1, 2, 2]);
    await expect(wrong.data()).rejects.toThrow(/^take: .* It is 3, and the axis has size 3/);
    // One for each call that checks indices, however many stages it has.
    expect(flag).toHaveBeenCalledTimes(1);
    flag.mockRestore();
    for (const x of await values()) for (const v of x) expect(v).not.toBeNaN();
  });

  longOnDevice("because of a label that only the device knows: minimize says so, and boxes are as before", async () => {
    const [plain, failing] = [trainer(await open({})), trainer(await open({}))];
    const { loss, rule, values, step } = failing;
    const run = async (): Promise<void> => {
      for await (const _ of minimize((wrong: number) => loss(6, wrong), [0, 1, 0], rule));
    };
    await plain.step(6).data();
    await expect(run()).rejects.toThrow(/^crossEntropy: .*atomic\.long\.test\.ts/);
    expect(rule.steps).toBe(1);
    expect(await values()).toEqual(await plain.values());
    expect(await step(6).item()).toBe(await plain.step(6).item());
  });

  onDevice(
    "for lack of memory that the device reports later: as if the step had never run, also if it is the first",
    async () => {
      // The software driver can bind a gibibyte but never has one.
      const GIB = 2 ** 30;
      const make = async () => {
        const device = await ownDevice({ maxBufferSize: GIB, maxStorageBufferBindingSize: GIB });
        const b = await openSmall({}, { first: 1 << 20, most: GIB, limit: 4 * GIB }, { device });
        return { b, ...trainer(b) };
      };
      const [plain, failing] = [await make(), await make()];
      const fails = async (): Promise<void> => {
        const { b, loss, rule } = failing;
        const y = scope(() => {
          const tape = diff(() => T.add(loss(6), T.mean(T.exp(T.cumsum(b.zeros([GIB / 4]), { axis: 0 })))));
          rule.update(tape);
          return T.keep(tape.value);
        });
        const other = T.mul(y, 2);
        for (const x of [y, other, y]) await expect(x.data()).rejects.toThrow(MemoryError);
      };
      await fails();
      for (let i = 0; i < 2; i++) {
        expect(await failing.step(6).item()).toBe(await plain.step(6).item());
        await fails();
        expect(failing.rule.steps).toBe(i + 1);
      }
      expect(await failing.values()).toEqual(await plain.values());
    },
  );

  onDevice("because a launch is refused: work recorded with it does not run", async () => {
    const b = await openSmall({ groups: 2, threads: 1 }, { first: 1 << 20, most: 1 << 20, limit: 1 << 22 }, {});
    const [x, apart] = [b.ones([3]), T.add(b.ones([2]), 1)];
    const wrong = T.exp(b.tensor(new Float32Array(1001)));
    for (let i = 0; i < 2; i++) await expect(wrong.data()).rejects.toThrow(/workgroups is more than this adapter runs/);
    expect([...(await apart.data()), ...(await x.data())]).toEqual([2, 2, 1, 1, 1]);
  });
});
