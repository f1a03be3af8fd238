// A wrong index is the fault of what is computed with it and of nothing else: those values throw at each read, with the place of the
// call or none, and a step that met one leaves the model as it was.
import { diff, param, scope } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import { BatchNorm, Chain, crossEntropy, Embedding, Linear, params, seed } from "@weft/nn";
import { cycle } from "@weft/data";
import { adam, minimize, sgd } from "@weft/optim";
import * as T from "@weft/tensor";
import { IndexError, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";

const line = (error: unknown): number => Number(/indices\.test\.ts:(\d+):/.exec((error as Error).message)?.[1]);

function thrown(f: () => unknown): Error {
  try {
    f();
  } catch (error) {
    expect(error).toBeInstanceOf(IndexError);
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** The line of this file that called. */
const here = (): number => Number(/indices\.test\.ts:(\d+):/.exec(new Error().stack!.split("\n")[2]!)![1]);

describe.each([
  ["merged", true],
  ["unmerged", false],
])("%s", (_, fuse) => {
  const open = (): CpuBackend => openSync({ seed: 1, fuse });
  const integers = (b: CpuBackend, ...xs: number[]): Tensor => b.tensor(xs, { dtype: "i32" });

  test("two calls in one flush, one plan again and again: each error names its own call", () => {
    const b = open();
    const table = b.ones([4, 2]);
    const look = (i: number): [Tensor, number] => [T.mul(T.take(table, integers(b, i)), 2), here()];
    for (let k = 0; k < 30; k++) scope(() => look(k % 4)[0].dataSync());
    const [[a], [fine]] = [look(9), look(1)];
    const other = T.gather(table, integers(b, 7, 7).reshape([1, 2]));
    const at = here() - 1;
    for (let k = 0; k < 3; k++) {
      expect(line(thrown(() => a.dataSync()))).toBe(look(0)[1]);
      expect([...fine.dataSync()]).toEqual([2, 2]);
      expect(line(thrown(() => other.dataSync()))).toBe(at);
      expect(thrown(() => T.add(T.sum(other), T.sum(a)).dataSync())).toBeInstanceOf(IndexError);
    }
  });

  test("indices that were computed are found at any time, with the right place or none", () => {
    const b = open();
    const table = b.ones([4, 2]);
    const look = (i: number): Tensor => T.take(table, T.add(integers(b, i), 1));
    expect(line(thrown(() => look(8).dataSync()))).toBe(here() - 1);
    for (let k = 0; k < 30; k++) scope(() => look(k % 3).dataSync());
    const [wrong, fine] = [look(5), look(2)];
    for (let k = 0; k < 2; k++) {
      expect(thrown(() => wrong.dataSync()).message).toBe("take: an index was outside its axis (result f32[1,2])");
      expect([...fine.dataSync()]).toEqual([1, 1]);
    }
  });

  test("one call with some indices is wrong, another with the same is not", () => {
    const b = open();
    for (const far of [integers(b, 5), T.add(integers(b, 5), 0)]) {
      const [wrong, fine] = [T.take(b.arange(3), far), T.take(b.arange(9), far)];
      expect([...fine.dataSync()]).toEqual([5]);
      expect(thrown(() => wrong.dataSync()).message).toMatch(/^take: /);
      expect([...T.add(fine, 1).dataSync()]).toEqual([6]);
    }
  });

  test("views of indices: what lies outside may not be in the part", () => {
    const b = open();
    const all = integers(b, 0, 9, 2, -1);
    const x = b.arange(3);
    expect([...T.take(x, T.slice(all, { steps: [2] })).dataSync()]).toEqual([0, 2]);
    for (const part of [T.flip(all), T.reshape(all, [2, 2]), T.slice(all, { starts: [1] })])
      expect(thrown(() => T.take(x, part).dataSync()).message).toMatch(/^take: /);
  });

  test("bytes that were uploaded are known, too, and what is cast or moved from them", () => {
    const b = open();
    const bytes = b.tensor([0, 7, 2], { dtype: "u8" });
    const scores = b.zeros([3, 3]);
    const told = "The label is 7, and there are 3 classes";
    for (const labels of [
      bytes,
      T.cast(bytes, "i32"),
      T.flip(T.cast(bytes, "i32")),
      T.cast(T.reshape(bytes, [3]), "i32"),
    ])
      expect(thrown(() => crossEntropy(scores, labels).dataSync()).message).toMatch(fuse ? told : /outside/);
    // Where a cast loses what does not fit, only the run can say.
    const raised = T.cast(integers(b, -5), "u8");
    expect([...T.take(b.arange(3), raised).dataSync()]).toEqual([raised.itemSync()]);
    expect([...T.take(b.arange(3), T.slice(bytes, { steps: [2] })).dataSync()]).toEqual([0, 2]);
  });

  test("labels that are drawn, picked from known ones, or positions are known to fit, and cost no fault", () => {
    const b = open();
    const scores = b.randn([6, 3]);
    const labels = b.tensor([0, 2, 1, 1, 0, 2], { dtype: "i32" });
    const order = b.tensor([5, 0, 3, 1, 4, 2], { dtype: "i32" });
    const fit: Record<string, Tensor> = {
      drawn: b.randint([6], { high: 3 }),
      "drawn from 1": b.randint([6], { low: 1, high: 3 }),
      picked: T.take(labels, order),
      gathered: T.gather(labels, order),
      positions: T.argmax(b.randn([6, 3]), { axis: 1 }),
      "the order of three, twice": T.reshape(T.argsort(b.randn([2, 3])), [6]),
    };
    for (const y of Object.values(fit)) {
      const loss = crossEntropy(scores, y);
      expect((loss.payload as { open?: boolean }).open).toBeFalsy();
      expect(Number.isFinite(loss.itemSync())).toBe(true);
    }
    // What is known of them is no more than that: too few classes are found all the same.
    const shifted = T.apply("add", [T.mod(order, 3), -0.9], undefined); // it computes with 0
    for (const y of [T.take(T.add(labels, 1), order), T.mod(order, 5), T.add(T.mod(order, 3), 1), T.add(shifted, 1)])
      expect(thrown(() => crossEntropy(scores, y).dataSync())).toBeInstanceOf(IndexError);
    expect(thrown(() => crossEntropy(scores, T.sub(b.randint([6], { high: 3 }), 1)).dataSync())).toBeInstanceOf(
      IndexError,
    );
  });

  test("a wrong call that nobody needs does not keep the next step from updating in place", () => {
    const b = openSync({ fuse, memoryLimit: 3 << 20 });
    const p = scope(() => param(b.zeros([1 << 19])));
    scope(() => void T.take(b.arange(3), integers(b, 9)));
    scope(() => {
      p.value = T.add(p, 1);
    });
    expect(T.sum(p).itemSync()).toBe(1 << 19);
  });

  /** A language model of one word, and one step of it. */
  function trainer(computed: boolean) {
    const b = open();
    seed(4);
    const model = Chain(Embedding(5, 6), Linear(6, 3)) as unknown as (x: Tensor) => Tensor;
    const rule = adam({ lr: 0.05 });
    const loss = (words: number[], labels: number[]): Tensor => {
      const y = model(integers(b, ...words));
      return crossEntropy(y, computed ? T.sub(integers(b, ...labels), 0) : integers(b, ...labels));
    };
    const step = (words: number[], labels: number[]): Tensor =>
      scope(() => {
        const tape = diff(() => loss(words, labels));
        rule.update(tape);
        return tape.value;
      });
    const values = (): number[][] =>
      params(model).flatMap((p) =>
        scope(() => [p, ...Object.values(rule.stateOf(p)!)].map((x) => [...x.value.dataSync()])),
      );
    return { b, rule, loss, step, values };
  }

  test.each([
    ["labels", false, [0, 1], [2, 3]],
    ["labels that were computed", true, [0, 1], [-1, 1]],
    ["words", false, [5, 1], [2, 1]],
    ["words and computed labels", true, [7, 1], [2, 9]],
  ] as const)("wrong %s in one batch leave the model as it was", (_, computed, words, labels) => {
    const [plain, failing] = [trainer(computed), trainer(computed)];
    for (let k = 0; k < 3; k++) {
      expect(thrown(() => failing.step([...words], [...labels])).message).toMatch(/^(crossEntropy|Embedding): /);
      expect(failing.rule.steps).toBe(k);
      expect(failing.step([0, 4], [1, 2]).itemSync()).toBe(plain.step([0, 4], [1, 2]).itemSync());
    }
    expect(failing.values()).toEqual(plain.values());
  });

  test("a step that is rolled back is reported even if its loss is not read: at the end of a scope, or by the next diff", () => {
    const b = open();
    const [x, y] = [b.ones([3, 2]), integers(b, 1, 2, 3)];
    const w = param(b.ones([2, 3]));
    const rule = sgd({ lr: 1 });
    const tape = () => diff(() => crossEntropy(T.matmul(x, w), y));
    const byHand = (): void => {
      const t = tape();
      for (const p of t.params) p.value = T.sub(p.value, t.grad(p));
    };
    const update = (): void => rule.update(tape());
    for (const step of [byHand, update]) {
      for (let k = 0; k < 2; k++) expect(line(thrown(() => scope(step)))).toBeGreaterThan(0);
      step();
      expect(thrown(tape).message).toMatch("The label is 3, and there are 3 classes");
      b.flush(); // said once
    }
    expect([rule.steps, w.value.arraySync()]).toEqual([0, b.ones([2, 3]).arraySync()]);
    // Who reads the loss hears of it there, and nobody again.
    const t = tape();
    rule.update(t);
    expect(thrown(() => t.value.dataSync())).toBeInstanceOf(IndexError);
    b.flush();
    expect(diff(() => T.sum(w)).value.itemSync()).toBe(6);
  });

  test("what ends minimize names the call in the loss, not where its gradient was taken", async () => {
    const b = open();
    const p = param(b.ones([4, 3]));
    const at: number[] = [];
    const losses: ((wrong: Tensor) => Tensor)[] = [
      (wrong) => (at.push(here()), crossEntropy(p, wrong)),
      (wrong) => (at.push(here()), T.sum(T.take(p, wrong))),
      (wrong) => (at.push(here()), T.sum(T.gather(p, T.reshape(wrong, [4, 1]), { axis: 1 }))),
    ];
    for (const [k, loss] of losses.entries()) {
      const error = await minimize(loss, [integers(b, 0, 1, 7, 2)], sgd()).then(String, (e: unknown) => e);
      expect([error, line(error)]).toEqual([expect.any(IndexError), at[k]]);
      expect((error as Error).message).toMatch(["crossEntropy", "take", "gather"][k]!);
    }
    expect(p.value.arraySync()).toEqual(b.ones([4, 3]).arraySync());
  });

  describe.each([false, true])("minimize stops at a batch with a wrong label (computed: %s)", (computed) => {
    type Batch = readonly [words: number[], labels: number[]];
    const batches = (wrong: readonly number[], count = 5): Batch[] =>
      Array.from({ length: count }, (_, i) => [
        [i % 5, 0],
        [1, wrong.includes(i) ? 8 : 0],
      ]);
    const begin = (data: Iterable<Batch>) => {
      const { loss, ...rest } = trainer(computed);
      const run = minimize((words: number[], labels: number[]) => loss(words, labels), data, rest.rule);
      return { ...rest, run };
    };

    test.each([0, 2, 4])("batch %i: the model is what it was before that step", async (wrong) => {
      const [plain, failing] = [begin(batches([]).slice(0, wrong)), begin(batches([wrong]))];
      let seen = 0;
      const all = async (): Promise<void> => {
        for await (const _ of failing.run) seen++;
      };
      await expect(all()).rejects.toThrow(IndexError);
      expect(seen).toBe(wrong);
      for await (const _ of plain.run);
      expect(failing.rule.steps).toBe(wrong);
      if (wrong > 0) expect(failing.values()).toEqual(plain.values());
      await expect(failing.run).rejects.toThrow(IndexError); // awaited, too
    });

    test("when every label is wrong and the data has no end", async () => {
      const { rule, run } = begin(cycle(batches([0, 1, 2, 3, 4])));
      let seen = 0;
      const all = async (): Promise<void> => {
        for await (const _ of run) seen++;
      };
      await expect(all()).rejects.toThrow(/^crossEntropy: /);
      expect([seen, rule.steps]).toEqual([0, 0]);
    });

    test("but not where the loop was left before it", async () => {
      const leave = async (wrong: number[], how?: Error): Promise<void> => {
        let closed = false;
        const data = function* () {
          try {
            yield* batches(wrong);
          } finally {
            closed = true;
          }
        };
        let seen = 0;
        try {
          for await (const _ of begin(data()).run) {
            if (++seen < 3) continue;
            if (how !== undefined) throw how;
            break;
          }
        } finally {
          expect([seen, closed]).toEqual([3, true]);
        }
      };
      await expect(leave([3], new Error("mine"))).rejects.toThrow("mine");
      await leave([3]); // a batch that was never reached
    });

    test("before the loss is called again", async () => {
      const { loss, rule } = trainer(computed);
      let calls = 0;
      const counted = (words: number[], labels: number[]): Tensor => (calls++, loss(words, labels));
      await expect(minimize(counted, batches([0]), rule)).rejects.toThrow(IndexError);
      expect(calls).toBe(1);
    });
  });

  test.each(["i32", "u8"] as const)(
    "a wrong %s label that was computed, found after running moments were assigned, leaves the model as it was",
    (dtype) => {
      const make = () => {
        const b = open();
        seed(4);
        const model = Chain(Linear(4, 6), BatchNorm(6), Linear(6, 3)) as unknown as (x: Tensor) => Tensor;
        const rule = adam({ lr: 0.05 });
        const step = (label: number): Tensor =>
          scope(() => {
            const labels = T.cast(T.add(integers(b, 0, label, 2), 0), dtype);
            const tape = diff(() => crossEntropy(model(b.randn([3, 4], { seed: 7 })), labels));
            rule.update(tape);
            return tape.value;
          });
        const values = (): number[][] =>
          [...boxes(model).map(({ box }) => box), ...params(model).flatMap((p) => Object.values(rule.stateOf(p)!))].map(
            (x) => scope(() => [...x.value.dataSync()]),
          );
        return { b, rule, step, values };
      };
      const [plain, failing] = [make(), make()];
      for (let k = 0; k < 3; k++) {
        expect(thrown(() => failing.step(7)).message).toMatch(/^(crossEntropy|gather): /);
        expect(failing.rule.steps).toBe(k);
        expect(failing.step(1).itemSync()).toBe(plain.step(1).itemSync());
        expect(failing.values()).toEqual(plain.values());
      }
      const { live, bytes } = failing.b.stats();
      expect(plain.b.stats()).toMatchObject({ live, bytes });
    },
  );

  test("requests side by side: one is wrong", async () => {
    const b = open();
    const model = Embedding(5, 2);
    const answer = async (i: number): Promise<string> => {
      const y = model(integers(b, i));
      await Promise.resolve();
      return y.data().then(
        () => "fine",
        (error: Error) => error.constructor.name,
      );
    };
    expect(await Promise.all([0, 9, 4, -1, 2].map(answer))).toEqual([
      "fine",
      "IndexError",
      "fine",
      "IndexError",
      "fine",
    ]);
  });
});
