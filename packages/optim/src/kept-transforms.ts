// What transforms of a chain keep for parameters, beside its optimizer.
import { byName, copiedState, keeperOf, preparedState, walk } from "@weft/autograd/internals";
import type { Keeper, StateRecord } from "@weft/autograd/internals";
import { namedIn } from "./memory.ts";

/** The keepers among transforms, and what their paths begin with. */
const keepersOf = (transforms: readonly object[]): { readonly prefix: string; readonly keeper: Keeper }[] =>
  transforms.flatMap((transform, k) => {
    const keeper = keeperOf(transform);
    return keeper === undefined ? [] : [{ prefix: `transforms.${k}.`, keeper }];
  });

/** Copies of what transforms keep, by path. */
export const statesOf = (transforms: readonly object[], model: unknown): StateRecord =>
  Object.fromEntries(
    keepersOf(transforms).flatMap(({ prefix, keeper }) =>
      Object.entries(copiedState(keeper, namedIn(keeper, model))).map(([path, box]) => [prefix + path, box] as const),
    ),
  );

/** Prepares to load such a state. `own` is what is left of it for the optimizer. */
export function prepared(
  transforms: readonly object[],
  state: unknown,
  model: unknown,
): { readonly own: unknown; take(): void } {
  const all = keepersOf(transforms);
  if (all.length === 0) return { own: state, take: () => undefined };
  const given = [...byName(walk(state))];
  const takes = all.map(({ prefix, keeper }) =>
    preparedState(
      keeper,
      namedIn(keeper, model),
      new Map(
        given.flatMap(([path, box]) => (path.startsWith(prefix) ? [[path.slice(prefix.length), box] as const] : [])),
      ),
    ),
  );
  const rest = given.filter(([path]) => !all.some(({ prefix }) => path.startsWith(prefix)));
  return {
    own: Object.fromEntries(rest),
    take: () => takes.forEach((take) => take()),
  };
}
