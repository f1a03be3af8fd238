// Knet's functions with their argument order and meaning, for programs ported from Knet. Shapes are row-major: Knet's
// images (W, H, C, N) are [N, C, H, W] here, its weights (W, H, I, O) are [O, I, H, W].
import {
  apply,
  ArgumentError,
  avgPool,
  conv,
  convTranspose,
  div,
  flip,
  isNaN,
  logSoftmax,
  matmul,
  maxPool,
  mul,
  readTensor,
  readTensors,
  reshape,
  ShapeError,
  sigmoid,
  transpose,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  count,
  filled,
  finiteNumber,
  inNameOf,
  integer,
  oneOf,
  positiveCount,
  readOptions,
  sizeOf,
  text,
  type OptionKinds,
  type PerAxis,
} from "@weft/tensor/internals";
import { perAxis, sidesPerAxis } from "./kinds.ts";
import { bceWithLogits } from "./losses/elementwise.ts";
import type { LossOptions } from "./losses/reduction.ts";

export interface Conv4Options {
  /** Zeros on both sides of each spatial axis. */
  readonly padding?: PerAxis;
  readonly stride?: PerAxis;
  readonly dilation?: PerAxis;
  /** 0 is true convolution, where the kernel is flipped; 1 is cross-correlation. */
  readonly mode?: 0 | 1;
  /** The result is multiplied by it. */
  readonly alpha?: number;
  /** The number of groups that the channels are split into. */
  readonly group?: number;
}

const convKinds: OptionKinds<Conv4Options> = {
  padding: sidesPerAxis,
  stride: perAxis,
  dilation: perAxis,
  mode: oneOf(0, 1),
  alpha: finiteNumber,
  group: positiveCount,
};
const convDefaults = { padding: 0, stride: 1, dilation: 1, mode: 0, alpha: 1, group: 1 } as const;

export interface Deconv4Options extends Conv4Options {
  /** Added to one side of the result, which Knet lacks: it selects one of the sizes that a stride maps to one. */
  readonly outputPadding?: PerAxis;
}

/** The kernel for cross-correlation: flipped in mode 0. */
function oriented(kernel: Tensor, mode: number): Tensor {
  const axes = kernel.shape.map((_, axis) => axis).slice(2);
  return mode === 0 && axes.length > 0 ? flip(kernel, { axis: axes }) : kernel;
}

const scaled = (y: Tensor, alpha: number): Tensor => (alpha === 1 ? y : mul(y, alpha));

/**
 * Convolution of x `[N, C, …]` with w `[O, C / group, …]`, one to three spatial axes; sizes become
 * 1 + ⌊(X + 2 padding − ((W − 1) dilation + 1)) / stride⌋. By default the kernel is flipped. Like Knet's `conv4`.
 *
 * @example
 * conv4(tensor([[[1, 2, 3]]]), tensor([[[1, 2, 3, 4, 5, 6, 7]]])); // [[[10, 16, 22, 28, 34]]]
 */
export function conv4(w: Operand, x: Operand, options?: Conv4Options): Tensor {
  const read = readOptions("conv4", options, convKinds, convDefaults);
  const { padding, stride, dilation, mode, alpha, group } = read;
  const [kernel, images] = readTensors("conv4", [w, x]);
  return inNameOf("conv4", () =>
    scaled(conv(images, oriented(kernel, mode), { padding, stride, dilation, groups: group }), alpha),
  );
}

/**
 * The transposed convolution of x `[N, O, …]` with the weight w `[O, C / group, …]` of the convolution that it inverts;
 * sizes become (X − 1) stride + ((W − 1) dilation + 1) − 2 padding + outputPadding. Like Knet's `deconv4`.
 *
 * @example
 * const w = tensor([[[1, 2]]]);
 * const back = deconv4(w, conv4(w, tensor([[[1, 2, 3]]])));
 */
