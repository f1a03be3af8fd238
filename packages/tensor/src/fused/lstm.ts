// The part of an LSTM that goes step by step, and its gradient, as fused operations: a backend may run each step as one
// kernel. What all steps can share (products with the inputs, gradients of the weights) stays outside.
import { applyFused, readTensor } from "../apply.ts";
import { stack } from "../arrangement.ts";
import { sameShape, text } from "../axes.ts";
import { add, floating, mul, sigmoid, sub, tanh } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, reshape, slice, transpose } from "../movement.ts";
import type { Shape } from "../ops.ts";
import { tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";

type NoAttrs = Readonly<Record<string, never>>;
const noAttrs: NoAttrs = {};

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
}

/** Throws where an operand has another shape than wanted. */
function wanted(name: string, inputs: readonly Value[], shapes: Readonly<Record<string, Shape>>): void {
  Object.entries(shapes).forEach(([operand, shape], i) => {
    const found = tensorAt(name, inputs, i).shape;
    if (!sameShape(found, shape))
      throw new ShapeError(`${name}: wanted ${operand} of shape ${text(shape)}, got ${text(found)}`);
  });
}

function sizesOf(name: string, inputs: readonly Value[]): Sizes {
  const { shape } = tensorAt(name, inputs, 0);
  const [steps = 0, batch = 0, width = 0] = shape;
  if (shape.length !== 3 || steps === 0 || width % 4 !== 0)
    throw new ShapeError(`${name}: wanted given of shape [T, B, 4 H] with T > 0, got ${text(shape)}`);
  const units = width / 4;
  const state = [batch, units];
  wanted(name, inputs, { given: shape, h: state, c: state, whh: [width, units] });
  return { steps, batch, units };
}

function gradSizesOf(name: string, inputs: readonly Value[]): Sizes {
  const { shape } = tensorAt(name, inputs, 0);
  const [gates = 0, steps = 0, batch = 0, units = 0] = shape;
  if (shape.length !== 4 || gates !== 4 || steps === 0)
    throw new ShapeError(`${name}: wanted gates of shape [4, T, B, H] with T > 0, got ${text(shape)}`);
  const all = [steps, batch, units];
  const state = [batch, units];
  wanted(name, inputs, { gates: shape, cells: all, c: state, whh: [4 * units, units], gy: all, gc: state });
  return { steps, batch, units };
}

/** Element t of the first axis, as `[B, n]`. */
const step = (x: Tensor, t: number): Tensor => reshape(slice(x, { starts: [t], ends: [t + 1] }), x.shape.slice(1));

/** dσ and dtanh, from the function's value. */
const dSigmoid = (y: Tensor): Tensor => mul(y, sub(1, y));
const dTanh = (y: Tensor): Tensor => sub(1, mul(y, y));

/** Each step: i, f, g, o = σ, σ, tanh, σ of (given + h·whhᵀ); c = f·c + i·g; h = o·tanh(c). */
export const lstmSequenceOp: FusedOp<NoAttrs> = {
  name: "lstmSequence",
  infer: (inputs) => {
    const { steps, batch, units } = sizesOf("lstmSequence", inputs);
    const { dtype } = tensorAt("lstmSequence", inputs, 0);
    const all = [steps, batch, units];
    return [[4, ...all], all, all].map((shape) => ({ shape, dtype }));
  },
  fallback: (inputs) => {
    const { steps, batch, units } = sizesOf("lstmSequence", inputs);
    let [given, h, c, whh] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const recurrent = transpose(whh);
    const gates: Tensor[][] = [[], [], [], []];
    const [cells, hiddens]: [Tensor[], Tensor[]] = [[], []];
    for (let t = 0; t < steps; t++) {
      const a = add(matmul(h, recurrent), step(given, t));
      const part = (k: number) => slice(a, { starts: [0, k * units], ends: [batch, (k + 1) * units] });
      const [i, f, g, o] = [sigmoid(part(0)), sigmoid(part(1)), tanh(part(2)), sigmoid(part(3))];
      c = add(mul(f, c), mul(i, g));
      h = mul(o, tanh(c));
      [i, f, g, o].forEach((gate, k) => gates[k]!.push(gate));
      cells.push(c);
      hiddens.push(h);
    }
    return [reshape(concat(gates.flat(), { axis: 0 }), [4, steps, batch, units]), stack(cells), stack(hiddens)];
  },
};

