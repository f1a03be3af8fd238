// A flush is atomic: where a launch fails or meets a wrong index, boxes keep the versions that they had, what does not depend on it is
// computed, and whoever reads the rest is told why, each time.
import { diff, param, scope, state, type Param } from "@weft/autograd";
import { BatchNorm, Chain, crossEntropy, Linear, params, seed } from "@weft/nn";
import { adam, minimize, momentum, optimizer, sgd } from "@weft/optim";
import * as T from "@weft/tensor";
import { keep, MemoryError, mul, relu, sub, type Tensor } from "@weft/tensor";
import { describe, expect, test, vi } from "vitest";
import { everything, mergedOrNot } from "../../../test/extent.ts";
import { openSync, type CpuBackend } from "../src/index.ts";

const MB = 2 ** 20;
const classes = Int32Array.from({ length: 500_000 }, (_, i) => i % 3);

describe.each(mergedOrNot)("%s", (_, fuse) => {
  const small = (memoryLimit = 4 * MB): CpuBackend => openSync({ memoryLimit, seed: 3, fuse });

  /** A perceptron with an optimizer of its own, and one step of it. */
  function trainer(b: CpuBackend, make = () => adam({ lr: 0.01 })) {
    seed(5);
    const model = Chain(Linear(12, 16), BatchNorm(16), relu, Linear(16, 3)) as unknown as (x: Tensor) => Tensor;
    const rule = make();
    const loss = (n: number, labels = classes.subarray(0, n)): Tensor => {
      const x = b.randn([n, 12], { seed: 7 });
      return crossEntropy(model(x), b.tensor(labels));
    };
    const step = (n: number, labels?: Int32Array<ArrayBuffer>): number =>
      scope(() => {
        const tape = diff(() => loss(n, labels));
        rule.update(tape);
        return keep(tape.value);
      }).itemSync();
    const values = (): number[][] => {
      const all: number[][] = [];
      for (const p of params(model)) {
        all.push([...p.value.dataSync()]);
        for (const s of Object.values(rule.stateOf(p) ?? {})) all.push([...s.value.dataSync()]);
      }
      return all;
    };
    return { model, rule, loss, step, values };
  }

  test("a step without memory changes nothing, and the next smaller one trains on with the same bits", () => {
    const [plain, failing] = [trainer(small()), trainer(small())];
    const wanted = [0, 1, 2, 3].map(() => plain.step(10));
    const got = [0, 1, 2, 3].map((steps) => {
      // Before the first good step, too: what the parameters begin with is made in the step that fails.
      expect(() => failing.step(60_000)).toThrow(/^tensor-cpu: no memory for \d+ bytes/);
      expect(failing.rule.steps).toBe(steps);
      return failing.step(10);
    });
    expect(got).toEqual(wanted);
    expect(failing.values()).toEqual(plain.values());
  });

  test("nor do many of them in a row, and they take no memory", () => {
    const b = small();
    const [plain, failing] = [trainer(small()), trainer(b)];
    for (const t of [plain, failing]) t.step(10);
    for (let i = 0; i < 5; i++) expect(() => failing.step(60_000)).toThrow(MemoryError);
    const { live, bytes, heap } = b.stats();
    for (let i = 0; i < (everything ? 1000 : 100); i++) expect(() => failing.step(60_000)).toThrow(MemoryError);
    expect(b.stats()).toMatchObject({ live, bytes, heap, pending: 0 });
    expect([failing.step(10), failing.step(7)]).toEqual([plain.step(10), plain.step(7)]);
    expect(failing.values()).toEqual(plain.values());
    expect(failing.rule.steps).toBe(3);
  });

  test.each([
    ["sgd", () => sgd({ lr: 0.1 })],
    ["momentum", () => momentum()],
    ["a schedule", () => adam({ lr: (step) => 0.1 / (1 + step), gclip: 1 })],
  ])("with %s, without scopes, reading later or not at all", async (_, make) => {
    const [plain, failing] = [trainer(small(16 * MB), make), trainer(small(16 * MB), make)];
    const step = ({ loss, rule }: typeof plain, n: number): Tensor => {
      const tape = diff(() => loss(n));
      rule.update(tape);
      return tape.value;
    };
    for (let i = 0; i < 3; i++) {
      const wanted = await step(plain, 10).item();
      if (i % 2 === 0) await expect(step(failing, 500_000).data()).rejects.toThrow(MemoryError);
      else {
        step(failing, 500_000);
        expect(() => step(failing, 10)).toThrow(MemoryError); // said once, by the flush that diff begins with
      }
      expect(await step(failing, 10).item()).toBe(wanted);
    }
    expect(failing.values()).toEqual(plain.values());
  });

  test("minimize says so, and goes on where it stopped", async () => {
    const [plain, failing] = [trainer(small()), trainer(small())];
    const run = async ({ loss, rule }: typeof plain, sizes: number[]): Promise<number[]> => {
      const losses: number[] = [];
      for await (const y of minimize((n: number) => loss(n), sizes, rule)) losses.push(await y.item());
      return losses;
    };
    const wanted = await run(plain, [10, 9, 8, 10]);
    const first = await run(failing, [10, 9]);
    await expect(run(failing, [60_000])).rejects.toThrow(MemoryError);
    expect([...first, ...(await run(failing, [8, 10]))]).toEqual(wanted);
  });

  test("a loop of one's own: parameters and state keep their values, also those that were only begun", () => {
    const b = small();
    const { p, q, seen, fresh } = scope(() => ({
      p: param(b.tensor([1, 2])),
      q: param(b.tensor([3, 4])),
      seen: state(b.tensor([0])),
      fresh: [] as Param[],
    }));
    const step = (n: number): void =>
      scope(() => {
        const begun = param(b.randn([2], { seed: 1 }));
        fresh.push(begun);
        const tape = diff(() => {
          const x = b.ones([n, 2]);
          seen.value = T.add(seen.value, 1);
          return T.mean(T.square(mul(T.add(x, p), mul(begun, T.mul(q, seen)))));
        });
        for (const each of tape.params) each.value = sub(each.value, mul(tape.grad(each), 0.1));
      });
    expect(() => step(1_000_000)).toThrow(MemoryError);
    expect([p, q, seen].map((x) => scope(() => x.value.arraySync()))).toEqual([[1, 2], [3, 4], [0]]);
    expect(scope(() => fresh[0]!.value.arraySync())).toEqual(b.randn([2], { seed: 1 }).arraySync());
    step(3);
    expect(scope(() => seen.value.arraySync())).toEqual([1]);
    expect(scope(() => p.value.arraySync())).not.toEqual([1, 2]);
  });

  test("what has nothing to do with it, and what it was computed from, are computed; the others say why each time", () => {
    const b = small();
    const x = T.add(b.ones([4]), 1);
    const apart = mul(b.arange(3), 2);
    const far = T.broadcastTo(T.reshape(x, [1, 4]), [2 ** 19, 4]);
    const [y, z] = [T.exp(far), T.sum(far)];
    const beyond = T.add(y, 1);
    const told = /this f32\[524288,4\] tensor was lost when an earlier launch failed: tensor-cpu: no memory for/;
    expect(() => b.flush()).toThrow(/^tensor-cpu: no memory for/);
    for (let i = 0; i < 2; i++) {
      for (const lost of [y, beyond]) {
        expect(() => lost.dataSync()).toThrow(told);
        expect(() => lost.dataSync()).toThrow(MemoryError);
      }
      expect([...x.dataSync(), ...apart.dataSync(), z.itemSync()]).toEqual([2, 2, 2, 2, 0, 2, 4, 2 ** 22]);
      expect(() => T.add(y, 1)).toThrow(told);
    }
    b.flush();
  });

  test("a read of one thing is not another's failure; a step that nobody reads is told by the next", () => {
    const b = small();
    const p = param(b.ones([3]));
    const [fine, huge] = [T.add(b.ones([2]), 1), T.exp(b.ones([2 * MB]))];
    expect([...fine.dataSync()]).toEqual([2, 2]);
    expect(() => huge.dataSync()).toThrow(MemoryError);
    scope(() => b.flush());
    const other = mul(b.ones([2]), 3);
    p.value = T.slice(T.exp(T.broadcastTo(p, [MB, 3])), { ends: [1] }).reshape([3]);
    const kept = T.exp(T.broadcastTo(p, [MB, 3]));
    expect([...other.dataSync()]).toEqual([3, 3]);
    expect(() => diff(() => T.sum(p))).toThrow(MemoryError);
    expect([
      ...diff(() => T.sum(mul(p, p)))
        .grad(p)
        .dataSync(),
    ]).toEqual([2, 2, 2]);
    expect(() => kept.dataSync()).toThrow(MemoryError);
  });

  test("a rule that throws at the second parameter has changed nothing", () => {
    const b = small();
    const [p, q] = [param(b.ones([2])), param(b.ones([3]))];
    let fails = true;
    const rule = optimizer({
      name: "brittle",
      init: (x) => ({ m: T.zerosLike(x) }),
      update: (g, x, { m }) => {
        if (fails && x.shape[0] === 3) throw new Error("the second");
        return [sub(x, g), { m: T.add(m!, g) }];
      },
    });
    const step = (): void => scope(() => rule.update(diff(() => T.add(T.sum(p), T.sum(q)))));
    const all = () =>
      scope(() =>
        [p.value, q.value, ...[p, q].flatMap((x) => rule.stateOf(x)?.["m"]?.value ?? [])].map((x) => x.arraySync()),
      );
    expect(step).toThrow("the second");
    expect(rule.steps).toBe(0);
    expect(all().slice(0, 2)).toEqual([
      [1, 1],
      [1, 1, 1],
    ]);
    fails = false;
    step();
    expect(rule.steps).toBe(1);
    expect(all()).toEqual([
      [0, 0],
      [0, 0, 0],
      [1, 1],
      [1, 1, 1],
    ]);
  });

  test("a kernel that does not compile", () => {
    const b = small(16 * MB);
    const [plain, failing] = [trainer(small(16 * MB)), trainer(b)];
    for (const t of [plain, failing]) t.step(10);
    const { Module } = WebAssembly;
    let count = 0;
    vi.spyOn(WebAssembly, "Module").mockImplementation(function (bytes: BufferSource) {
      if (++count > 1) throw new WebAssembly.CompileError("no room for code");
      return new Module(bytes as never);
    });
    try {
      const failed = (): Tensor => {
        const tape = diff(() => T.add(failing.loss(10), T.sum(T.tan(T.cosh(b.arange(5))))));
        failing.rule.update(tape);
        return T.atan(tape.value);
      };
      for (let i = 0; i < 2; i++) expect(() => scope(failed)).toThrow("no room for code");
      // Arguments that were laid down for it are given back.
      const { live, bytes, heap } = b.stats();
      for (let i = 0; i < 20; i++) expect(() => scope(failed)).toThrow("no room for code");
      expect(b.stats()).toMatchObject({ live, bytes, heap });
    } finally {
      vi.restoreAllMocks();
    }
    expect(failing.step(10)).toBe(plain.step(10));
    expect(failing.values()).toEqual(plain.values());
  });
});
