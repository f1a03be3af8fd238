// Option kinds that several layers share.
import {
  boolean,
  callable,
  count,
  either,
  oneOf,
  positiveCount,
  type AutoPadding,
  type OptionKind,
  type OptionKinds,
  type Padding,
  type PerAxis,
} from "@weft/tensor/internals";
import type { WeightOptions } from "./linear.ts";

/** A value of a kind, or a list of them. */
export const listOf = <T>({ wanted, is }: OptionKind<T>): OptionKind<T | readonly T[]> => ({
  wanted: `${wanted}, or a list of them`,
  is: (x): x is T | readonly T[] => is(x) || (Array.isArray(x) && x.length > 0 && x.every(is)),
});
const isSides = (x: unknown): boolean => Array.isArray(x) && x.length === 2 && x.every(count.is);

// Stricter than those of the functions, which find the rest when they meet x: a layer is checked where it is made.
export const perAxis: OptionKind<PerAxis> = listOf(positiveCount);
export const sidesPerAxis: OptionKind<PerAxis> = listOf(count);
export const padding: OptionKind<Padding> = {
  wanted: `${count.wanted}, or a list of them or of [before, after]`,
  is: (x): x is Padding => count.is(x) || (Array.isArray(x) && x.every((p) => count.is(p) || isSides(p))),
};
export const autoPadding: OptionKind<AutoPadding> = either(padding, oneOf("same", "valid"));
export const weightKinds: OptionKinds<WeightOptions> = { bias: boolean, init: callable, biasInit: callable };
export const trainingKinds: OptionKinds<{ readonly training?: boolean }> = { training: boolean };
