// Copies the values of one model into another one with the same names and shapes.
import { StateError } from "@weft/autograd";
import { byName, namesOf, type NamedBox } from "@weft/autograd/internals";
import { BackendMismatchError, cast, type Tensor } from "@weft/tensor";
import { isFloat, readValue, resultOf, sameShape, together, text } from "@weft/tensor/internals";
import { list, plain, some } from "./name-lists.ts";
import { lazyIn, type AnyBox } from "./parameter.ts";
import { boxes, modelKind } from "./tree.ts";

/** Boxes of two models under one name. */
export interface Pair {
  readonly path: string;
  readonly from: AnyBox;
  readonly to: AnyBox;
}

/** The boxes of two models by name. Throws a StateError if names, shapes, dtypes or ties do not fit. */
export function pairsOf(op: string, from: unknown, to: unknown): Pair[] {
  const places = boxes(from);
  const given = byName(places);
  const wanted = boxes(to);
  const outside = (these: readonly NamedBox[], names: ReadonlyMap<string, AnyBox>): string[] =>
    these.flatMap((place) => (namesOf(place).some((name) => names.has(name)) ? [] : [place.path]));
  const missing = outside(wanted, given);
  const unexpected = outside(places, byName(wanted));
  const parts = [...list("missing", missing), ...list("unexpected", unexpected)];
  if (parts.length > 0) throw new StateError(`${op}: the names of the models differ: ${parts.join("; ")}`);
  const wrong: string[] = [];
  const pairs = wanted.map((place): Pair => {
    const { path, box } = place;
    const [first, ...others] = new Set(namesOf(place).flatMap((name) => given.get(name) ?? []));
    const from = first!;
    if (others.length > 0)
      wrong.push(`${plain(path)} is one parameter under several names, the other model has several`);
    if (!sameShape(from.shape, box.shape))
      wrong.push(`${plain(path)} is ${text(from.shape)}, wanted ${text(box.shape)}`);
    if (from.dtype !== box.dtype && !(isFloat(from.dtype) && isFloat(box.dtype)))
      wrong.push(`${plain(path)} is ${from.dtype}, wanted ${box.dtype}`);
    return { path, from, to: box };
  });
  if (wrong.length > 0) throw new StateError(`${op}: the models do not fit: ${some(wrong, "; ")}`);
  for (const { path, from, to } of pairs)
    if (from.backend !== undefined && to.backend !== undefined && from.backend !== to.backend)
      throw new BackendMismatchError(
        `${op}: ${plain(path)} is on ${from.backend.name}, and that of the other model on ${to.backend.name}; ` +
          "move one model first: await place(model, backend)",
      );
  return pairs;
}

/** The value of a box for a box of its own dtype; undefined if neither has a value yet. */
export function valueFor({ from, to }: Pair): Tensor | undefined {
  const { lazyValue } = from;
  if (lazyValue !== undefined && to.backend === undefined) return undefined;
  const x = lazyValue === undefined ? from.read() : lazyValue.create(to.backend!);
  return x.dtype === to.dtype ? x : cast(x, to.dtype);
}

/** Assigns the values of pairs, after all of them have been computed; `undo` is called if that is taken back. */
export function assignPairs(
  pairs: readonly Pair[],
  value: (pair: Pair) => Tensor | undefined = valueFor,
  undo?: () => void,
): void {
  const values = pairs.map((pair) => [pair, value(pair)] as const);
  together(() => {
    for (const [{ from, to }, x] of values) {
      if (x === undefined) to.reset(lazyIn(to.dtype, from.lazyValue!));
      else to.value = x;
      if (from.scalar !== undefined) to.scalar = from.scalar;
    }
  }, undo);
}

/**
 * Copies all parameters and states of one model into another, and returns the other: what a target network is updated
 * with. Names and shapes must be the same, else it throws a StateError that lists what differs; a value of another
 * floating-point type is cast. Nothing changes unless everything fits. Values are shared, not copied, until one side is
 * assigned others. Parameters without a value stay without, or get their initial one where the other model is. Models on
 * different backends are a BackendMismatchError. Within a `diff` the values are part of the computation.
 *
 * @example
 * const target = clone(model);
 * copyInto(model, target); // from time to time
 */
export function copyInto<Model>(from: unknown, to: Model): Model {
  readValue("copyInto", "the model to copy", from, modelKind);
  readValue("copyInto", "the model to be changed", to, modelKind);
  const pairs = pairsOf("copyInto", from, to);
  resultOf(() => assignPairs(pairs));
  return to;
}
