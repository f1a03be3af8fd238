// The loss of connectionist temporal classification: the likelihood of a sequence of labels whose places in time are
// not known. The forward recursion in the log domain; its gradient is what the tape records of it.
import { stopGradient } from "@weft/autograd";
import {
  ArgumentError,
  ShapeError,
  add,
  and,
  broadcastTo,
  concat,
  cumsum,
  div,
  equal,
  exp,
  gather,
  less,
  log,
  logSoftmax,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  notEqual,
  pad,
  readTensors,
  reshape,
  slice,
  stack,
  sub,
  sum,
  take,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  count,
  inDType,
  inFloats,
  inNameOf,
  iota,
  readOptions,
  resultOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { hostLengths, readLengths, within, type Lengths } from "../lengths.ts";
import { lossDefaults, lossKinds, type LossOptions } from "./reduction.ts";

export interface CtcOptions extends LossOptions {
  /** The class that stands for no label. */
  readonly blank?: number;
  /** Whether the loss of labels that do not fit into their input is 0 (and has no gradient) instead of infinite. */
  readonly zeroInfinity?: boolean;
}

const kinds: OptionKinds<CtcOptions> = { ...lossKinds, blank: count, zeroInfinity: boolean };

/**
 * The logarithm of 0. It is finite, so that differences of two of them are, and so large that no likelihood comes near.
 */
const NEVER = -1e30;

/**
 * The CTC loss: −log of the probability that the classes, with repetitions and blanks removed, spell the labels; divided
 * by the number of labels and averaged over the batch.
 *
 * `scores` are `[T, N, C]` or `[T, C]`, log-probabilities or any scores, of which log-softmax is taken (it leaves
 * log-probabilities as they are). `labels` are `[N, S]`, of which the first `labelLengths[n]` count, or all of them in
 * one vector; for `[T, C]`, `[S]`. Throws a ShapeError if the shapes do not fit; a label out of range is an IndexError at
 * each read. Like PyTorch's `ctc_loss` (Graves et al. 2006), which expects log-probabilities.
 *
 * @example
 * const label = tensor([[1]], { dtype: "i32" });
 * ctc(tensor([[[0, 0]], [[0, 0]]]), label, [2], [1]); // 0.2876820724517809
 */
export function ctc(
  scores: Operand,
  labels: Operand,
  inputLengths: Lengths,
  labelLengths: Lengths,
  options?: CtcOptions,
): Tensor {
  const defaults = { ...lossDefaults, blank: 0, zeroInfinity: false };
  const { reduction, blank, zeroInfinity } = readOptions("ctc", options, kinds, defaults);
  const [x, given] = readTensors("ctc", [scores, labels]);
  const single = x.shape.length === 2;
  if (!single && x.shape.length !== 3)
    throw new ShapeError(`ctc: wanted scores [T, N, C] or [T, C], got ${text(x.shape)}`);
  const [steps, classes] = [x.shape[0]!, x.shape.at(-1)!];
  const batch = single ? 1 : x.shape[1]!;
  if (blank >= classes) throw new ArgumentError(`ctc: wanted one of the ${classes} classes as blank, got ${blank}`);
  const loss = (): Tensor => {
    const inputs = readLengths("ctc", "inputLengths", inputLengths, batch, steps, x);
    const lengths = readLengths("ctc", "labelLengths", labelLengths, batch, Infinity, x);
    const most = hostLengths(labelLengths)?.reduce((a, b) => Math.max(a, b), 0);
    const rows = labelRows(single ? reshape(given, [1, -1]) : given, lengths, most, batch);
    const logs = logSoftmax(within(reshape(inFloats(x), [steps, batch, classes]), inputs));
    const some = where(counted(rows, lengths), rows, blank);
    const each = likelihoods(logs, some, inputs, lengths, blank, zeroInfinity);
    if (reduction === "none") return single ? reshape(each, []) : each;
    return reduction === "sum" ? sum(each) : mean(div(each, maximum(lengths, 1)));
  };
  return inNameOf("ctc", () => resultOf(loss), true);
}

/** Which places of rows lie within the rows' lengths. */
const counted = (rows: Tensor, lengths: Tensor): Tensor =>
  less(iota(rows, [rows.shape[1]!]), reshape(lengths, [-1, 1]));

/** Labels as rows `[N, S]`; those of a vector lie one sequence after another. */
function labelRows(labels: Tensor, lengths: Tensor, most: number | undefined, batch: number): Tensor {
  if (labels.shape.length === 2 && labels.shape[0] === batch) {
    if (most !== undefined && most > labels.shape[1]!)
      throw new ShapeError(`ctc: labelLengths go up to ${most}, but the labels are ${text(labels.shape)}`);
    return inDType(labels, "i32");
  }
  if (labels.shape.length !== 1)
    throw new ShapeError(`ctc: wanted labels [${batch}, S], or all of them in one vector, got ${text(labels.shape)}`);
  const width = Math.min(most ?? labels.size, labels.size);
  const starts = reshape(sub(cumsum(lengths), lengths), [-1, 1]);
  return take(inDType(labels, "i32"), minimum(add(starts, iota(labels, [width])), labels.size - 1));
}

/** −log of the probability of each row of labels, `[N]`. */
function likelihoods(
  logs: Tensor,
  labels: Tensor,
  inputs: Tensor,
  lengths: Tensor,
  blank: number,
  zeroInfinity: boolean,
): Tensor {
  const [steps, batch] = logs.shape as [number, number, number];
  const { backend } = logs;
  // The labels with blanks around each of them; a path may skip a blank between two labels that differ.
  const blanks = backend.full([batch, 1], blank, { dtype: "i32" });
  const size = 2 * labels.shape[1]! + 1;
  const between = reshape(stack([broadcastTo(blanks, labels.shape), labels], { axis: 2 }), [batch, size - 1]);
  const path = concat([between, blanks], { axis: 1 });
  const shifted = (a: Tensor, by: number): Tensor =>
    slice(pad(a, { pads: [[0, 0], [by, 0]], value: NEVER }), { ends: [batch, size] }); // oxfmt-ignore
  const before = slice(pad(path, { pads: [[0, 0], [2, 0]], value: blank }), { ends: [batch, size] }); // oxfmt-ignore
  const skips = and(notEqual(path, blank), notEqual(path, before));
  const places = broadcastTo(reshape(path, [1, batch, size]), [steps, batch, size]);
  const emitted = maximum(gather(logs, places, { axis: 2 }), NEVER);
  // The probability of being at each place of the path; before the first step, just before the first label.
  let a = broadcastTo(where(equal(iota(logs, [size]), 0), 0, inDType(backend.full([size], NEVER), logs.dtype)), [
    batch,
    size,
  ]);
  const running = reshape(inputs, [batch, 1]);
  for (let t = 0; t < steps; t++) {
    const now = reshape(slice(emitted, { starts: [t], ends: [t + 1] }), [batch, size]);
    const next = add(now, logSum(a, shifted(a, 1), where(skips, shifted(a, 2), NEVER)));
    a = where(less(t, running), next, a);
  }
  const last = reshape(mul(lengths, 2), [batch, 1]);
  const end = gather(a, last, { axis: 1 });
  const label = gather(a, maximum(sub(last, 1), 0), { axis: 1 });
  const loss = neg(reshape(logSum(end, where(equal(last, 0), NEVER, label)), [batch]));
  // Not "where it is small enough": NaN stays NaN.
  return where(less(-NEVER / 10, loss), zeroInfinity ? 0 : Infinity, loss);
}

/** log Σ eˣ over tensors, whose gradient is finite wherever they are. */
function logSum(...xs: readonly [Tensor, ...Tensor[]]): Tensor {
  const top = stopGradient(xs.reduce((m, x) => maximum(m, x)));
  return add(log(xs.map((x) => exp(sub(x, top))).reduce((total, x) => add(total, x))), top);
}
