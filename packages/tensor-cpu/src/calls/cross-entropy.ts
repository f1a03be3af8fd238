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

function prepareLoss(
  m: Machine,
  { ignoreIndex, labelSmoothing: s }: CrossEntropyAttrs,
  out: Operand,
  inputs: readonly Operand[],
): Prepared {
  const [rows, n] = inputs[0]!.shape as [number, number];
  const double = out.dtype === "f64";
  const { sums } = rowKernels(m);
  return {
    scratch: aligned(8 * rows),
    run: (to, [logits, labels], scratch) => {
      if (!double && rows > 0 && n > 0) sums(scratch, logits!, rows, n);
      const memory = double ? m.f64 : m.f32;
      const { i32 } = m;
      const bytes = memory.BYTES_PER_ELEMENT;
      let [x, at, y] = [logits! / bytes, scratch >> 2, to / bytes];
      let wrong = false;
      for (let i = 0; i < rows; i++, x += n, at += 2) {
        const label = i32[(labels! >> 2) + i]!;
        let loss = 0;
        if (label !== ignoreIndex) {
          if (label < 0 || label >= n) {
            loss = NaN;
            wrong = true;
          } else {
            const [most, sum] = double ? sumOf(m.f64, x, n) : [memory[at]!, memory[at + 1]!];
            const log = Math.log(sum);
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
      const label = (i: number): number => m.i32[(labels! >> 2) + i]!;
      const g = (i: number): number => (label(i) === ignoreIndex ? 0 : memory[gradients! / bytes + i]!);
      if (double) for (let i = 0; i < rows; i++) softmaxOf(m.f64, to / 8 + i * n, logits! / 8 + i * n, n, g(i));
      else {
        for (let i = 0; i < rows; i++) m.f32[(scratch >> 2) + i] = g(i);
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
