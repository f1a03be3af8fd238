// What every optimizer does around its rule: state for each parameter, the learning rate of the step, and the new values.
import { state, type Param, type RowSparse, type State, type Tape, type LazyValue } from "@weft/autograd";
import {
  anything,
  ArgumentError,
  cast,
  boolean,
  callable,
  describe,
  DTypeError,
  either,
  inBackward,
  indexAdd,
  isFloat,
  nonNegative,
  readOptions,
  readTensor,
  reshape,
  resultOf,
  ShapeError,
  source,
  sub,
  take,
  together,
  where,
  type OptionKinds,
  type Tensor,
  sameShape,
} from "@weft/tensor";
import { current, dense, isSparse, readGradients, readTape, used, withTape, type Gradient } from "./gradient.ts";
import { membersOf, noteTurn, selected, turnOf, type Hand, type Turn } from "./members.ts";
import { clipNorm } from "./transforms.ts";

/** What a rule knows about its step. */
export interface Step {
  readonly lr: number;
  /** How many updates this parameter has had, this one included. */
  readonly t: number;
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** An optimizer's formula: what a parameter's state begins as, and one step of it. Both compute row by row. */
export interface Rule {
  readonly name: string;
  init(p: Tensor): Tensors;
  update(g: Tensor, p: Tensor, state: Tensors, step: Step): readonly [p: Tensor, state: Tensors];
  /** The new parameter from a row-sparse gradient, where that equals the dense result and costs only the rows touched. */
  rows?(g: RowSparse, p: Tensor, step: Step): Tensor;
}

export interface OptimizerOptions {
  /** The learning rate, or a schedule of it over the optimizer's steps, counted from 0. */
  readonly lr?: number | ((step: number) => number);
  /** Above 0, a parameter's gradient with a larger norm is scaled down to it, before everything else. */
  readonly gclip?: number;
  /** Let a row-sparse gradient update only the rows that it touches, and their state; else the result is the dense one. */
  readonly lazy?: boolean;
  /**
   * The only parameters that it updates: a model, a parameter, or a list or set of them. All parameters of a tape if
   * left out.
   */
  readonly params?: unknown;
}

/** See the function `optimizer`. Where a step has to wait for something, `update` and `apply` return a promise. */
export interface Optimizer<Done extends void | Promise<void> = void> {
  readonly name: string;
  /** How many steps it has made. */
  readonly steps: number;
  /** The only parameters that it updates; undefined for any. */
  readonly params?: ReadonlySet<Param> | undefined;
  /** Updates every parameter on the tape, or those of them that are in `params`. */
  update(tape: Tape): Done;
  /** The same with gradients that have been changed. */
  apply(gradients: readonly Gradient[]): Done;
  /** The state of a parameter, by name; undefined before its first update. */
  stateOf(param: Param): Readonly<Record<string, State>> | undefined;
}

const isRate = (x: unknown): x is number => typeof x === "number" && x >= 0 && x < Infinity;

/** Options that have been read: the rate is there. */
type ReadRate = OptimizerOptions & Required<Pick<OptimizerOptions, "lr">>;

/** The kinds of the options that every optimizer takes. */
export const kinds: OptionKinds<OptimizerOptions> = {
  lr: either({ wanted: "a finite number from 0", is: isRate }, { ...callable, wanted: "a function of the step" }),
  gclip: nonNegative,
  lazy: boolean,
  params: anything,
};

interface Slot {
  t: number;
  readonly boxes: Readonly<Record<string, State>>;
  readonly turn: Turn;
  /** What the step under way makes of the parameter. */
  update: Update | undefined;
}

/** What a box holds that is not needed any more. */
const nothing = ({ shape, dtype }: State): LazyValue => ({
  shape,
  dtype,
  create: (backend) => source(backend, "full", [0], { shape, dtype }),
});

const values = (boxes: Slot["boxes"]): Tensors => mapped(boxes, (box) => box.value);

function mapped<A, B>(record: Readonly<Record<string, A>>, f: (a: A, name: string) => B): Record<string, B> {
  const made: Record<string, B> = {};
  for (const name in record) made[name] = f(record[name]!, name);
  return made;
}

/**
 * An optimizer from a rule. It keeps the state of every parameter that it updates; two optimizers that share a parameter
 * do not see each other's.
 *
 * @example
 * const signs = optimizer({ name: "signs", init: () => ({}), update: (g, p, _, { lr }) => [sub(p, mul(sign(g), lr)), {}] });
 */
export function optimizer(rule: Rule, options?: OptimizerOptions): Optimizer {
  if (typeof rule?.init !== "function" || typeof rule.update !== "function" || typeof rule.name !== "string")
    throw new ArgumentError(`optimizer: wanted a rule { name, init, update }, got ${describe(rule)}`);
  const { name, rows } = rule;
  // The functions as they are now: a rule that is changed later changes no optimizer.
  const taken: Rule = {
    name,
    init: own(rule.init.bind(rule)),
    update: own(rule.update.bind(rule)),
    ...(rows && { rows: own(rows.bind(rule)) }),
  };
  return ruled(taken, readOptions(name, options, kinds, { lr: 0.1 }));
}

/** What a program has written is no part of a backward pass. */
const own =
  <A extends unknown[], R>(f: (...args: A) => R) =>
  (...args: A): R =>
    inBackward(() => f(...args), false);

/** The same with options that have been read. */
export function ruled(rule: Rule, { lr, gclip = 0, lazy = false, params }: ReadRate): Optimizer {
  const { name } = rule;
  const slots = new WeakMap<Param, Slot>();
  const clip = gclip > 0 ? clipNorm(gclip) : (gradients: readonly Gradient[]) => gradients;
  const mine = params === undefined ? undefined : membersOf(name, params);
  const hand: Hand = { name, told: params !== undefined, warned: false };
  let steps = 0;

  const slotOf = (param: Param): Slot => {
    let slot = slots.get(param);
    if (slot === undefined) {
      const first: unknown = rule.init(param.value);
      if (typeof first !== "object" || first === null)
        throw new ArgumentError(`${name}: init wants to return tensors by name, got ${describe(first)}`);
      const boxes = Object.freeze(mapped(first as Tensors, (x) => state(x)));
      slot = { t: 0, boxes, turn: turnOf(param), update: undefined };
      slots.set(param, slot);
      param.belongings.add(boxes);
    }
    return slot;
  };

  const advance = (gradients: readonly Gradient[]): void => {
    const chosen = clip(selected({ name, params: mine }, gradients));
    const rate = typeof lr === "number" ? lr : lr(steps);
    if (!isRate(rate))
      throw new ArgumentError(
        `${name}: lr wants a finite number from 0, its function gave ${describe(rate)} at step ${steps}`,
      );
    const updates: Update[] = [];
    /** State that no update has used goes: it was made from values that may not be there when the next step begins. */
    const drop = (): void => {
      for (const { param } of chosen) {
        const slot = slots.get(param);
        if (slot?.t !== 0) continue;
        slots.delete(param);
        for (const box of Object.values(slot.boxes)) box.reset(nothing(box));
      }
    };
    const count = (by: 1 | -1): void => {
      steps += by;
      for (const update of updates) update.slot.t += by * update.count;
    };
    try {
      // Nothing is assigned before every rule has run: one that throws leaves all as it was.
      for (const { param, g } of chosen) {
        const slot = slotOf(param);
        const known = slot.update?.all === updates ? slot.update : undefined;
        const first = known === undefined;
        const update = known ?? { all: updates, param, slot, p: current(param), state: {}, count: 0 };
        const { p } = update;
        const before = values(slot.boxes);
        const old = first ? before : { ...before, ...update.state };
        const step = { lr: rate, t: slot.t + ++update.count };
        let next: ReturnType<Rule["update"]>;
        if (isSparse(g) && rule.rows !== undefined) next = [rule.rows(g, p, step), {}];
        else if (isSparse(g) && lazy) next = touch(rule, p, old, g, step);
        else next = rule.update(dense(g), p, old, step);
        const [value, changed] = fitting(name, param, before, next);
        update.p = value;
        update.state = first ? changed : { ...update.state, ...changed };
        if (first) updates.push((slot.update = update));
      }
    } catch (error) {
      drop();
      throw error;
    }
    count(1);
    together(
      () => updates.forEach((update) => write(update, hand)),
      () => {
        count(-1);
        drop();
      },
    );
  };
  // What a step makes on the way is nobody's: it lives in boxes or not at all.
  const apply = (gradients: readonly Gradient[]): void => resultOf(() => inBackward(() => advance(gradients)));
  const self: Optimizer = {
    name,
    get steps() {
      return steps;
    },
    get params() {
      return mine && new Set(mine);
    },
    apply: (gradients) => apply(readGradients(name, gradients)),
    update: (tape) => {
      const gradients = readTape(`${name}: update`, tape);
      withTape(tape, () => apply(gradients));
    },
    stateOf: (param) => slots.get(param)?.boxes,
  };
  return self;
}

/** What a step makes of a parameter, before it is assigned. */
interface Update {
  /** All of the step. */
  readonly all: readonly Update[];
  readonly param: Param;
  readonly slot: Slot;
  p: Tensor;
  state: Tensors;
  /** How often its gradient was given. */
  count: number;
}

/** What a rule gave, fit to stand in the place of what it was given. */
function fitting(name: string, param: Param, before: Tensors, next: unknown): readonly [Tensor, Tensors] {
  const [p, given] = Array.isArray(next) ? (next as [Tensor, Tensors]) : [];
  if (p === undefined || typeof given !== "object" || given === null)
    throw new ArgumentError(`${name}: update wants to return [p, state], got ${describe(next)}`);
  let changed = given;
  for (const key in given) {
    if (!Object.hasOwn(before, key))
      throw new ArgumentError(
        `${name}: update of a parameter ${param.dtype}[${param.shape}] gave a state ${JSON.stringify(key)}; init made ${Object.keys(before).join(", ") || "none"}`,
      );
    const x = like(before[key]!, given[key]!, name, param, key);
    if (x !== given[key]) changed = { ...changed, [key]: x };
  }
  return [like(param, p, name, param), changed];
}

/** A value like the old one: of its shape, and of its dtype if it is of another float dtype. */
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
    `${name}: update of a parameter ${dtype}[${shape}] gave ${key === undefined ? "a value" : `as ${key}`} ${x.dtype}[${x.shape}], wanted ${old.dtype}[${old.shape}]`,
  );
}