export function deconv4(w: Operand, x: Operand, options?: Deconv4Options): Tensor {
  const kinds = { ...convKinds, outputPadding: sidesPerAxis };
  const read = readOptions("deconv4", options, kinds, { ...convDefaults, outputPadding: 0 });
  const { padding, stride, dilation, mode, alpha, group: groups, outputPadding } = read;
  const [kernel, images] = readTensors("deconv4", [w, x]);
  return inNameOf("deconv4", () =>
    scaled(convTranspose(images, oriented(kernel, mode), { padding, stride, dilation, groups, outputPadding }), alpha),
  );
}

export interface Pool4Options {
  readonly window?: PerAxis;
  readonly padding?: PerAxis;
  /** Default: the window's size. */
  readonly stride?: PerAxis;
  /** 0 maximum, 1 average with the padding's zeros, 2 average without them, 3 maximum. */
  readonly mode?: 0 | 1 | 2 | 3;
  /** 1 (the default): the maximum of a window with NaN is NaN; 0: NaN is less than everything. */
  readonly maxpoolingNanOpt?: 0 | 1;
  /** The result is multiplied by it. */
  readonly alpha?: number;
}

const poolKinds: OptionKinds<Pool4Options> = {
  window: perAxis,
  padding: sidesPerAxis,
  stride: perAxis,
  mode: oneOf(0, 1, 2, 3),
  maxpoolingNanOpt: oneOf(0, 1),
  alpha: finiteNumber,
};
const poolDefaults = {
  window: 2 as PerAxis,
  padding: 0 as PerAxis,
  mode: 0 as 0 | 1 | 2 | 3,
  maxpoolingNanOpt: 1 as 0 | 1,
  alpha: 1,
};

interface Windows {
  readonly window: PerAxis;
  readonly stride: PerAxis;
  readonly padding: PerAxis;
}
type Pooling = (x: Tensor, windows: Windows, nanOpt: 0 | 1) => Tensor;
const largest: Pooling = (x, windows, nanOpt) => maxPool(nanOpt === 1 ? x : where(isNaN(x), -Infinity, x), windows);
const poolings: Record<0 | 1 | 2 | 3, Pooling> = {
  0: largest,
  1: (x, options) => avgPool(x, { ...options, countIncludePad: true }),
  2: (x, options) => avgPool(x, { ...options, countIncludePad: false }),
  3: largest,
};

/**
 * Pooling of x `[N, C, …]`; sizes become 1 + ⌊(X + 2 padding − window) / stride⌋. Like Knet's `pool`.
 *
 * @example
 * pool(tensor([[[1, 2, 3, 4, 5, 6]]])); // [[[2, 4, 6]]]
 */
export function pool(x: Operand, options?: Pool4Options): Tensor {
  const read = readOptions("pool", options, poolKinds, poolDefaults);
  const { window, padding, mode, maxpoolingNanOpt, alpha, stride = window } = read;
  const t = readTensor(x, "pool");
  return inNameOf("pool", () => scaled(poolings[mode](t, { window, stride, padding }, maxpoolingNanOpt), alpha));
}

/**
 * Spreads each value of x back over its window, so that `pool(unpool(x, o), o)` is x where windows do not overlap;
 * sizes become (X − 1) stride + window − 2 padding. Like Knet's `unpool`: the gradient of average pooling (padding
 * counts except in mode 1), times the window's size, divided by alpha.
 *
 * @example
 * unpool(tensor([[[1, 2]]])); // [[[1, 1, 2, 2]]]
 */
export function unpool(x: Operand, options?: Pool4Options): Tensor {
  const { window, padding, mode, alpha, stride = window } = readOptions("unpool", options, poolKinds, poolDefaults);
  const y = readTensor(x, "unpool");
  const axes = y.shape.length - 2;
  if (axes < 1 || axes > 3)
    throw new ShapeError(`unpool: wanted x of shape [N, C, …] with 1 to 3 spatial axes, got ${text(y.shape)}`);
  const each = (option: PerAxis): readonly number[] => {
    const list = typeof option === "number" ? new Array<number>(axes).fill(option) : option;
    if (list.length !== axes)
      throw new ShapeError(`unpool: x ${text(y.shape)} has ${axes} spatial axes, got ${text(list)} for them`);
    return list;
  };
  const [size, step, zeros] = [each(window), each(stride), each(padding)];
  const attrs = { window: size, stride: step, padding: zeros.map((p) => [p, p] as const), dilation: size.map(() => 1) };
  const inputSize = y.shape.slice(2).map((n, k) => (n - 1) * step[k]! + size[k]! - 2 * zeros[k]!);
  const shares = mode === 1 && zeros.some((p) => p > 0) ? share(y, inputSize, attrs) : 1;
  return inNameOf("unpool", () =>
    apply("sumPoolGrad", [scaled(shares === 1 ? y : div(y, shares), 1 / alpha)], { ...attrs, inputSize }),
  );
}

