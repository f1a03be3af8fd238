// A kernel of a package outside whose WGSL the device refuses: what was computed meanwhile is lost, boxes are as before
// the step, and every later use says why.
import { diff, param } from "@weft/autograd";
import { adam } from "@weft/optim";
import { add, applyFused, mul, scope, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { kernel, prepared, type Call } from "../src/kernels.ts";
import { describeOnDevice, onDevice } from "./device.ts";

const copyOp: FusedOp<object> = {
  name: "copy",
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x]) => [mul(x!, 1)],
  gradient: () => [copy],
};
const copy = (x: Tensor): Tensor => applyFused(copyOp, [x], {})[0]!;

const copying = (name: string, value: string): Call<object> => ({
  prepare: (launch, machine) =>
    prepared(launch, machine, {
      name: `test/${name}`,
      count: launch.outs[0].shape.reduce((n, d) => n * d, 1),
      numbers: {},
      text: (w) => `let x = ${w.load(0, "i")}; let y = ${value}; ${w.store("i", "y")}`,
    }),
});

const REASON = /tensor-webgpu: in copy.*test\/wrong.*thereIsNoSuchName/s;

describeOnDevice("WGSL that does not compile", () => {
  const openWith = (fuse: boolean, call: Call<object>) => open({ fuse, kernels: [kernel(copyOp, call)] });

  for (const fuse of [true, false]) {
    onDevice(`rolls the step back, and each further one (fuse: ${fuse})`, async () => {
      const b = await openWith(fuse, copying("wrong", "thereIsNoSuchName"));
      const p = param(b.tensor([1, 2, 3]));
      await p.value.data();
      const rule = adam({ lr: 0.1 });
      const step = (): void => rule.update(diff(() => sum(copy(mul(p, p)))));
      scope(step); // the device has not told yet
      await expect(p.value.data()).rejects.toThrow(REASON);
      expect(await p.value.array()).toEqual([1, 2, 3]);
      expect(rule.steps).toBe(0);
      for (let k = 0; k < 3; k++) {
        expect(() => scope(step)).toThrow(REASON);
        expect(await p.value.array()).toEqual([1, 2, 3]);
        expect(rule.steps).toBe(0);
      }
      b.destroy();
    });

    onDevice(`keeps what was trained before, however many steps wait (fuse: ${fuse})`, async () => {
      const b = await openWith(fuse, copying("wrong", "thereIsNoSuchName"));
      const [p, q] = [param(b.tensor([1, 2, 3])), param(b.tensor([1, 2, 3]))];
      const [rule, other] = [adam({ lr: 0.1 }), adam({ lr: 0.1 })];
      const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
      for (let k = 0; k < 3; k++) {
        scope(() => rule.update(diff(() => sum(mul(p, p)))));
        scope(() => other.update(diff(() => sum(mul(q, q)))));
        await turn();
      }
      for (let k = 0; k < 2; k++) scope(() => rule.update(diff(() => sum(copy(mul(p, p))))));
      scope(() => rule.update(diff(() => sum(mul(p, p))))); // from values in doubt
      await expect(p.value.data()).rejects.toThrow(REASON);
      expect(rule.steps).toBe(3);
      scope(() => rule.update(diff(() => sum(mul(p, p)))));
      scope(() => other.update(diff(() => sum(mul(q, q)))));
      expect(await p.value.array()).toEqual(await q.value.array());
      b.destroy();
    });

    onDevice(`loses results for good, and nothing that comes later (fuse: ${fuse})`, async () => {
      const b = await openWith(fuse, copying("wrong", "thereIsNoSuchName"));
      const x = b.tensor([1, 2, 3]);
      const y = copy(mul(x, 2));
      for (let k = 0; k < 3; k++) await expect(y.data()).rejects.toThrow(REASON);
      expect(() => add(y, 1)).toThrow(REASON);
      await expect(copy(mul(x, 3)).data()).rejects.toThrow(REASON);
      expect(await add(x, 1).array()).toEqual([2, 3, 4]);
      b.destroy();
    });

    onDevice(`that does, trains (fuse: ${fuse})`, async () => {
      const b = await openWith(fuse, copying("right", "x"));
      const [p, q] = [param(b.tensor([1, 2, 3])), param(b.tensor([1, 2, 3]))];
      const [one, other] = [adam({ lr: 0.1 }), adam({ lr: 0.1 })];
      for (let k = 0; k < 5; k++) {
        scope(() => one.update(diff(() => sum(copy(mul(p, p))))));
        scope(() => other.update(diff(() => sum(mul(q, q)))));
      }
      expect(await p.value.array()).toEqual(await q.value.array());
      b.destroy();
    });
  }
});
