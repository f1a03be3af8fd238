// What every optimizer does around its rule: state for each parameter, the learning rate of the step, and the new values.
import { state, type LazyValue, type Param, type State, type StateRecord, type Tape } from "@weft/autograd";
import {
  ArgumentError,
  describe,
  inBackward,
  resultOf,
  source,
  together,
  type OptionKinds,
  type ReadOptions,
} from "@weft/tensor";
import { current, dense, isSparse, readGradients, readTape, withTape, type Gradient } from "./gradient.ts";
import { kinds, rateAt, readSettings, type OptimizerOptions } from "./groups.ts";
import { selected, turnOf, type Hand } from "./members.ts";
import type { Formula, Rule, Tensors } from "./rule.ts";
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
}

/** What a box holds that is not needed any more. */
const nothing = ({ shape, dtype }: State): LazyValue => ({
  shape,
  dtype,
  create: (backend) => source(backend, "full", [0], { shape, dtype }),
});

const values = (boxes: StateRecord): Tensors => mapped(boxes, (box) => box.value);

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
  const taken: Formula = {
    init: own(rule.init.bind(rule)),
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
  const slots = new WeakMap<Param, Slot>();
  const { params } = settings;
  const hand: Hand = { name, told: settings.told, warned: false };
  let steps = 0;

  const slotOf = (param: Param, { init }: Formula): Slot => {
    let slot = slots.get(param);
    if (slot === undefined) {
      const first: unknown = init(param.value);
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
    const rates = new Map(settings.all.map((setting) => [setting, rateAt(name, setting, steps)]));
    const chosen = selected({ name, params }, gradients).flatMap((gradient) => {
      const setting = settings.of(gradient.param);
      const clipped = setting.clip?.([gradient]) ?? [gradient];
      return clipped.map(({ param, g }) => ({ param, g, setting }));
    });
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
      for (const { param, g, setting } of chosen) {
        const { formula, lazy } = setting;
        const slot = slotOf(param, formula);
        const known = slot.update?.all === updates ? slot.update : undefined;
        const first = known === undefined;
        const update = known ?? { all: updates, param, slot, p: current(param), state: {}, count: 0 };
        const { p } = update;
        const before = values(slot.boxes);
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
  return {
    name,
    get steps() {
      return steps;
    },
    get params() {
      return params && new Set(params);
    },
    apply: (gradients) => apply(readGradients(name, gradients)),
    update: (tape) => {
      const gradients = readTape(`${name}: update`, tape);
      withTape(tape, () => apply(gradients));
    },
    stateOf: (param) => slots.get(param)?.boxes,
  };
}
