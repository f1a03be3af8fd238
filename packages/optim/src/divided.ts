// Two optimizers as one: each parameter goes to the first or to the second.
import type { Param } from "@weft/autograd";
import { KEEPER, type Keeper, type Kept } from "@weft/autograd/internals";
import { ArgumentError } from "@weft/tensor";
import { describe, resultOf } from "@weft/tensor/internals";
import { entrances, stepOf, type Gradient } from "./gradient.ts";
import type { OptimizerOptions, Rate } from "./groups.ts";
import { membersOf, selected } from "./members.ts";
import { stateAccess, type Optimizer } from "./optimizer.ts";
import { clipNorm } from "./transforms.ts";

/** How a first optimizer is divided from a second one. */
interface Division {
  /** Whether the first one can update a parameter. */
  readonly fits: (param: Param) => boolean;
  /** Why it could not. */
  readonly misfit: string;
  /** Options of the first. */
  readonly options: OptimizerOptions;
  /** The rate of the second for one of the first; undefined: it has a rate of its own. */
  readonly rate: ((rate: Rate) => Rate) | undefined;
}

/**
 * `first` updates the parameters for which `fits` holds, and `second` all others and those in its own `params`. Clipping
 * of the first is for all of them, its groups are of those that it updates itself.
 */
export function divided(first: Optimizer, second: Optimizer, { fits, misfit, options, rate }: Division): Optimizer {
  const { name } = first;
  const [own, others] = [first.params, second.params];
  const isFirst = (param: Param): boolean => fits(param) && others?.has(param) !== true;
  const members = own && new Set([...own, ...(others ?? [])]);
  const { gclip = 0, groups = [], params: given } = options;
  const clip = gclip > 0 ? clipNorm(gclip) : undefined;
  for (const [k, group] of groups.entries())
    for (const param of membersOf(`${name}: group ${k}`, group.params))
      if (!isFirst(param))
        throw new ArgumentError(
          `${name}: a parameter ${param.dtype}[${param.shape}] is in group ${k}, but fallback updates it, because it is ` +
            `${fits(param) ? "among its params" : misfit}; leave it out there, and give fallback groups of its own: ` +
            "{ fallback: adamw({ groups: […] }) }",
        );
  const apply = (gradients: readonly Gradient[]): void => {
    const chosen = selected({ name, params: members }, gradients);
    const left = chosen.filter(({ param }) => !isFirst(param));
    for (const { param } of left)
      if (others?.has(param) === false)
        throw new ArgumentError(
          `${name}: a parameter ${param.dtype}[${param.shape}] does not fit, and is not in the params of fallback`,
        );
    stepOf(() => {
      first.apply(chosen.filter(({ param }) => isFirst(param)));
      resultOf(() => second.apply(clip?.(left) ?? left));
    });
  };
  const [firsts, seconds] = [first[KEEPER], second[KEEPER]];
  if (firsts === undefined || seconds === undefined)
    throw new ArgumentError(
      `${name}: wanted an optimizer of this package as fallback, whose state can be saved, got ${describe(second)}`,
    );
  const keeper = joined(firsts, seconds, isFirst);
  return {
    name,
    get steps() {
      return first.steps;
    },
    get lr(): number {
      return first.lr;
    },
    set lr(now: Rate) {
      first.lr = now;
      if (rate !== undefined) second.lr = rate(now);
    },
    get params() {
      return members && new Set(members);
    },
    ...entrances(name, apply),
    stateOf: (param) => (isFirst(param) ? first : second).stateOf(param),
    ...stateAccess(keeper, given),
    [KEEPER]: keeper,
  };
}

/** The state of both, parameter by parameter. */
function joined(first: Keeper, second: Keeper, isFirst: (param: Param) => boolean): Keeper {
  const of = (param: Param): Keeper => (isFirst(param) ? first : second);
  const part = (kept: ReadonlyMap<Param, Kept>, firsts: boolean) =>
    new Map([...kept].filter(([param]) => isFirst(param) === firsts));
  return {
    name: first.name,
    parts: () => ({ ...first.parts(), fallback: second.parts() }),
    steps: () => first.steps(),
    known: () => [...first.known(), ...second.known()],
    own: () => [...first.own(), ...second.own().map(({ path, box }) => ({ path: `fallback.${path}`, box }))],
    updates: (param) => of(param).updates(param),
    kept: (param) => of(param).kept(param),
    shapes: (param, given) => of(param).shapes(param, given),
    replace: (steps, kept) => {
      first.replace(steps, part(kept, true));
      second.replace(steps, part(kept, false));
    },
  };
}
