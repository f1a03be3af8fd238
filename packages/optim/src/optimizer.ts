// What all optimizers share around their rules: state per parameter, the learning rate of a step, and assigning the new
// values.
import { state } from "@weft/autograd";
import { byName, copiedState, KEEPER, namedParams, overlay, preparedState, walk } from "@weft/autograd/internals";
import type { Param, Tape } from "@weft/autograd";
import type { Keeper, StateRecord } from "@weft/autograd/internals";
import { ArgumentError, type Tensor } from "@weft/tensor";
import {
  describe,
  inBackward,
  readValue,
  resultOf,
  together,
  type OptionKinds,
  type ReadOptions,
} from "@weft/tensor/internals";
import { dense, entrances, isSparse, valueOf, type Gradient } from "./gradient.ts";
import { kinds, rateAt, rateKind, readSettings, type OptimizerOptions, type Rate } from "./groups.ts";
import { historyOf, selected, type Updater } from "./members.ts";
import { namedIn, OptimizerMemory } from "./memory.ts";
import type { Formula, Rule, Tensors } from "./rule.ts";
import { shapesOf } from "./shapes.ts";
import { fitting, mapped, touch, write, type Slot, type Update } from "./update.ts";

/** See the function `optimizer`. With an asynchronous step, `update` and `apply` return a promise. */
export interface Optimizer<Done extends void | Promise<void> = void> {
  readonly name: string;
  /** The number of steps made. */
  readonly steps: number;
  /**
   * The learning rate of the next step. A rate or a schedule may be assigned between steps; groups with a rate of their
   * own keep it. Like other options it is said by the program, and not saved; what a schedule remembers is.
   */
  get lr(): number;
  set lr(rate: Rate);
  /** The only parameters that it updates; undefined: any. */
  readonly params?: ReadonlySet<Param> | undefined;
  /**
   * Updates every parameter on the tape, or those of them that are in `params`, but for frozen ones. Throws an
   * ArgumentError if none is left: the loss depends on no parameter, say, or all are frozen.
   */
  update(tape: Tape): Done;
  /** The same with given gradients, for example changed ones. */
  apply(gradients: readonly Gradient[]): Done;
  /** The state of a parameter, by name; undefined before its first update. */
  stateOf(param: Param): StateRecord | undefined;
  /**
   * Its state, as boxes by path: `steps`, and for each parameter in `model` the state and the number of updates, `t`.
   * These are copies, to be passed to `load` later. Counts have no backend: `await place(state, backend)` before you read
   * their `value`. For files use `save(file, { model, optimizer })` instead. Without
   * `model` the paths are those in `params`, else numbers in the order of the first updates.
   */
  state(model?: unknown): StateRecord;
  /**
   * Loads what `state` returned, from this optimizer or another of its kind, for the same parameters. Then it continues
   * as that one would. Throws a StateError, and changes nothing, if names, shapes or counts do not fit, or if the state
   * and its parameters are on different backends (`place` moves it).
   *
   * @example
   * const optimizer = adam();
   * const before = optimizer.state(model);
   * optimizer.load(before, model); // undoes all steps since then
   */
  load(state: unknown, model?: unknown): void;
  /** How it is saved and loaded in a tree with its model. */
  readonly [KEEPER]?: Keeper | undefined;
}

/**
 * A rate that may have state of its own, such as `reduceOnPlateau`, and is saved with its optimizer; for a number, which
 * is not saved, something without state.
 */
export const schedule = (rate: Rate | undefined): unknown => (typeof rate === "function" ? rate : {});

/** The values of a parameter's state; loaded state is uploaded to the parameter's backend here. */
const values = (boxes: StateRecord, { backend }: Param): Tensors => mapped(boxes, (box) => box.read(backend));

/**
 * Makes an optimizer from a rule. It keeps state for every parameter that it updates; two optimizers that share a
 * parameter have separate state.
 *
 * @example
 * const signSgd = optimizer({
 *   name: "signSgd",
 *   init: () => ({}),
 *   update: (g, p, _, { lr }) => [sub(p, mul(sign(g), lr)), {}],
 * });
 */
export function optimizer<Name extends string>(rule: Rule<Name>, options?: OptimizerOptions): Optimizer {
  if (typeof rule?.init !== "function" || typeof rule.update !== "function" || typeof rule.name !== "string")
    throw new ArgumentError(`optimizer: wanted a rule { name, init, update }, got ${describe(rule)}`);
  const { name, rows } = rule;
  const begin = rule.init.bind(rule);
  const init = own((p: Tensor): Tensors => {
    const first: unknown = begin(p);
    if (typeof first !== "object" || first === null)
      throw new ArgumentError(`${name}: init must return tensors by name, got ${describe(first)}`);
    for (const reserved of ["t", "__proto__"])
      if (Object.hasOwn(first, reserved))
        throw new ArgumentError(`${name}: init returned a state "${reserved}", a name that is reserved`);
    return first as Tensors;
  });
  // Copied: changing the rule object later does not change the optimizer.
  const copied: Formula = {
    init,
    shapes: (p) => shapesOf(init, p),
    update: own(rule.update.bind(rule)),
    ...(rows && { rows: own(rows.bind(rule)) }),
  };
  return ruled(name, options, kinds, { lr: 0.1 }, () => copied);
}

