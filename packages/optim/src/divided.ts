// Two optimizers as one: each parameter goes to the first or to the second.
import type { Param } from "@weft/autograd";
import { KEEPER, type Keeper, type Kept } from "@weft/autograd/internals";
import { ArgumentError } from "@weft/tensor";
import { entrances, stepOf, type Gradient } from "./gradient.ts";
import type { Rate } from "./groups.ts";
import { selected } from "./members.ts";
import { stateAccess, type Optimizer } from "./optimizer.ts";

/**
 * `first` updates the parameters for which `fits` holds, and `second` all others and those in its own `params`. `given`
 * is the option `params` of the first.
 */
export function divided(
  first: Optimizer,
  second: Optimizer,
  fits: (param: Param) => boolean,
  given: unknown,
): Optimizer {
  const { name } = first;
  const [own, others] = [first.params, second.params];
  const isFirst = (param: Param): boolean => fits(param) && others?.has(param) !== true;
  const members = own && new Set([...own, ...(others ?? [])]);
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
      second.apply(left);
    });
  };
  const [firsts, seconds] = [first[KEEPER], second[KEEPER]];
  if (firsts === undefined || seconds === undefined)
    throw new ArgumentError(`${name}: wanted an optimizer of this package as fallback, whose state can be saved`);
  const keeper = joined(firsts, seconds, isFirst);
  return {
    name,
    get steps() {
      return first.steps;
    },
    get lr(): number {
      return first.lr;
    },
    set lr(rate: Rate) {
      first.lr = rate;
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
