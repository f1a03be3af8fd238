// Keepers are objects that keep state for the parameters of a model: optimizers. Their state is boxes by path: `steps`,
// and for each parameter its state and the number of its updates, `t`. In a tree with the model it is saved and loaded
// with the model.
import { source, WeftError, type Backend, type DType, type Shape } from "@weft/tensor";
import { resultOf, sameShape } from "@weft/tensor/internals";
import { state, type Param, type State } from "./box.ts";
import { fromHost, type LazyValue } from "./lazy-value.ts";

/**
 * The names, shapes or counts in a saved state do not match what it is loaded into.
 *
 * @example
 * fromBytes(await toBytes(Linear(3, 1)), Linear(3, 2)); // throws StateError
 */
export class StateError extends WeftError {
  static override readonly name: string = "StateError";
  /** The names that are missing, and those that are not expected, where the names are what does not match. */
  readonly names: readonly string[] = [];
}

/** States by name. */
export type StateRecord = Readonly<Record<string, State>>;

/** A parameter and its name in a tree. */
export interface NamedParam {
  readonly path: string;
  readonly box: Param;
}

/** What is kept for a parameter after t updates. */
export interface Kept {
  readonly t: number;
  readonly boxes: StateRecord;
}

interface Like {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What a keeper has under the key `KEEPER`. */
export interface Keeper {
  readonly name: string;
  /** Its own parts, by path: boxes, and other keepers, in them are found like those of a model. */
  parts(): Readonly<Record<string, unknown>>;
  steps(): number;
  /** The parameters that it keeps state for, in the order of their first update. */
  known(): readonly Param[];
  /** The parameters that it was given, by their paths there. */
  own(): readonly NamedParam[];
  /** Whether it would update a parameter. */
  updates(param: Param): boolean;
  kept(param: Param): Kept | undefined;
  /**
   * What it will keep for a parameter, which may have no value yet. `given` says which shape a name has in the state that
   * is loaded, for what has no shape of its own.
   */
  shapes(param: Param, given: (name: string) => Shape | undefined): Readonly<Record<string, Like>>;
  /** Replaces everything that it keeps. */
  replace(steps: number, kept: ReadonlyMap<Param, Kept>): void;
}

export const KEEPER: unique symbol = Symbol.for("weft.keeper");

/** Any object that may keep state for parameters. */
export interface Keeping {
  readonly [KEEPER]?: Keeper | undefined;
}

/** The keeper of a part of a tree, if it has one. */
export const keeperOf = (part: object): Keeper | undefined => (part as Keeping)[KEEPER];

/** The content of a box whose value is not needed any more, or not known yet. */
export const nothing = ({ shape, dtype }: Like): LazyValue => ({
  shape,
  dtype,
  create: (backend) => source(backend, "full", [0], { shape, dtype }),
});

/** A number in a box. It stays on the host, where it is needed. */
function counted(keeper: Keeper, n: number): State {
  if (n > 0x7fffffff) throw new StateError(`${keeper.name}: a count of ${n} updates does not fit into an i32`);
  return state(fromHost([], "i32", () => Int32Array.of(n)));
}

/** The parameters of a tree that a keeper would update; if the tree has no parameters, the keeper's own. */
const named = (keeper: Keeper, params: readonly NamedParam[]): readonly NamedParam[] =>
  (params.length === 0 ? keeper.own() : params).filter(({ box }) => keeper.updates(box));

/** What is kept for the parameters of a tree, by path. */
export function keptState(keeper: Keeper, params: readonly NamedParam[]): StateRecord {
  const boxes: Record<string, State> = { steps: counted(keeper, keeper.steps()) };
  const lost = new Set(keeper.known());
  for (const { path, box } of named(keeper, params)) {
    const kept = keeper.kept(box);
    for (const key in kept?.boxes) boxes[`${path}.${key}`] = kept.boxes[key]!;
    boxes[`${path}.t`] = counted(keeper, kept?.t ?? 0);
    lost.delete(box);
  }
  for (const { dtype, shape } of lost)
    throw new StateError(
      `${keeper.name}: a parameter ${dtype}[${shape}] that it updates is not in this tree, and its state would be lost. Save both, as in save(file, { model, optimizer })`,
    );
  return boxes;
}

/** One box of a state to be loaded, from a file or a tree. */
export interface Given {
  readonly shape: Shape;
  /** Where it lives; undefined if that is still open. */
  readonly backend?: Backend | undefined;
  /** The number in it; undefined where that is not known on the host. */
  count(): number | undefined;
}

/** New boxes for a state to be loaded. */
export interface Draft {
  /** Boxes to be given values, by path. Nothing else refers to them yet. */
  readonly boxes: StateRecord;
  /** Replaces what is kept now by these boxes. It does not fail. */
  take(): void;
}

/**
 * Prepares boxes for a given state. Throws a StateError if its paths do not match the parameters; `where` is a prefix
 * for messages.
 */
export function draftState(
  keeper: Keeper,
  where: string,
  params: readonly NamedParam[],
  given: ReadonlyMap<string, Given>,
): Draft {
  const refuse = (path: string, what: string): never => {
    throw new StateError(`${where}${path} ${what}`);
  };
  const expected = new Set<string>();
  const expect = (path: string): Given => {
    expected.add(path);
    return given.get(path) ?? refuse(path, "is missing");
  };
  const count = (path: string): number => {
    const { shape, count: read } = expect(path);
    const n = read() ?? (shape.length === 0 ? refuse(path, "must be a number on the host") : -1);
    return n < 0 ? refuse(path, "must be a non-negative number") : n;
  };
  const steps = count("steps");
  const boxes: Record<string, State> = {};
  const drafted = new Map<Param, Kept>();
  for (const { path, box: param } of named(keeper, params)) {
    const t = count(`${path}.t`);
    if (t === 0) continue;
    const record: Record<string, State> = {};
    const shapes = keeper.shapes(param, (key) => given.get(`${path}.${key}`)?.shape);
    for (const [key, like] of Object.entries(shapes)) {
      const at = `${path}.${key}`;
      const { shape, backend } = expect(at);
      if (!sameShape(shape, like.shape)) refuse(at, `is [${shape}], wanted [${like.shape}]`);
      if (backend !== undefined && param.backend !== undefined && backend !== param.backend)
        refuse(at, `is on ${backend.name}, but its parameter on ${param.backend.name}; move the state with place()`);
      record[key] = boxes[at] = state(nothing(like));
    }
    drafted.set(param, { t, boxes: record });
  }
  for (const path of given.keys()) if (!expected.has(path)) refuse(path, "is not expected");
  return { boxes, take: () => keeper.replace(steps, drafted) };
}

/** Assigns the values of other boxes to states, path by path. */
const assign = (where: string, to: StateRecord, from: ReadonlyMap<string, Param | State>): void =>
  resultOf(() => {
    for (const path in to) {
      const [box, other] = [to[path]!, from.get(path)!];
      if (box.dtype !== other.dtype) throw new StateError(`${where}${path} is ${other.dtype}, wanted ${box.dtype}`);
      if (other.lazyValue === undefined) box.value = other.value;
      else box.reset(other.lazyValue);
    }
  });

/** A copy of what is kept now, which later steps do not change. */
export function copiedState(keeper: Keeper, params: readonly NamedParam[]): StateRecord {
  const boxes = keptState(keeper, params);
  const copies: Record<string, State> = {};
  for (const path in boxes) copies[path] = state(nothing(boxes[path]!));
  assign("", copies, new Map(Object.entries(boxes)));
  return copies;
}

/**
 * Prepares to load a keeper's state from boxes by path, and returns a function that does. That does not fail.
 */
export function preparedState(
  keeper: Keeper,
  params: readonly NamedParam[],
  from: ReadonlyMap<string, Param | State>,
): () => void {
  const where = `${keeper.name}: `;
  const given = new Map<string, Given>();
  for (const [path, box] of from)
    given.set(path, {
      shape: box.shape,
      backend: box.backend,
      count: () => (box.scalar ?? box.lazyValue?.values?.())?.[0],
    });
  const { boxes, take } = draftState(keeper, where, params, given);
  assign(where, boxes, from);
  return take;
}
