// Cross-entropy of rows of logits with a label each, and its gradient: the row kernels find sums and exponentials, and what
// concerns labels is done once a row.
import { aligned, isContiguous, type Call, type Machine, type Operand, type Prepared } from "./call.ts";
import { rowKernels } from "./rows.ts";

interface CrossEntropyAttrs {
  readonly ignoreIndex: number | undefined;
  readonly labelSmoothing: number;
}

/** For f64: the largest element of a row, and the sum of e^(x - largest). */
function sumOf(x: Float64Array, at: number, n: number): [most: number, sum: number] {
  let most = -Infinity;
  for (let i = 0; i < n; i++) most = Math.max(most, x[at + i]!);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.exp(x[at + i]! - most);
  return [most, sum];
}

/**
 * The loss of each row of n logits at `x`, from its largest element and its sum of exponentials (pairs at `pairs`).
 * True if a label was out of range.
 */
function losses(
  memory: Float32Array | Float64Array,
  labels: Int32Array,
  y: number,
  x: number,
  at: number,
  rows: number,
  n: number,
  pairs: Float32Array | Float64Array,
  pair: number,
  { ignoreIndex, labelSmoothing: s }: CrossEntropyAttrs,
): boolean {
  let wrong = false;
  for (let i = 0; i < rows; i++, x += n, pair += 2) {
    const label = labels[at + i]!;
    let loss = 0;
    if (label !== ignoreIndex) {
      if (label < 0 || label >= n) {
        loss = NaN;
        wrong = true;
      } else {
        const most = pairs[pair]!;
        const log = Math.log(pairs[pair + 1]!);
        loss = (1 - s) * (log + (most - memory[x + label]!));
        if (s !== 0) {
          let total = 0;
          for (let k = 0; k < n; k++) total += log + (most - memory[x + k]!);
          loss += (s * total) / n;
        }
      }
    }
    memory[y + i] = loss;
  }
  return wrong;
}

function prepareLoss(m: Machine, attrs: CrossEntropyAttrs, out: Operand, inputs: readonly Operand[]): Prepared {
  const [rows, n] = inputs[0]!.shape as [number, number];
  if (out.dtype === "f64") {
    const pairs = new Float64Array(2 * rows);
    return {
      scratch: 0,
      run: (to, [logits, labels]) => {
        for (let i = 0; i < rows; i++) pairs.set(sumOf(m.f64, logits! / 8 + i * n, n), 2 * i);
        return losses(m.f64, m.i32, to / 8, logits! / 8, labels! >>> 2, rows, n, pairs, 0, attrs);
      },
    };
  }
  const { sums } = rowKernels(m);
  return {
    scratch: aligned(8 * rows),
    run: (to, [logits, labels], s) => {
      if (rows > 0 && n > 0) sums(s, logits!, rows, n);
      return losses(m.f32, m.i32, to >>> 2, logits! >>> 2, labels! >>> 2, rows, n, m.f32, s >>> 2, attrs);
    },
  };
}

/** For f64: to = scale * softmax(x) of one row. */
function softmaxOf(m: Float64Array, to: number, x: number, n: number, scale: number): void {
  const [most, sum] = sumOf(m, x, n);
  for (let i = 0; i < n; i++) m[to + i] = (Math.exp(m[x + i]! - most) / sum) * scale;
}

function prepareGradient(
  m: Machine,
  { ignoreIndex, labelSmoothing: s }: CrossEntropyAttrs,
  out: Operand,
  inputs: readonly Operand[],
): Prepared {
  const [rows, n] = inputs[0]!.shape as [number, number];
  const double = out.dtype === "f64";
  const { softmax } = rowKernels(m);
  return {
    scratch: aligned(4 * rows),
    run: (to, [logits, labels, gradients], scratch) => {
      if (rows === 0 || n === 0) return rows > 0;
      const memory = double ? m.f64 : m.f32;
      const bytes = memory.BYTES_PER_ELEMENT;
      const label = (i: number): number => m.i32[(labels! >>> 2) + i]!;
      const g = (i: number): number => (label(i) === ignoreIndex ? 0 : memory[gradients! / bytes + i]!);
      if (double) for (let i = 0; i < rows; i++) softmaxOf(m.f64, to / 8 + i * n, logits! / 8 + i * n, n, g(i));
      else {
        for (let i = 0; i < rows; i++) m.f32[(scratch >>> 2) + i] = g(i);
        softmax(to, logits!, rows, n, scratch);
      }
      let wrong = false;
      for (let i = 0, at = to / bytes; i < rows; i++, at += n) {
        const k = label(i);
        if (s !== 0) for (let j = 0; j < n; j++) memory[at + j]! -= (s * g(i)) / n;
        if (k >= 0 && k < n) memory[at + k]! += (s - 1) * g(i);
        else if (k !== ignoreIndex) wrong = true;
      }
      return wrong;
    },
  };
}

const call = (prepare: (...args: Parameters<typeof prepareLoss>) => Prepared): Call => ({
  accepts: (_input, operand) => isContiguous(operand),
  prepare,
});

export const crossEntropy = call(prepareLoss);
export const crossEntropyGrad = call(prepareGradient);
