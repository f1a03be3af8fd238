// Cross-entropy of rows of logits with a label each, and its gradient: the row kernels find sums and exponentials, and what
// concerns labels is done once a row.
import type { CrossEntropyAttrs } from "@weft/tensor";
import { aligned, dense, outOfRange } from "./call.ts";
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

/** Rows whose sums lie in scratch memory at a time. */
const ROWS = 1024;

export const crossEntropy = dense((m, attrs: CrossEntropyAttrs, _out, inputs) => {
  const [units, n] = inputs[0]!.shape as [number, number];
  const { sums } = rowKernels(m);
  return {
    units,
    scratch: aligned(8 * Math.min(units, ROWS)),
    run: (to, [logits, labels], s, begin, end, { fault }) => {
      for (let i = begin; i < end; i += ROWS) {
        const rows = Math.min(ROWS, end - i);
        const x = logits! + 4 * n * i;
        if (n > 0) sums(s, x, rows, n);
        const [y, label] = [(to >>> 2) + i, (labels! >>> 2) + i];
        if (losses(m.f32, m.i32, y, x >>> 2, label, rows, n, s >>> 2, attrs)) outOfRange(m, fault);
      }
    },
  };
});

export const crossEntropyGrad = dense((m, { ignoreIndex, labelSmoothing: s }: CrossEntropyAttrs, _out, inputs) => {
  const [units, n] = inputs[0]!.shape as [number, number];
  const { softmax } = rowKernels(m);
  return {
    units,
    scratch: 0,
    run: (to, [logits, labels], _scratch, begin, end, { fault }) => {
      if (n === 0) return outOfRange(m, fault);
      const memory = m.f32;
      softmax(to + 4 * n * begin, logits! + 4 * n * begin, end - begin, n, 0);
      for (let i = begin, at = (to >>> 2) + n * begin; i < end; i++, at += n) {
        const k = m.i32[(labels! >>> 2) + i]!;
        if (k === ignoreIndex) memory.fill(0, at, at + n);
        else {
          if (s !== 0) for (let j = 0; j < n; j++) memory[at + j]! -= s / n;
          if (k >= 0 && k < n) memory[at + k]! += s - 1;
          else outOfRange(m, fault);
        }
      }
    },
  };
});
