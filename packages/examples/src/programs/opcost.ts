// What recording costs: a perceptron with a quadratic loss, cut off after each of its operations, then recorded on a
// tape, then with its gradients. It is the last table of Knet's README, measured as AutoGrad's prof/profile.jl does it.
import { diff, param, stopGradient } from "@weft/autograd";
import {
  add,
  keep,
  matmul,
  oneHot,
  relu,
  scope,
  square,
  sub,
  sum,
  type Backend,
  type Creation,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { itemsAs, minibatch, type Pictures } from "@weft/data";
import { dataset, digitNames } from "../images/datasets.ts";
import { ofLength, program, type Learner, type Program } from "../training/program.ts";
import { costSections } from "../report/costs.ts";
import { count } from "../format.ts";

export type Part = (h: Tensor, w: readonly Operand[], y: Tensor) => Tensor;

/** A tape, or just a value. */
type Row = (x: Tensor, y: Tensor) => { readonly value: Tensor };

/** The perceptron 784 → 64 → 10 and its loss, part by part. */
export const parts: Readonly<Record<string, Part>> = {
  "x · w1": (x, w) => matmul(x, w[0]!),
  "+ b1": (h, w) => add(h, w[1]!),
  "max(0, ·)": (h) => relu(h),
  "· w2": (h, w) => matmul(h, w[2]!),
  "+ b2": (h, w) => add(h, w[3]!),
  "− y": (h, _, y) => sub(h, y),
  "Σ(·)²": (h) => sum(square(h)),
};
const all = Object.values(parts);
/** What some of them compute, one after the other. */
export const after = (some: readonly Part[], w: readonly Operand[], x: Tensor, y: Tensor) =>
  some.reduce((h, part) => part(h, w, y), x);

export const opcost: Program = program({
  title: "The cost of operations",
  about: "what recording and gradients cost, beside the operations themselves: a measurement",
  time: "30 s",
  reaches: "recording 1.04 and gradients 1.9 times the forward pass, each the best of thirty passes",
  epochs: 30, // passes over 600 batches
  round: "round",
  every: 10,
  quick: { epochs: 10 },
  data: digitNames,
  start: async ({ data, backend }) => learner(await dataset(data), backend),
});

/** Measures with batches of 100. A pass of a row is so many calls of it. */
export async function learner({ train }: Pictures, backend: Backend & Creation, calls = 600) {
  const { randn, zeros } = backend;
  const weights = [randn([784, 64], { std: 0.1 }), zeros([64]), randn([64, 10], { std: 0.1 }), zeros([10])];
  const boxes = weights.map((w) => param(w));
  const source = [itemsAs(train.images, { shape: [784] }), train.labels] as const;
  const batches = Array.from(
    minibatch(source, 100, { backend }),
    ([x, y]) => [keep(x), keep(oneHot(y, { depth: 10 }))] as const,
  );

  /** What a call of each row computes. Gradients stop at a constant: then there is a tape, but no way back. */
  const rows: Record<string, Row> = {
    ...Object.fromEntries(
      Object.keys(parts).map((name, k) => [name, (x, y) => ({ value: after(all.slice(0, k + 1), weights, x, y) })]),
    ),
    "+ recording": (x, y) => diff(() => stopGradient(after(all, boxes, x, y))),
    "+ gradients": (x, y) => diff(() => after(all, boxes, x, y)),
  };
  /** Seconds for so many calls. */
  const time = async (row: Row, calls: number) => {
    const begin = performance.now();
    // The inner scope ends before the call is computed: what is between its operations need not be stored. A tape
    // leaves it whole, with gradients, which are computed when its value is read.
    const call = (batch: readonly [Tensor, Tensor]) => scope(() => scope(() => row(...batch)).value.data());
    for (let i = 0; i < calls; i++) await call(batches[i % batches.length]!);
    return (performance.now() - begin) / 1000;
  };

  /** What happens once, for the first call of a row or with a batch, is over before a pass is timed. */
  let warm = false;
  const warmUp = async () => {
    if (!warm) for (const row of Object.values(rows)) await time(row, Math.min(100, calls));
    warm = true;
  };

  const best: Record<string, number> = {};
  /** Seconds for one more pass of a row. */
  const measure = async (name: string) => {
    await warmUp();
    const seconds = await time(rows[name]!, calls);
    best[name] = Math.min(seconds, best[name] ?? Infinity);
    return seconds;
  };
  async function* pass() {
    for (const name of Object.keys(rows)) yield { [name]: await measure(name) };
  }
  return {
    from: `passes of ${count(calls)} calls, ${Object.keys(rows).length} rows in turn`,
    epoch: () => ofLength(Object.keys(rows).length, pass()),
    async evaluate() {
      // A ratio is of two rows, and the table has all: where the steps ended before a row, it gets its first pass here.
      for (const name of Object.keys(rows)) if (best[name] === undefined) await measure(name);
      const [forward, recorded, whole] = ["Σ(·)²", "+ recording", "+ gradients"].map((name) => best[name]!);
      return { recordingOverForward: recorded! / forward!, gradientsOverForward: whole! / forward! };
    },
    of: "times the forward pass, with recording",
    sections: async () => costSections(best, calls),
  } satisfies Learner;
}
