// A step that fails gives its random numbers back: made again, it draws what it would have drawn.
import { diff, param } from "@weft/autograd";
import { crossEntropy, dropout, toBytes } from "@weft/nn";
import { add, scope, square, sum, type Backend, type Creation } from "@weft/tensor";
import { rollBack, together, withinStep, type Step } from "@weft/tensor/internals";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { chain, minimize, sgd } from "../src/index.ts";

const opens: [string, () => Promise<Backend & Creation>][] = [["the CPU", () => openCpu({})]];
if (process.env["WEFT_NO_DRIVER"] === undefined) opens.push(["WebGPU", () => openWebGpu({})]);

const broken = (): never => {
  throw new Error("broken");
};

describe.each(opens)("on %s", (_, open) => {
  test.each(["the loss", "a transform", "a wrong label", "a computed label", "an asynchronous loss"])(
    "%s",
    async (what) => {
      const b = await open();
      const p = param(b.randn([4, 3], { seed: 1 }));
      const label = (n: number) => b.tensor([0, 1, 2, n], { dtype: "i32" });
      const loss = (n = 0) => crossEntropy(dropout(dropout(p, 0.5), 0.1), label(n));
      const fails: Record<string, () => unknown> = {
        "the loss": () => minimize(() => add(loss(), broken()), [[]] as never, sgd()),
        "a transform": () => scope(() => chain(broken, sgd()).update(diff(() => loss()))),
        "a wrong label": () => minimize(() => loss(7), [[]] as never, sgd()),
        "a computed label": async () => {
          const far = add(label(0), b.tensor([0, 0, 0, 9], { dtype: "i32" }));
          await minimize(() => crossEntropy(dropout(p, 0.5), far), [[]] as never, sgd());
        },
        "an asynchronous loss": () =>
          diff(async (t) => {
            const y = loss();
            await t.wait(Promise.resolve());
            return add(y, broken());
          }),
      };
      const before = await toBytes({ p, random: b.stream });
      await expect((async () => await fails[what]!())()).rejects.toThrow();
      expect(await toBytes({ p, random: b.stream })).toEqual(before);
    },
  );

  test("numbers that others drew meanwhile are not drawn again", async () => {
    const b = await open();
    const p = param(b.ones([4]));
    const slow = diff(async (t) => {
      const y = sum(square(dropout(p, 0.5)));
      await t.wait(new Promise((resolve) => void setTimeout(resolve, 5)));
      return add(y, broken());
    });
    const x = b.rand([4]);
    await expect(slow).rejects.toThrow("broken");
    expect(b.stream.counter).toBe(2);
    expect(await b.rand([4]).data()).not.toEqual(await x.data());
  });

  test("a stream that was seeded meanwhile stays where it is", async () => {
    const b = await open();
    const p = param(b.ones([4]));
    b.seed(1);
    const slow = diff(async (t) => {
      const y = sum(square(dropout(p, 0.5)));
      await t.wait(new Promise((resolve) => void setTimeout(resolve, 5)));
      return add(y, broken());
    });
    b.seed(2);
    const x = b.rand([4]); // as many draws as there were with the other seed
    await expect(slow).rejects.toThrow("broken");
    expect(b.stream.counter).toBe(1);
    expect(await b.rand([4]).data()).not.toEqual(await x.data());
  });

  test("a step within two others that fails with either gives its numbers back, and is told", async () => {
    for (const which of ["tape", "program"] as const) {
      const b = await open();
      const p = param(b.ones([4]));
      const steps: Record<typeof which, Step> = { tape: { outer: undefined }, program: { outer: undefined } };
      const told: string[] = [];
      const assign = () => void (p.value = b.rand([4]));
      withinStep(steps.program, () =>
        together(
          () => withinStep(steps.tape, () => together(assign, () => void told.push("inner"))),
          () => void told.push("between"),
        ),
      );
      expect(b.stream.counter).toBe(1);
      rollBack(steps[which], new Error("broken"));
      expect([which, b.stream.counter, told]).toEqual([which, 0, which === "tape" ? ["inner"] : ["inner", "between"]]);
      expect([...(await p.value.data())]).toEqual([1, 1, 1, 1]);
    }
  });

  test("a step within two others that fails with either gives back what was only drawn", async () => {
    for (const which of [0, 1] as const) {
      const b = await open();
      const steps: Step[] = [{ outer: undefined }, { outer: undefined }];
      withinStep(steps[0], () => withinStep(steps[1], () => b.rand([4])));
      rollBack(steps[which]!, new Error("broken"));
      expect([which, b.stream.counter]).toEqual([which, 0]);
    }
  });
});
