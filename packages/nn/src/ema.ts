// A model whose parameters are a moving average of another one's: it is often better, and steadier.
import { state, type State } from "@weft/autograd";
import { fromHost } from "@weft/autograd/internals";
import { add, cast, mul, sub } from "@weft/tensor";
import { boolean, dtypeInfo, fraction, readOptions, readValue, resultOf } from "@weft/tensor/internals";
import type { OptionKinds } from "@weft/tensor/internals";
import { clone } from "./clone.ts";
import { assignPairs, pairsOf, valueFor, type Pair } from "./copy-into.ts";
import { freeze } from "./freeze.ts";
import { lazyIn } from "./parameter.ts";
import { boxes, modelKind } from "./tree.ts";

export interface EmaOptions {
  /** How much of the average an update keeps (0.999). */
  readonly decay?: number;
  /** Whether the n-th update keeps at most n / (9 + n) of it, so that initial values are soon forgotten (false). */
  readonly warmup?: boolean;
}

const emaKinds: OptionKinds<EmaOptions> = { decay: fraction, warmup: boolean };

/** See the function `ema`. */
export interface Ema<Model> {
  /** The average: a copy of the model, frozen. */
  readonly model: Model;
  /** The number of updates. It stays on the host. */
  readonly updates: State;
  /** Moves the average toward the model, as it is now. */
  update(): void;
}

/**
 * The exponential moving average of a model's parameters, in a copy of the model: each update makes of an average a
 * decay · a + (1 − decay) · p. The average of 16-bit parameters is `f32`, in which it is computed. States (running
 * moments, counts) are copied. The copy is frozen, so no optimizer updates it, and its normalizations use their running
 * moments; `unfreeze` it to train it. In a tree with the model it is saved and resumed:
 * `save(file, { model, optimizer, average })`. Like TensorFlow's `ExponentialMovingAverage`, whose warm-up it has;
 * PyTorch's `AveragedModel` takes the parameters of the first update as they are.
 *
 * With a small `1 − decay` it is the target network of DDPG and SAC.
 *
 * @example
 * const model = { w: param(tensor([0, 0])) };
 * const average = ema(model, { decay: 0.9 });
 * model.w.value = tensor([1, 10]);
 * average.update();
 * average.model.w.value; // [0.1, 1]
 */
export function ema<Model>(model: Model, options?: EmaOptions): Ema<Model> {
  readValue("ema", "the model", model, modelKind);
  const { decay, warmup } = readOptions("ema", options, emaKinds, { decay: 0.999, warmup: false });
  const updates = state(counted(0));
  const self: Ema<Model> = {
    model: computed(freeze(clone(model))),
    updates,
    update: () => {
      const pairs = pairsOf("ema", model, self.model);
      const n = 1 + countOf(updates);
      const kept = warmup ? Math.min(decay, n / (9 + n)) : decay;
      const undo = (): void => updates.reset(counted(n - 1));
      resultOf(() => assignPairs(pairs, (pair) => averaged(pair, kept), undo));
      updates.reset(counted(n));
    },
  };
  return self;
}

/** A copy whose parameters have the types that they are computed in: small steps would be lost in 16 bits. */
function computed<Model>(copy: Model): Model {
  resultOf(() => {
    for (const { box } of boxes(copy)) {
      const { compute } = dtypeInfo[box.dtype];
      if (box.kind === "state" || box.dtype === compute) continue;
      if (box.lazyValue !== undefined) box.reset(lazyIn(compute, box.lazyValue));
      else box.value = cast(box.read(), compute);
    }
  });
  return copy;
}

const counted = (n: number) => fromHost([], "i32", () => Int32Array.of(n));

/** A count, which is known on the host. */
const countOf = ({ scalar, lazyValue }: State): number => (scalar ?? lazyValue?.values?.())?.[0] ?? 0;

/** What an average becomes; a state is copied. */
function averaged(pair: Pair, decay: number) {
  const { from, to } = pair;
  const x = valueFor(pair);
  if (x === undefined || from.kind === "state") return x;
  const before = to.read(x.interpreter.backend);
  return add(before, mul(sub(x, before), 1 - decay));
}
