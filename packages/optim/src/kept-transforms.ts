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

const inside = "optimizer.";
/** Paths that transforms of a chain have, and those of the optimizer that would be taken for them. */
const isMarked = (path: string): boolean => path.startsWith("transforms.") || path.startsWith(inside);

/** The state of a chain, by path. That of its optimizer, which may be a chain, has paths of its own. */
export function chainedState(transforms: readonly object[], own: StateRecord, model: unknown): StateRecord {
  const all = keepersOf(transforms);
  if (all.length === 0) return own;
  const kept = all.flatMap(({ prefix, keeper }) =>
    Object.entries(copiedState(keeper, namedIn(keeper, model))).map(([path, box]) => [prefix + path, box] as const),
  );
  const rest = Object.entries(own).map(([path, box]) => [isMarked(path) ? inside + path : path, box] as const);
  return Object.fromEntries([...rest, ...kept]);
}

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
  // In older states the optimizer's paths are not marked.
  const plain = (path: string): string =>
    path.startsWith(inside) && isMarked(path.slice(inside.length)) ? path.slice(inside.length) : path;
  return {
    own: Object.fromEntries(rest.map(([path, box]) => [plain(path), box] as const)),
    take: () => takes.forEach((take) => take()),
  };
}
