// What every optimizer does around its rule: state for each parameter, the learning rate of the step, and the new values.
import { state } from "@weft/autograd";
import { copiedState, KEEPER, namedParams, takeState, walk } from "@weft/autograd/internals";
import type { Param, Tape } from "@weft/autograd";
import type { Keeper, NamedParam, StateRecord } from "@weft/autograd/internals";
import { ArgumentError, type Tensor } from "@weft/tensor";
import { describe, inBackward, resultOf, together, type OptionKinds, type ReadOptions } from "@weft/tensor/internals";
import { current, dense, isSparse, readGradients, readTape, withTape, type Gradient } from "./gradient.ts";
import { kinds, rateAt, readSettings, type OptimizerOptions } from "./groups.ts";
import { selected, turnOf, type Hand } from "./members.ts";
import { Memory } from "./memory.ts";
import type { Formula, Rule, Tensors } from "./rule.ts";
import { shapesOf } from "./shapes.ts";
import { fitting, mapped, touch, write, type Slot, type Update } from "./update.ts";

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
  stateOf(param: Param): StateRecord | undefined;
  /**
   * What it remembers, as boxes by path: `steps`, and of each parameter in `model` the state and the number of its updates,
   * `t`. These are copies as of now, to be given to `load`. Files need no such thing: `save(file, { model, optimizer })`.
   * Without `model` the paths are those in `params`, or else numbers in the order of the first updates.
   */
  state(model?: unknown): StateRecord;
  /**
   * Takes what `state` gave, of this optimizer or of another one of its kind, for the same parameters: then it goes on as that one
   * would. Throws a StateError, and changes nothing, if names, shapes or counts do not fit.
   *
   * @example
   * const before = optimizer.state(model);
   * optimizer.load(before, model); // as if nothing had been learned in between
   */
  load(state: unknown, model?: unknown): void;
  /** How it is saved and loaded in a tree with its model. */
  readonly [KEEPER]?: Keeper | undefined;
}

/** The values of a parameter's state; what was loaded goes to the backend of the parameter now. */
const values = (boxes: StateRecord, { backend }: Param): Tensors => mapped(boxes, (box) => box.read(backend));

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
  const begin = rule.init.bind(rule);
  const init = own((p: Tensor): Tensors => {
    const first: unknown = begin(p);
    if (typeof first !== "object" || first === null)
      throw new ArgumentError(`${name}: init wants to return tensors by name, got ${describe(first)}`);
    if ("t" in first) throw new ArgumentError(`${name}: init gave a state "t", which is the number of updates`);
    return first as Tensors;
  });
  // The functions as they are now: a rule that is changed later changes no optimizer.
  const taken: Formula = {
    init,
    shapes: (p) => shapesOf(init, p),
    update: own(rule.update.bind(rule)),
    ...(rows && { rows: own(rows.bind(rule)) }),
  };
  return ruled(name, options, kinds, { lr: 0.1 }, () => taken);
}

/** What a program has written is no part of a backward pass. */
const own =
  <A extends unknown[], R>(f: (...args: A) => R) =>
  (...args: A): R =>
    inBackward(() => f(...args), false);

/** The same from options: which kinds there are, their defaults, and the formula that those of a group make. */
export function ruled<O extends OptimizerOptions, D extends Partial<O> & { readonly lr: number }>(
  name: string,
  options: O | undefined,
  known: OptionKinds<O>,
  defaults: D,
  formula: (read: ReadOptions<O, D>) => Formula,
): Optimizer {
  const settings = readSettings(name, options, known, defaults, formula);
  const { given, params, members } = settings;
  const hand: Hand = { name, told: members !== undefined, warned: false };
  let memory = new Memory();

  const advance = (gradients: readonly Gradient[]): void => {
    const mine = memory; // a load puts another one in its place
    const { slots } = mine;
    const slotOf = (param: Param, { init }: Formula): Slot => {
      let slot = slots.get(param);
      if (slot === undefined) {
        const boxes = Object.freeze(mapped(init(param.value), (x) => state(x)));
        slot = { t: 0, boxes, turn: turnOf(param), update: undefined };
        mine.add(param, slot);
      }
      return slot;
    };
    const rates = new Map(settings.all.map((setting) => [setting, rateAt(name, setting, mine.steps)]));
    const chosen = selected({ name, params }, gradients).flatMap((gradient) => {
      const setting = settings.of(gradient.param);
      const clipped = setting.clip?.([gradient]) ?? [gradient];
      return clipped.map(({ param, g }) => ({ param, g, setting }));
    });
    const updates: Update[] = [];
    /** State that no update has used goes: it was made from values that may not be there when the next step begins. */
    const drop = (): void => {
      for (const { param } of chosen) if (slots.get(param)?.t === 0) mine.forget(param);
    };
    const count = (by: 1 | -1): void => {
      mine.steps += by;
      for (const update of updates) update.slot.t += by * update.count;
    };
    try {
      // Nothing is assigned before every rule has run: one that throws leaves all as it was.
      for (const { param, g, setting } of chosen) {
        const { formula, lazy } = setting;
        const slot = slotOf(param, formula);
        const known = slot.update?.all === updates ? slot.update : undefined;
        const first = known === undefined;
        const update = known ?? { all: updates, param, slot, p: current(param), state: {}, count: 0 };
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
  const keeper: Keeper = {
    name,
    parts: () => ({}),
    steps: () => memory.steps,
    known: () => [...memory.known].filter((param) => memory.slots.has(param)),
    own: () => (given === undefined ? [] : namedParams(given)),
    updates: (param) => members?.has(param) !== false,
    kept: (param) => memory.slots.get(param),
    shapes: (param) => settings.of(param).formula.shapes(param),
    replace: (steps, kept) => {
      for (const param of memory.known) memory.forget(param);
      memory = new Memory();
      memory.steps = steps;
      for (const [param, { t, boxes }] of kept) memory.add(param, { t, boxes, turn: turnOf(param), update: undefined });
    },
  };
  /** The parameters by name; by number where neither the model was given nor `params`. */
  const namedIn = (model: unknown = given): readonly NamedParam[] =>
    model === undefined ? keeper.known().map((box, k) => ({ path: String(k), box })) : namedParams(model);
  return {
    name,
    get steps() {
      return memory.steps;
    },
    get params() {
      return params && new Set(params);
    },
    apply: (gradients) => apply(readGradients(name, gradients)),
    update: (tape) => {
      const gradients = readTape(`${name}: update`, tape);
      withTape(tape, () => apply(gradients));
    },
    stateOf: (param) => memory.slots.get(param)?.boxes,
    state: (model) => copiedState(keeper, namedIn(model)),
    load: (tree, model) => {
      const named = namedIn(model);
      if (named.length === 0)
        throw new ArgumentError(`${name}: load wants to know whose state it is: load(state, model)`);
      takeState(keeper, named, walk(tree));
    },
    [KEEPER]: keeper,
  };
}
