// What a failure concerns: a step stands or falls with what its function assigned, and with nothing else. And loops that read once,
// at their end, hold no more than loops that read at each turn.
import { diff, param, state } from "@weft/autograd";
import { adam, chain, clipNorm, momentum, sgd, type Optimizer } from "@weft/optim";
import {
  add,
  broadcastTo,
  cumsum,
  IndexError,
  keep,
  matmul,
  mean,
  MemoryError,
  mul,
  scope,
  softmax,
  square,
  sub,
  sum,
  take,
  tanh,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { together } from "@weft/tensor/internals";
import { describe, expect, test, vi } from "vitest";
import { mergedOrNot } from "../../../test/extent.ts";
import { openSync } from "../src/index.ts";

const MB = 2 ** 20;
const optimizers: readonly (readonly [string, () => Optimizer])[] = [
  ["sgd", () => sgd({ lr: 0.1 })],
  ["momentum", () => momentum({ lr: 0.1 })],
  ["adam", () => adam({ lr: 0.1 })],
  ["a chain", () => chain(clipNorm(5), adam({ lr: 0.1 }))],
];

describe.each(mergedOrNot)("%s", (_, fuse) => {
  const open = (limit: number) => openSync({ memoryLimit: limit, fuse, seed: 1 });

  test("a value that nobody reads fails nobody's step", () => {
    const b = open(16 * MB);
    const other = sum(softmax(b.randn([3000, 3000])));
    const p = scope(() => param(b.tensor([1])));
    const o = sgd({ lr: 0.1 });
    const step = (): void => scope(() => o.update(diff(() => sum(p))));
    step();
    expect(p.value.arraySync()).toEqual([Math.fround(0.9)]);
    expect(o.steps).toBe(1);
    expect(() => other.itemSync()).toThrow(MemoryError);
    expect(() => other.itemSync()).toThrow(MemoryError);
    step();
    expect(o.steps).toBe(2);
  });

  test.each(optimizers)("a counter of the program's own counts no step of %s that failed", (_, make) => {
    const b = open(16 * MB);
    const [p, seen] = scope(() => [param(b.ones([8, 8])), state(b.tensor([0], { dtype: "i32" }))]);
    const o = make();
    const step = (rows: number): void =>
      scope(() => {
        const x = b.ones([rows, 8]);
        o.update(
          diff(() => {
            seen.value = add(seen, 1);
            return mean(square(tanh(matmul(x, p))));
          }),
        );
      });
    step(4);
    const before = p.value.arraySync();
    for (let i = 0; i < 3; i++) expect(() => step(1_000_000)).toThrow(MemoryError);
    expect(p.value.arraySync()).toEqual(before);
    expect(seen.value.arraySync()).toEqual([1]);
    expect(o.steps).toBe(1);
    step(4);
    expect(seen.value.arraySync()).toEqual([2]);
    expect(o.steps).toBe(2);
  });

  /** A number that cannot be computed within the limit. */
  const impossible = (b: ReturnType<typeof open>, x?: Operand): Tensor =>
    mean(cumsum(x === undefined ? b.zeros([8 * MB]) : broadcastTo(sum(x), [8 * MB])));

  /** What two numbers become, and what must not fail with what comes after. */
  const earlier: Readonly<Record<string, (b: ReturnType<typeof open>) => [() => unknown, () => void, unknown]>> = {
    "an update, and a value that cannot be computed": (b) => {
      const [w, o] = [param(b.tensor([5, 6])), sgd({ lr: 1 })];
      o.update(diff(() => sum(w)));
      return [() => [w.value.arraySync(), o.steps], () => impossible(b, w.value).dataSync(), [[4, 5], 1]];
    },
    "an assignment, and such a value": (b) => {
      const w = param(b.tensor([5, 6]));
      w.value = mul(w.value, 0.5);
      const h = add(w.value, 0);
      return [
        () => [w.value.arraySync(), h.arraySync()],
        () => impossible(b, w.value).dataSync(),
        [
          [2.5, 3],
          [2.5, 3],
        ],
      ];
    },
    "an assignment, and one in a scope": (b) => {
      const [p, x] = [param(b.tensor([5, 6])), b.tensor([1, 2])];
      p.value = add(x, 10);
      return [() => p.value.arraySync(), () => scope(() => void (p.value = add(p, impossible(b, x)))), [11, 12]];
    },
    "an update, and one with a wrong label": (b) => {
      const [p, o] = [param(b.tensor([5, 6])), sgd({ lr: 1 })];
      o.update(diff(() => sum(p)));
      const label = b.tensor([0, 9], { dtype: "i32" });
      return [
        () => [p.value.arraySync(), o.steps],
        () => (scope(() => o.update(diff(() => sum(take(p, label))))), take(p, label).dataSync()),
        [[4, 5], 1],
      ];
    },
    "three updates and a mean of them, and an update without memory": (b) => {
      const [p, mean_, o] = [param(b.tensor([1, 2])), state(b.zeros([2])), adam({ lr: 1 })];
      for (let i = 0; i < 3; i++) {
        o.update(diff(() => sum(mul(p, i + 1))));
        mean_.value = add(mul(mean_, 0.5), p);
      }
      const twin = openSync({});
      const [q, also, same] = [param(twin.tensor([1, 2])), state(twin.zeros([2])), adam({ lr: 1 })];
      for (let i = 0; i < 3; i++) {
        same.update(diff(() => sum(mul(q, i + 1))));
        also.value = add(mul(also, 0.5), q);
      }
      const all = (x: typeof p, y: typeof mean_, optimizer: Optimizer) => [
        x.value.arraySync(),
        y.value.arraySync(),
        Object.values(optimizer.stateOf(x)!).map((m) => m.value.arraySync()),
        optimizer.steps,
      ];
      return [
        () => all(p, mean_, o),
        () => (o.update(diff(() => sum(mul(p, impossible(b, p))))), b.flush()),
        all(q, also, same),
      ];
    },
    "a value that the failing step reads": (b) => {
      const [y, p] = [add(b.tensor([1, 2]), 1), state(b.tensor([5, 6]))];
      const read = () => [y.arraySync(), p.value.arraySync()];
      return [
        read,
        () => scope(() => void (p.value = add(p, impossible(b, y)))),
        [
          [2, 3],
          [5, 6],
        ],
      ];
    },
    "a step by hand of which a half can be computed": (b) => {
      const [p, q] = [param(b.ones([4])), param(b.ones([4]))];
      const step = () =>
        scope(() => {
          const tape = diff(() => add(sum(mul(p, q)), mul(0, sum(p))));
          p.value = sub(p.value, tape.grad(p));
          q.value = sub(q.value, mul(tape.grad(q), impossible(b, b.ones([1]))));
        });
      return [
        () => [p.value.arraySync(), q.value.arraySync()],
        step,
        [
          [1, 1, 1, 1],
          [1, 1, 1, 1],
        ],
      ];
    },
  };
  test.each(Object.entries(earlier))("%s: what was asked for before stays", (_, world) => {
    const [read, fails, wanted] = world(open(8 * MB));
    expect(fails).toThrow();
    for (let i = 0; i < 2; i++) expect(read()).toEqual(wanted);
  });

  test("updates within one step stand or fall together, also by tapes that were made before it", () => {
    const b = open(16 * MB);
    const [p, q] = scope(() => [param(b.ones([2])), param(b.ones([3]))]);
    const [forP, forQ] = [adam({ params: p }), chain(clipNorm(5), sgd({ params: q }))];
    const update = (factor: () => Tensor | number): number => {
      let undone = 0;
      scope(() => {
        const tapes = [diff(() => sum(mul(p, 2))), diff(() => sum(mul(q, factor())))] as const;
        together(
          () => (forP.update(tapes[0]), forQ.update(tapes[1])),
          () => undone++,
        );
      });
      return undone;
    };
    expect(() => update(() => impossible(b))).toThrow(MemoryError);
    expect([p.value.arraySync(), q.value.arraySync(), forP.steps, forQ.steps]).toEqual([[1, 1], [1, 1, 1], 0, 0]);
    expect(update(() => 1)).toBe(0);
    expect([forP.steps, forQ.steps, p.value.arraySync()[0] !== 1]).toEqual([1, 1, true]);
    const labels = b.tensor([0, 7], { dtype: "i32" }).add(1);
    const before = [p, q].map((x) => x.value.arraySync());
    expect(() => update(() => mean(take(b.ones([3]), labels)))).toThrow(IndexError);
    expect([p.value.arraySync(), q.value.arraySync(), forP.steps, forQ.steps]).toEqual([...before, 1, 1]);
  });

  test("what an asynchronous function assigned after it waited belongs to its step", async () => {
    const b = open(16 * MB);
    const [p, early, late] = [param(b.ones([2])), state(b.zeros([1])), state(b.zeros([1]))];
    for (const x of [p, early, late]) x.value.dataSync();
    const o = sgd();
    const step = async (factor: () => Tensor | number): Promise<void> => {
      const tape = await diff(async (t) => {
        early.value = add(early, 1);
        await t.wait(null);
        late.value = add(late, 1);
        return sum(mul(p, factor()));
      });
      o.update(tape);
      b.flush();
    };
    await expect(step(() => impossible(b))).rejects.toThrow(MemoryError);
    expect([p, early, late].map((x) => x.value.arraySync())).toEqual([[1, 1], [0], [0]]);
    await step(() => 1);
    expect([early, late].map((x) => x.value.arraySync())).toEqual([[1], [1]]);
  });

  test("much that no scope owns does not cut a step in two", () => {
    const b = open(16 * MB);
    const [p, q] = [param(b.zeros([4])), param(b.zeros([4]))];
    let undone = 0;
    for (const x of [p, q]) x.value.dataSync();
    together(
      () => {
        p.value = add(p.value, 1);
        const held = Array.from({ length: 12 }, (_, i) => add(b.ones([2 ** 16]), i));
        q.value = add(q.value, impossible(b));
        expect(held.length).toBe(12);
      },
      () => undone++,
    );
    expect(() => b.flush()).toThrow(MemoryError);
    expect([undone, p.value.arraySync(), q.value.arraySync()]).toEqual([1, [0, 0, 0, 0], [0, 0, 0, 0]]);
  });

  test("a long program hears nothing of another's value that cannot be computed", () => {
    const b = open(16 * MB);
    const other = impossible(b);
    const y = scope(() => {
      let x = b.ones([1]);
      for (let i = 0; i < 10_010; i++) x = add(x, 1);
      return keep(x);
    });
    expect(y.itemSync()).toBe(10_011);
    expect(() => other.itemSync()).toThrow(MemoryError);
  });

  test("when a scope ends with an error, a step that was rolled back is reported by a warning", () => {
    const b = open(16 * MB);
    const p = param(b.ones([2]));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const run = (factor: () => Tensor | number): void =>
        scope(() => {
          sgd().update(diff(() => sum(mul(p, factor()))));
          throw new Error("mine");
        });
      expect(() => run(() => 1)).toThrow("mine");
      expect(warn).not.toHaveBeenCalled();
      const before = p.value.arraySync();
      expect(() => run(() => impossible(b))).toThrow("mine");
      expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
        expect.stringMatching(/^Weft: .* its assignments were rolled back: MemoryError: /),
      ]);
      expect(p.value.arraySync()).toEqual(before);
    } finally {
      warn.mockRestore();
    }
  });

  const loops: Readonly<Record<string, (b: ReturnType<typeof open>) => Tensor>> = {
    "a running sum": (b) => {
      const x = b.ones([256, 128]);
      let total: Tensor | number = 0;
      for (let i = 0; i < 150; i++) total = add(total, mean(square(mul(x, i)))) as Tensor;
      return mul(total, 1);
    },
    "a chain of products": (b) => {
      let y = b.ones([512, 64]);
      for (let i = 0; i < 150; i++) y = tanh(matmul(y, b.eye(64)));
      return sum(y);
    },
    "many small results of large values": (b) =>
      Array.from({ length: 150 }, (_, k) => sum(square(add(b.full([256, 128], k), 1)))).reduce((x, y) => add(x, y)),
  };
  test.each(Object.entries(loops))("%s, read once at the end, needs no scope", (_, loop) => {
    const [small, large] = [open(4 * MB), open(1024 * MB)];
    expect(loop(small).itemSync()).toBe(loop(large).itemSync());
  });
});