/** The fraction of each window that lies outside the padding. */
function share(y: Tensor, inputSize: readonly number[], attrs: Parameters<typeof apply<"sumPool">>[2]): Tensor {
  const ones = filled(y, 1, [1, 1, ...inputSize]);
  return div(apply("sumPool", [ones], attrs), sizeOf(attrs.window));
}

/**
 * x as a matrix: its last `dims` axes become the columns, the axes before them the rows. By default only the first axis
 * becomes rows; dims 0 gives a column, and the rank of x gives a row. Like Knet's `mat`, whose axes run the other way.
 *
 * @example
 * mat(tensor([[[1, 2], [3, 4]]])); // [[1, 2, 3, 4]]
 */
export function mat(x: Operand, options?: { readonly dims?: number }): Tensor {
  const { dims } = readOptions("mat", options, { dims: count }, {});
  const t = readTensor(x, "mat");
  const { shape, size } = t;
  const joined = dims ?? Math.max(shape.length - 1, 0);
  if (joined > shape.length) throw new ArgumentError(`mat: wanted dims between 0 and ${shape.length}, got ${joined}`);
  const columns = sizeOf(shape.slice(shape.length - joined));
  const rows = sizeOf(shape.slice(0, shape.length - joined));
  return reshape(t, size === 0 ? [rows, columns] : [size / columns, columns]);
}

/**
 * Batched matrix product: a `[…, m, n]` times b `[…, n, k]`; the leading axes must be equal. Like Knet's `bmm`.
 *
 * @example
 * const scores = bmm(queries, keys, { transB: true });
 */
export function bmm(
  a: Operand,
  b: Operand,
  options?: { readonly transA?: boolean; readonly transB?: boolean },
): Tensor {
  const kinds = { transA: boolean, transB: boolean };
  const { transA, transB } = readOptions("bmm", options, kinds, { transA: false, transB: false });
  const [x, y] = readTensors("bmm", [a, b]);
  const [p, q] = [x.shape.slice(0, -2), y.shape.slice(0, -2)];
  if (x.shape.length < 2 || y.shape.length !== x.shape.length || p.some((d, k) => d !== q[k]))
    throw new ShapeError(`bmm: wanted matrices with equal leading axes, got ${text(x.shape)} and ${text(y.shape)}`);
  return inNameOf("bmm", () => matmul(transA ? transpose(x) : x, transB ? transpose(y) : y));
}

/**
 * The logarithm of softmax over `axis`, by default over all of x. Like Knet's `logp`.
 *
 * @example
 * logp(scores, { axis: 1 });
 */
export function logp(x: Operand, options?: { readonly axis?: number }): Tensor {
  const { axis } = readOptions("logp", options, { axis: integer }, {});
  const t = readTensor(x, "logp");
  return inNameOf("logp", () =>
    axis === undefined ? reshape(logSoftmax(reshape(t, [-1]), { axis: 0 }), t.shape) : logSoftmax(t, { axis }),
  );
}

/** The logistic function 1 / (1 + e⁻ˣ) under Knet's name. @example sigm(tensor([0])); // [0.5] */
export const sigm = (x: Operand): Tensor => inNameOf("sigm", () => sigmoid(x));

/**
 * Binary cross-entropy of scores with labels −1 and 1: log(1 + e^(−label · score)), averaged. Like Knet's `logistic`.
 *
 * @example
 * const loss = logistic(scores, labels);
 */
export function logistic(scores: Operand, labels: Operand, options?: LossOptions): Tensor {
  return inNameOf("logistic", () => bceWithLogits(mul(scores, labels), 1, options));
}