/** The way back through the steps: the gradients of what σ and tanh were applied to, and of the first c. */
export const lstmSequenceGradOp: FusedOp<NoAttrs> = {
  name: "lstmSequenceGrad",
  infer: (inputs) => {
    const { steps, batch, units } = gradSizesOf("lstmSequenceGrad", inputs);
    const { dtype } = tensorAt("lstmSequenceGrad", inputs, 0);
    return [
      [steps, batch, 4 * units],
      [batch, units],
    ].map((shape) => ({ shape, dtype }));
  },
  fallback: (inputs) => {
    const { steps, batch, units } = gradSizesOf("lstmSequenceGrad", inputs);
    const [gates, cells, c, whh, gy, gc] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const parts: Tensor[] = new Array(steps);
    const rows = reshape(gates, [4 * steps, batch, units]);
    let dh: Tensor | undefined;
    let dc = gc;
    for (let t = steps - 1; t >= 0; t--) {
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => step(rows, k * steps + t)) as [Tensor, Tensor, Tensor, Tensor];
      const squashed = tanh(step(cells, t));
      const d: Tensor = dh === undefined ? step(gy, t) : add(step(gy, t), dh);
      dc = add(dc, mul(mul(d, o), dTanh(squashed)));
      const da = concat(
        [
          mul(mul(dc, g), dSigmoid(i)),
          mul(mul(dc, t === 0 ? c : step(cells, t - 1)), dSigmoid(f)),
          mul(mul(dc, i), dTanh(g)),
          mul(mul(d, squashed), dSigmoid(o)),
        ],
        { axis: 1 },
      );
      parts[t] = da;
      dc = mul(dc, f);
      if (t > 0) dh = matmul(da, whh);
    }
    return [stack(parts), dc];
  },
};

const floats = (name: string, operands: readonly Operand[]): Tensor[] =>
  operands.map((x) => floating(readTensor(x, name), name) as Tensor);

/** What every step of an LSTM leaves. */
export interface LstmSteps {
  /** The values of the gates i, f, g, o, `[4, T, B, H]`. */
  readonly gates: Tensor;
  /** `[T, B, H]`. */
  readonly cells: Tensor;
  /** `[T, B, H]`. */
  readonly hiddens: Tensor;
}

/**
 * The steps of an LSTM over what its inputs give: for each t
 * i, f, g, o = σ(a), σ(a), tanh(a), σ(a) with a = given + h·whhᵀ; c = f·c + i·g; h = o·tanh(c).
 *
 * given `[T, B, 4 H]` is x·W_ihᵀ + b, its gates side by side in the order i f g o; h and c `[B, H]`; whh `[4 H, H]`. Throws a
 * ShapeError if they do not fit. What `lstm` of `nn` is made of.
 *
 * @example const { hiddens } = lstmSequence(zeros([5, 2, 12]), zeros([2, 3]), zeros([2, 3]), randn([12, 3]));
 */
export function lstmSequence(given: Operand, h: Operand, c: Operand, whh: Operand): LstmSteps {
  const inputs = floats("lstmSequence", [given, h, c, whh]);
  sizesOf("lstmSequence", inputs);
  const [gates, cells, hiddens] = applyFused(lstmSequenceOp, inputs, noAttrs);
  return { gates: gates!, cells: cells!, hiddens: hiddens! };
}

/** Where the way back through the steps of an LSTM ends. */
export interface LstmStepsGrad {
  /** The gradient of `given`, `[T, B, 4 H]`. That of the first h is its step 0 times whh. */
  readonly given: Tensor;
  /** The gradient of the first c, `[B, H]`. */
  readonly c: Tensor;
}

/**
 * The way back through `lstmSequence`: from gates and cells that it left, its c and whh, the gradient gy `[T, B, H]` of hiddens
 * and gc `[B, H]` of the last cell. For each t from the last, with d = gy + da(t+1)·whh and s = tanh(c):
 * dc += d·o·(1 − s²); da = (dc·g·i(1−i), dc·c(t−1)·f(1−f), dc·i·(1−g²), d·s·o(1−o)); dc = dc·f.
 *
 * @example
 * const { gates, cells } = lstmSequence(given, h, c, whh);
 * const { given: da } = lstmSequenceGrad(gates, cells, c, whh, gy, zerosLike(c));
 */
export function lstmSequenceGrad(
  gates: Operand,
  cells: Operand,
  c: Operand,
  whh: Operand,
  gy: Operand,
  gc: Operand,
): LstmStepsGrad {
  const inputs = floats("lstmSequenceGrad", [gates, cells, c, whh, gy, gc]);
  gradSizesOf("lstmSequenceGrad", inputs);
  const [da, dc] = applyFused(lstmSequenceGradOp, inputs, noAttrs);
  return { given: da!, c: dc! };
}
