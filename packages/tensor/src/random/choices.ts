// Random choices among categories that are weighted along the last axis. They are races: each category gets an
// exponential number divided by its weight, and the smallest wins (Efraimidis and Spirakis 2006; with logarithms, the
// Gumbel-max method).
import { greaterEqual } from "../activations.ts";
import { readTensor, untaped } from "../apply.ts";
import { sort, topK } from "../arrangement.ts";
import { text } from "../axes.ts";
import { and, div, equal, isFinite, less, lessEqual, log, maximum, minimum, mul, not, sub } from "../elementwise.ts";
import { where } from "../elementwise.ts";
import { ShapeError, shown } from "../errors.ts";
import { composed } from "../formula.ts";
import { softmax } from "../fused/softmax.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inFloats } from "../operands.ts";
import { boolean, count as counted, fraction, nonNegative, positiveCount, readOptions } from "../options.ts";
import { readValue, seedNumber, type OptionKinds } from "../options.ts";
import { uniform } from "../random.ts";
import { argmax, argsort, cumsum, max, min, sum } from "../reduce.ts";
import type { Tensor } from "../tensor.ts";
import type { SeedOption } from "./distributions.ts";
import { standardExponential } from "./exponential.ts";

const last = { axis: -1 };
const lastKept = { axis: -1, keepDims: true };

/** Weights or logits, as constants: a choice has no gradient. */
function categories(op: string, x: Operand): Tensor {
  const t = untaped(inFloats(readTensor(x, op)));
  if (t.shape.length === 0 || t.shape.at(-1) === 0)
    throw new ShapeError(`${op}: wanted at least one category along the last axis, got shape ${text(t.shape)}`);
  return t;
}

/**
 * Weights in proportion to the largest of their row, so that neither their sum nor a quotient overflows. What is not
 * above 0 counts as 0.
 */
function proportions(w: Tensor): Tensor {
  const positive = less(0, w);
  const largest = max(where(positive, w, 0), lastKept);
  return where(positive, where(equal(w, largest), 1, div(w, largest)), 0);
}

export interface MultinomialOptions extends SeedOption {
  /** Whether a category may be drawn more than once. */
  readonly replacement?: boolean;
}

/**
 * `count` random categories per row, `i32` [..., count], with probabilities in proportion to the weights [..., k] ≥ 0.
 * Without replacement each category is drawn at most once, those of weight 0 last. As in PyTorch,
 * but weights are not checked, since that would read them: those below 0 and NaN count as 0.
 *
 * @example multinomial(tensor([0, 3, 0]), 2, { replacement: true, seed: 1 }) // [1, 1]
 */
export function multinomial(weights: Operand, count: number, options?: MultinomialOptions): Tensor {
  const { replacement, seed } = readOptions<MultinomialOptions, { replacement: boolean }>(
    "multinomial",
    options,
    { replacement: boolean, seed: seedNumber },
    { replacement: false },
  );
  readValue("multinomial", "count", count, counted);
  return composed("multinomial", () => {
    const w = proportions(categories("multinomial", weights));
    const k = w.shape.at(-1)!;
    const { backend } = w.interpreter;
    if (!replacement) {
      if (count > k)
        throw new ShapeError(
          `multinomial: cannot draw ${shown(count)} of ${k} categories without replacement; pass { replacement: true }`,
        );
      return topK(div(w, standardExponential(backend, w.shape, seed, "multinomial")), count).indices;
    }
    // A draw falls on the category up to which the weights sum to more than a part of their total. It is counted
    // among the categories that can be drawn, so that rounding never leads to another one.
    const sums = cumsum(w, last);
    const drawable = less(0, w);
    const order = argsort(not(drawable));
    const total = max(where(drawable, sums, 0), lastKept);
    const part = mul(uniform(backend, [...w.shape.slice(0, -1), count], seed, "multinomial"), total);
    const row = [...w.shape.slice(0, -1), 1, k];
    const passed = and(lessEqual(reshape(sums, row), reshape(part, [...part.shape, 1])), reshape(drawable, row));
    const place = minimum(sum(passed, last), maximum(sub(sum(drawable, lastKept), 1), 0));
    return gather(order, place, last);
  });
}

export interface CategoricalOptions extends SeedOption {
  /** Logits are divided by it: above 1 choices are more even, near 0 the largest wins; 0 is `argmax`. By default 1. */
  readonly temperature?: number;
  /** Only so many of the largest logits are drawn; more if some equal the last of these. */
  readonly topK?: number;
  /** Only the most probable categories are drawn whose probabilities sum to this share ("nucleus sampling"). */
  readonly topP?: number;
}
const categoricalOptions: OptionKinds<CategoricalOptions> = {
  temperature: nonNegative,
  topK: positiveCount,
  topP: fraction,
  seed: seedNumber,
};

/** The least number that a backend can divide by. */
const LEAST = 2 ** -126;

/** Logits below the smallest that is kept can no longer be drawn. */
const without = (logits: Tensor, smallest: Tensor): Tensor => where(greaterEqual(logits, smallest), logits, -Infinity);

/** The smallest of the most probable categories that make up a share; the most probable one in any case. */
function nucleus(logits: Tensor, share: number): Tensor {
  const { values } = sort(logits, { descending: true });
  const probability = softmax(values);
  const before = sub(cumsum(probability, last), probability);
  return minimum(min(where(less(before, share), values, Infinity), lastKept), max(values, lastKept));
}

/**
 * A random category per row, `i32` [...], of logits [..., k]: category i with probability softmax(logits / temperature)ᵢ,
 * after those are removed that `topK` and then `topP` exclude. A logit of −∞ is never drawn, and the first NaN always. It has no
 * gradient.
 *
 * @example categorical(tensor([[0, 100], [100, 0]]), { temperature: 0.5, seed: 1 }) // [1, 0]
 */
export function categorical(logits: Operand, options?: CategoricalOptions): Tensor {
  const how = readOptions<CategoricalOptions, { temperature: number }>("categorical", options, categoricalOptions, {
    temperature: 1,
  });
  return composed("categorical", () => {
    const t = categories("categorical", logits);
    if (how.temperature < LEAST) return argmax(t, last);
    // From the largest logit down, so that a small temperature does not overflow. No temperature makes −∞ finite.
    const largest = max(t, lastKept);
    const below = sub(t, where(isFinite(largest), largest, 0));
    let x = where(equal(below, -Infinity), -Infinity, div(below, how.temperature));
    const k = t.shape.at(-1)!;
    if (how.topK !== undefined && how.topK < k) {
      const first = topK(x, how.topK).values;
      x = without(x, min(first, lastKept));
    }
    if (how.topP !== undefined && how.topP < 1) x = without(x, nucleus(x, how.topP));
    return argmax(sub(x, log(standardExponential(t.interpreter.backend, t.shape, how.seed, "categorical"))), last);
  });
}
