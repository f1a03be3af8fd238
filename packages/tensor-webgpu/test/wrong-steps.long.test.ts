// A step with a wrong index leaves no trace, whatever function met it, and whenever the device reports it.
import { diff, scope, state } from "@weft/autograd";
import { minimize } from "@weft/optim";
import * as T from "@weft/tensor";
import { IndexError } from "@weft/tensor";
import { together } from "@weft/tensor/internals";
import { expect, test, vi } from "vitest";
import { open } from "../src/index.node.ts";
import { Reader } from "../src/reader.ts";
import { called, expectNoTrace, trainerOf } from "../../tensor-cpu/test/wrong-steps.ts";
import { describeOnDevice } from "./device.ts";

describeOnDevice("a step with a wrong index", () => {
  const computed = "take of what was computed";

  test.each(Object.keys(called))("of %s", async (name) => expectNoTrace(name, await open(), await open()));

  test.each(["at", "at on two axes", "setAt", "scatter", "indexCopy", "maxUnpool", "bincount"])(
    "of %s is found when it is recorded, and right indices need no report",
    async (name) => {
      const x = trainerOf(await open(), name);
      const flag = vi.spyOn(Reader.prototype, "flag");
      await x.step(0).data();
      expect(flag).not.toHaveBeenCalled();
      flag.mockRestore();
      // Where two indices are one position, only the device tells which is wrong.
      if (name !== "at on two axes") expect(() => x.step(9)).toThrow(IndexError);
    },
  );

  test.each([0, 1, 5])(
    "as the one after %i that nobody waited for: what is sure stays, and a flush says so",
    async (n) => {
      const b = await open();
      const [a, x] = [trainerOf(b, computed), trainerOf(b, computed)];
      for (let k = 0; k < n; k++) x.step(0);
      x.step(9);
      x.step(0);
      // The step before is kept if it is one of the last two versions.
      const kept = Math.min(n, 1);
      for (let k = 0; k < kept; k++) a.step(0);
      const other = T.add(b.ones([1]), 1);
      expect(await other.array()).toEqual([2]);
      expect(x.rule.steps).toBe(kept);
      expect(() => scope(() => {})).toThrow(/^take: /);
      scope(() => {});
      expect(await x.state()).toEqual(await a.state());
      expect(await x.step(0).item()).toBe(await a.step(0).item());
      expect(await x.state()).toEqual(await a.state());
    },
  );

  test("under one that is pending", async () => {
    const b = await open();
    const [a, x] = [trainerOf(b, computed), trainerOf(b, computed)];
    a.step(0);
    await x.step(0).data();
    const wrong = x.step(9).data();
    // Recorded while the report is on its way, and run after it.
    const tape = diff(() => T.sum(T.square(x.p)));
    x.rule.update(tape);
    await expect(wrong).rejects.toThrow(IndexError);
    await expect(tape.value.data()).rejects.toThrow(IndexError);
    expect(await x.state()).toEqual(await a.state());
    expect(await x.step(0).item()).toBe(await a.step(0).item());
  });

  test("ends minimize, whose earlier steps stay where they were known to be right", async () => {
    const b = await open();
    const [a, x] = [trainerOf(b, computed), trainerOf(b, computed)];
    await a.step(0).item();
    const loss = (i: number): T.Tensor =>
      T.sum(T.square(T.take(x.p, T.add(b.tensor([0, i], { dtype: "i32" }), T.sum(b.tensor([0], { dtype: "i32" }))))));
    const seen = state(b.zeros([1]));
    const run = async (): Promise<void> => {
      for await (const value of minimize(loss, [0, 0, 9, 0], x.rule)) {
        await value.data();
        scope(() => (seen.value = T.add(seen, 1)));
      }
    };
    await expect(run()).rejects.toThrow(/^take: /);
    expect(x.rule.steps).toBe(2);
    expect(await seen.value.array()).toEqual([2]);
  });

  test("costs no memory once the device has reported that there was none", async () => {
    const b = await open({ seed: 1 }); // its own: garbage of the other tests counts in theirs
    const x = trainerOf(b, computed);
    const read = async (): Promise<void> => {
      const loss = x.step(0);
      await loss.data();
      loss.release(); // or the collector would release it at some time
    };
    await read();
    x.step(0).release();
    await read();
    const { live, bytes } = b.stats();
    for (let k = 0; k < 5; k++) {
      x.step(0).release();
      x.step(0).release();
      x.step(0).release();
      await read();
    }
    expect(b.stats()).toMatchObject({ live, bytes });
  });

  test("is undone with the whole of a later one that was pending when the device reported", async () => {
    const b = await open();
    const zero = (): ReturnType<typeof state> => state(b.zeros([1]));
    const [x, y, z] = [zero(), zero(), zero()];
    const add = (to: typeof x, value: T.Tensor | number): unknown => (to.value = T.add(to, value));
    scope(() => {
      add(x, T.take(b.ones([1]), T.add(b.tensor([9], { dtype: "i32" }), T.sum(b.tensor([0], { dtype: "i32" })))));
      add(y, 1);
    });
    const read = b.ones([1]).data();
    const other = T.add(b.ones([1]), 1).data();
    together(() => [add(y, 1), add(z, 1)]);
    await Promise.all([read, other]);
    // What was pending runs here; then all of it is rolled back.
    await T.add(b.ones([1]), 2).data();
    expect(() => scope(() => {})).toThrow(/^take: /);
    expect(await Promise.all([x, y, z].map((box) => box.value.array()))).toEqual([[0], [0], [0]]);
  });
});
