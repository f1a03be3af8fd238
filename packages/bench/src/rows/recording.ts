// The cost of recording, like the table of Knet's AutoGrad (prof/profile.jl in AutoGrad.jl): a perceptron 784-64-10
// with squared loss, batch 100, as longer and longer prefixes, then with a tape, then with the backward pass. A second
// in the table stands for 6,000 calls: ten passes over 600 batches. The program opcost of the examples has the same parts,
// but reads every call's loss, and compares least times; here a ratio is the median of those within a round.
import { diff, param, stopGradient, type Param } from "@weft/autograd";
import { after, parts, type Part } from "@weft/examples/internals";
import type { Operand, Tensor } from "@weft/tensor";
import type { CpuBackend } from "@weft/tensor-cpu";
import { stored, type Row, type TimedStep } from "./row.ts";

/** The number of calls that a figure in the table stands for. */
export const CALLS = 6000;
const BATCHES = 600;

const whole = Object.values(parts);
const upTo = (some: readonly Part[], w: readonly Operand[], [x, y]: Batch): Tensor => after(some, w, x, y);

type Batch = readonly [x: Tensor, y: Tensor];
interface Data {
  readonly batches: readonly Batch[];
  readonly weights: readonly Tensor[];
  readonly boxes: readonly Param[];
}

/** One set of batches for all rows. */
const prepared = new WeakMap<CpuBackend, Data>();
function data(backend: CpuBackend): Data {
  const known = prepared.get(backend);
  if (known !== undefined) return known;
  const { randn, zeros } = backend;
  const batches = Array.from({ length: BATCHES }, (): Batch => [randn([100, 784]), randn([100, 10])]);
  const weights = [randn([784, 64], { std: 0.1 }), zeros([64]), randn([64, 10], { std: 0.1 }), zeros([10])];
  const made = { batches, weights, boxes: weights.map((w) => param(w)) };
  prepared.set(backend, made);
  return made;
}

const over = (backend: CpuBackend, f: (data: Data, batch: Batch) => unknown): TimedStep => {
  const all = data(backend);
  let i = 0;
  return { run: () => stored(() => f(all, all.batches[i++ % BATCHES]!)) };
};

const row = (name: string, what: string, weft: Row["weft"]): Row => ({
  name: `recording-${name}`,
  what,
  unit: "µs",
  group: "recording",
  weft,
});

/** In the order of the table. */
export const recording: readonly Row[] = [
  ...Object.keys(parts).map((what, k) =>
    row(String(k + 1), what, (backend) =>
      over(backend, ({ weights }, batch) => upTo(whole.slice(0, k + 1), weights, batch)),
    ),
  ),
  // The tape is recorded and dropped: there is no backward pass from a constant.
  row("tape", "+ recording", (backend) =>
    over(backend, ({ boxes }, batch) => diff(() => stopGradient(upTo(whole, boxes, batch)))),
  ),
  row("backward", "+ backprop", (backend) =>
    over(backend, ({ boxes }, batch) => diff(() => upTo(whole, boxes, batch))),
  ),
];