function write({ param, slot, p, state }: Update, hand: Hand): void {
  slot.update = undefined;
  param.value = p;
  for (const name in state) slot.boxes[name]!.value = state[name]!;
  noteTurn(param, slot.turn, hand);
}

/** One step of the rows that a gradient touches: what changes in them is added to the whole. */
function touch(rule: Rule, from: Tensor, whole: Tensors, gradient: RowSparse, step: Step): readonly [Tensor, Tensors] {
  const summed = gradient.summed();
  const { indices, values: rows } = summed;
  const part = (x: Tensor): Tensor => take(x, indices, { axis: 0 });
  const mask = reshape(
    used(summed),
    rows.shape.map((n, axis) => (axis === 0 ? n : 1)),
  );
  const old = { p: part(from), state: mapped(whole, part) };
  // A rule may divide by the gradient: what is left over of the summing has one that is not 0, and changes nothing.
  const [p, state] = rule.update(where(mask, rows, 1), old.p, old.state, step);
  const changed = (x: Tensor, before: Tensor, after: Tensor): Tensor =>
    indexAdd(x, indices, where(mask, sub(after, before), 0), { axis: 0 });
  return [changed(from, old.p, p), mapped(state, (x, name) => changed(whole[name]!, old.state[name]!, x))];
}