/** A user's function does not count as part of a backward pass. */
const own =
  <A extends unknown[], R>(f: (...args: A) => R) =>
  (...args: A): R =>
    inBackward(() => f(...args), false);

/** The same from option kinds, their defaults, and a function that makes the formula from the options of a group. */
export function ruled<O extends OptimizerOptions, D extends Partial<O> & { readonly lr: number }>(
  name: string,
  options: O | undefined,
  known: OptionKinds<O>,
  defaults: D,
  formula: (read: ReadOptions<O, D>) => Formula,
): Optimizer {
  const settings = readSettings(name, options, known, defaults, formula);
  const { given, params, members } = settings;
  const updater: Updater = { name, hasParams: members !== undefined, warned: false };
  let memory = new OptimizerMemory<Slot>();

  const advance = (gradients: readonly Gradient[]): void => {
    const current = memory; // `load` replaces it
    const { slots } = current;
    const made = (param: Param, { init }: Formula): Slot => {
      const boxes = Object.freeze(mapped(init(param.value), (x) => state(x)));
      return current.add(param, { t: 0, boxes, history: historyOf(param), update: undefined });
    };
    const rates = new Map(
      settings.all.map((setting) => [setting, rateAt(name, setting.lr ?? settings.lr, current.steps)]),
    );
    const chosen = selected({ name, params }, gradients).flatMap((gradient) => {
      const setting = settings.of(gradient.param);
      const clipped = setting.clip?.([gradient]) ?? [gradient];
      return clipped.map(({ param, g }) => ({ param, g, setting }));
    });
    const updates: Update[] = [];
    /** Drops state that no update has used: it was made from values that may be lost when the next step begins. */
    const dropUnused = (): void => {
      for (const { param } of chosen) if (slots.get(param)?.t === 0) current.forget(param);
    };
    const count = (by: 1 | -1): void => {
      current.steps += by;
      for (const update of updates) update.slot.t += by * update.count;
    };
    try {
      // Nothing is assigned before every rule has run: one that throws changes nothing.
      for (const { param, g, setting } of chosen) {
        const { formula, lazy } = setting;
        const slot = slots.get(param) ?? made(param, formula);
        const known = slot.update?.all === updates ? slot.update : undefined;
        const first = known === undefined;
        const update = known ?? { all: updates, param, slot, p: valueOf(param), state: {}, count: 0 };
        const { p } = update;
        const before = values(slot.boxes, param);
        const old = first ? before : { ...before, ...update.state };
        const step = { lr: rates.get(setting)!, t: slot.t + ++update.count };
        let next: ReturnType<Formula["update"]>;
        if (isSparse(g) && formula.rows !== undefined) next = [formula.rows(g, p, step), {}];
        else if (isSparse(g) && lazy) next = touch(formula, p, old, g, step);
        else next = formula.update(dense(g), p, old, step);
        const [value, changed] = fitting(name, param, before, next);
        update.p = value;
        update.state = first ? changed : { ...update.state, ...changed };
        if (first) updates.push((slot.update = update));
      }
    } catch (error) {
      dropUnused();
      throw error;
    }
    count(1);
    const undo = (): void => {
      count(-1);
      dropUnused();
    };
    overlay()?.atEnd(undo);
    together(() => updates.forEach((update) => write(update, updater)), undo);
  };
  // Intermediate results of a step are released: only what is in boxes lives on.
  const apply = (gradients: readonly Gradient[]): void => resultOf(() => inBackward(() => advance(gradients)));
  const keeper: Keeper = {
    name,
    parts: () => ({ schedules: [settings.lr, ...settings.all.map(({ lr }) => lr)].map(schedule) }),
    steps: () => memory.steps,
    known: () => [...memory.known].filter((param) => memory.slots.has(param)),
    own: () => (given === undefined ? [] : namedParams(given)),
    updates: (param) => members?.has(param) !== false,
    kept: (param) => memory.slots.get(param),
    shapes: (param) => settings.of(param).formula.shapes(param),
    replace: (steps, kept) => {
      const before = memory;
      const over = overlay();
      if (over?.checking === true) over.atEnd(() => void (memory = before));
      else for (const param of before.known) before.forget(param);
      memory = new OptimizerMemory();
      memory.steps = steps;
      for (const [param, { t, boxes }] of kept)
        memory.add(param, { t, boxes, history: historyOf(param), update: undefined });
    },
  };
  return {
    name,
    get steps() {
      return memory.steps;
    },
    get lr(): number {
      return rateAt(name, settings.lr, memory.steps);
    },
    set lr(rate: Rate) {
      settings.lr = readValue(name, "lr", rate, rateKind);
    },
    get params() {
      return params && new Set(params);
    },
    ...entrances(name, apply),
    stateOf: (param) => memory.slots.get(param)?.boxes,
    ...stateAccess(keeper, given),
    [KEEPER]: keeper,
  };
}

/** The functions that copy and load state, by path in a model, in the option `params`, or else by number. */
export function stateAccess(keeper: Keeper, given: unknown): Pick<Optimizer, "state" | "load"> {
  return {
    state: (model = given) => copiedState(keeper, namedIn(keeper, model)),
    load: (tree, model = given) => {
      const named = namedIn(keeper, model);
      if (named.length === 0)
        throw new ArgumentError(
          `${keeper.name}: load needs the model that the state belongs to, load(state, model), got ${describe(model)}`,
        );
      preparedState(keeper, named, byName(walk(tree)))();
    },
  };
}
