// Options, and groups of parameters with options of their own: which rule and which numbers apply to a parameter.
import type { Param } from "@weft/autograd";
import { ArgumentError } from "@weft/tensor";
import {
  anything,
  boolean,
  callable,
  describe,
  either,
  nonNegative,
  readOptions,
  type OptionKind,
  type OptionKinds,
  type ReadOptions,
} from "@weft/tensor/internals";
import { membersOf } from "./members.ts";
import type { Formula } from "./rule.ts";
import { clipNorm, type Transform } from "./transforms.ts";

/** A learning rate, or a schedule: the rate of each step of the optimizer, counted from 0. */
export type Rate = number | ((step: number) => number);

export interface OptimizerOptions {
  /** The learning rate, or a schedule of it. */
  readonly lr?: Rate;
  /** If above 0, each parameter's gradient with a larger norm is first scaled down to this norm. */
  readonly gclip?: number;
  /**
   * Whether a row-sparse gradient updates only the rows that it touches, and their state. Default: the dense result.
   */
  readonly lazy?: boolean;
  /**
   * The parameters that it updates: a model, a parameter, or a list or set of them. Default: all parameters on a tape.
   */
  readonly params?: unknown;
  /** Parameters with options of their own. Each parameter that is updated is in exactly one group. */
  readonly groups?: readonly Group<this>[];
}

/** Options of some parameters; the others are inherited from the optimizer. */
export type Group<O extends OptimizerOptions> = O & { readonly params: unknown; readonly groups?: never };

/** Options of rules that look at whole matrices. */
export interface WholeOptions extends OptimizerOptions {
  readonly lazy?: false;
}

const isRate = (x: unknown): x is number => typeof x === "number" && x >= 0 && x < Infinity;

export const rateKind: OptionKind<Rate> = either(
  { wanted: "a finite non-negative number", is: isRate },
  { ...callable, wanted: "a function of the step" },
);

/** The kinds of the options that every optimizer takes. */
export const kinds: OptionKinds<Omit<OptimizerOptions, "groups">> & { readonly groups: OptionKind<readonly never[]> } =
  {
    lr: rateKind,
    gclip: nonNegative,
    lazy: boolean,
    params: anything,
    groups: {
      wanted: "a list of groups { params, … }",
      is: (x): x is readonly never[] => Array.isArray(x) && x.length > 0,
    },
  };

/** The same for rules that look at whole matrices. */
export const wholeKinds: OptionKinds<Omit<WholeOptions, "groups">> & Pick<typeof kinds, "groups"> = {
  ...kinds,
  lazy: { wanted: "false, since it needs whole gradients,", is: (x): x is false => x === false },
};

/** What an optimizer does to the parameters of a group. */
interface Setting {
  readonly formula: Formula;
  readonly lazy: boolean;
  /** Applied to the gradient first. */
  readonly clip: Transform | undefined;
  /** Undefined: that of the optimizer. */
  readonly lr: Rate | undefined;
}

/** Options that have been read. */
export interface Settings {
  lr: Rate;
  /** The option `params` as given. */
  readonly given: unknown;
  /** The parameters in it. */
  readonly params: ReadonlySet<Param> | undefined;
  /** The parameters that can be updated: those in `params` or in groups. Undefined: any. */
  readonly members: { has(param: Param): boolean } | undefined;
  readonly all: readonly Setting[];
  of(param: Param): Setting;
}

/** Reads options and groups: `formula` makes a rule from the options of a group. */
export function readSettings<O extends OptimizerOptions, D extends Partial<O> & { readonly lr: number }>(
  name: string,
  options: O | undefined,
  known: OptionKinds<O>,
  defaults: D,
  formula: (read: ReadOptions<O, D>) => Formula,
): Settings {
  const shared = readOptions(name, options, known, defaults);
  const setting = (read: ReadOptions<O, D>, own?: Rate): Setting => {
    const { lazy = false, gclip = 0 } = read;
    return { formula: formula(read), lr: own, lazy, clip: gclip > 0 ? clipNorm(gclip) : undefined };
  };
  const { groups, params: given, lr } = shared;
  // `{ params: model.typo }` must not mean all.
  const params = "params" in (options ?? {}) ? membersOf(name, given) : undefined;
  if (groups === undefined) {
    const one = setting(shared);
    return { lr, given, params, members: params, all: [one], of: () => one };
  }
  const settings = new Map<Param, Setting>();
  const refuse = ({ dtype, shape }: Param, where: string): never => {
    throw new ArgumentError(`${name}: a parameter ${dtype}[${shape}] is in ${where}; wanted each in exactly one group`);
  };
  const all = groups.map((group: O, k) => {
    const op = `${name}: group ${k}`;
    const read = readOptions(op, group, known, { ...shared, params: undefined, groups: undefined });
    if (read.groups !== undefined)
      throw new ArgumentError(`${op}: a group cannot have groups, got ${describe(read.groups)}`);
    const made = setting(read, group.lr);
    for (const param of membersOf(op, read.params)) {
      if (settings.has(param)) refuse(param, `group ${k} and in one before it`);
      if (params?.has(param) === false) refuse(param, `group ${k}, but not in params`);
      settings.set(param, made);
    }
    return made;
  });
  const of = (param: Param): Setting => settings.get(param) ?? refuse(param, `none of the ${all.length} groups`);
  params?.forEach(of);
  return { lr, given, params, members: settings, all, of };
}

/** The rate of a step. */
export const rateOf = (rate: Rate, step: number): number => (typeof rate === "number" ? rate : rate(step));

/** The learning rate of a step of an optimizer. */
export function rateAt(name: string, lr: Rate, step: number): number {
  const rate = rateOf(lr, step);
  if (isRate(rate)) return rate;
  throw new ArgumentError(
    `${name}: wanted a finite non-negative number as lr, its function returned ${describe(rate)} at step ${step}`,
  );
}
