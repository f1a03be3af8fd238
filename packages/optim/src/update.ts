// One step of one parameter: the result of its rule, checked and assigned.
import type { Param, RowSparse } from "@weft/autograd";
import { overlay, type StateRecord } from "@weft/autograd/internals";
import {
  ArgumentError,
  cast,
  DTypeError,
  indexAdd,
  readTensor,
  reshape,
  ShapeError,
  sub,
  take,
  where,
  type Tensor,
} from "@weft/tensor";
import { describe, isFloat, quoted, sameShape } from "@weft/tensor/internals";
import { used } from "./gradient.ts";
import { noteUpdate, type UpdateHistory, type Updater } from "./members.ts";
import type { Formula, StepInfo, Tensors } from "./rule.ts";

/** What an optimizer remembers of a parameter. */
export interface Slot {
  /** The number of updates so far. */
  t: number;
  readonly boxes: StateRecord;
  readonly history: UpdateHistory;
  /** The update of the current step, until it is assigned. */
  update: Update | undefined;
}

export function mapped<Name extends string, A, B>(
  record: Readonly<Record<Name, A>>,
  f: (a: A, name: Name) => B,
): Record<Name, B> {
  const made = {} as Record<Name, B>;
  for (const name in record) made[name] = f(record[name], name);
  return made;
}

/** The new value and state of a parameter, before they are assigned. */
export interface Update {
  /** All updates of the step. */
  readonly all: readonly Update[];
  readonly param: Param;
  readonly slot: Slot;
  p: Tensor;
  state: Tensors;
  /** How many gradients it was given in this step. */
  count: number;
}

/** Checks the result of a rule, and casts it to the dtypes of the old value and state. */
export function fitting(name: string, param: Param, before: Tensors, next: unknown): readonly [Tensor, Tensors] {
  const [p, given] = Array.isArray(next) ? (next as [Tensor, Tensors]) : [];
  if (p === undefined || typeof given !== "object" || given === null)
    throw new ArgumentError(`${name}: update must return [p, state], got ${describe(next)}`);
  let changed = given;
  for (const key in given) {
    if (!Object.hasOwn(before, key))
      throw new ArgumentError(
        `${name}: update of a parameter ${param.dtype}[${param.shape}] returned a state ${quoted(key)}; ` +
          `init made ${Object.keys(before).join(", ") || "none"}`,
      );
    const x = like(before[key]!, given[key]!, name, param, key);
    if (x !== given[key]) changed = { ...changed, [key]: x };
  }
  return [like(param, p, name, param), changed];
}

/** Checks that a value has the shape and dtype of the old one; another float dtype is cast. */
function like(
  old: Pick<Tensor, "shape" | "dtype">,
  given: Tensor,
  name: string,
  { shape, dtype }: Param,
  key?: string,
): Tensor {
  const x = readTensor(given, name);
  const same = sameShape(x.shape, old.shape);
  if (same && x.dtype === old.dtype) return x;
  if (same && isFloat(x.dtype) && isFloat(old.dtype)) return cast(x, old.dtype);
  throw new (same ? DTypeError : ShapeError)(
    `${name}: update of a parameter ${dtype}[${shape}] returned ${key === undefined ? "a value" : `as ${key}`} ` +
      `${x.dtype}[${x.shape}], wanted ${old.dtype}[${old.shape}]`,
  );
}

export function write({ param, slot, p, state }: Update, updater: Updater): void {
  slot.update = undefined;
  param.value = p;
  for (const name in state) slot.boxes[name]!.value = state[name]!;
  if (overlay()?.checking !== true) noteUpdate(param, slot.history, updater);
}

/** One step of only the rows that a gradient touches: their changes are added to the full tensors. */
export function touch(
  formula: Formula,
  from: Tensor,
  whole: Tensors,
  gradient: RowSparse,
  step: StepInfo,
): readonly [Tensor, Tensors] {
  const summed = gradient.summed();
  const { indices, values: rows } = summed;
  const part = (x: Tensor): Tensor => take(x, indices, { axis: 0 });
  const mask = reshape(
    used(summed),
    rows.shape.map((n, axis) => (axis === 0 ? n : 1)),
  );
  const old = { p: part(from), state: mapped(whole, part) };
  // A rule may divide by the gradient, so unused rows get a gradient of 1; their changes are masked out below.
  const [p, state] = formula.update(where(mask, rows, 1), old.p, old.state, step);
  const changed = (x: Tensor, before: Tensor, after: Tensor): Tensor =>
    indexAdd(x, indices, where(mask, sub(after, before), 0), { axis: 0 });
  return [changed(from, old.p, p), mapped(state, (x, name) => changed(whole[name]!, old.state[name]!, x))];
}
