// Cross-entropy of rows of logits with a label each, and its gradient: the row kernels find sums and exponentials, and what
// concerns labels is done once a row.
import type { CrossEntropyAttrs } from "@weft/tensor";
import { aligned, dense } from "./call.ts";
import { rowKernels } from "./rows.ts";

/**
 * The loss of each row of n logits at `x`, from its largest element and its sum of exponentials (pairs at `pair`).
 * True if a label was out of range.
 */
function losses(
  memory: Float32Array,
  labels: Int32Array,
  y: number,
  x: number,
  at: number,
  rows: number,
  n: number,
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
        const most = memory[pair]!;
        const log = Math.log(memory[pair + 1]!);
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

export const crossEntropy = dense((m, attrs: CrossEntropyAttrs, _out, inputs) => {
  const [rows, n] = inputs[0]!.shape as [number, number];
  const { sums } = rowKernels(m);
  return {
    scratch: aligned(8 * rows),
    run: (to, [logits, labels], s) => {
      if (rows > 0 && n > 0) sums(s, logits!, rows, n);
      return losses(m.f32, m.i32, to >>> 2, logits! >>> 2, labels! >>> 2, rows, n, s >>> 2, attrs);
    },
  };
});

export const crossEntropyGrad = dense((m, { ignoreIndex, labelSmoothing: s }: CrossEntropyAttrs, _out, inputs) => {
  const [rows, n] = inputs[0]!.shape as [number, number];
  const { softmax } = rowKernels(m);
  return {
    scratch: 0,
    run: (to, [logits, labels]) => {
      if (rows === 0 || n === 0) return rows > 0;
      const memory = m.f32;
      softmax(to, logits!, rows, n, 0);
      let wrong = false;
      for (let i = 0, at = to >>> 2; i < rows; i++, at += n) {
        const k = m.i32[(labels! >>> 2) + i]!;
        if (k === ignoreIndex) memory.fill(0, at, at + n);
        else {
          if (s !== 0) for (let j = 0; j < n; j++) memory[at + j]! -= s / n;
          if (k >= 0 && k < n) memory[at + k]! += s - 1;
          else wrong = true;
        }
      }
      return wrong;
    },
  };
});
