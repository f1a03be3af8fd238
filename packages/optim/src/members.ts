// Which parameters an optimizer updates: those that it was given, or any. Two optimizers that take turns on one parameter
// without having been told so are a mistake that trains badly in silence (a GAN's generator step moves its discriminator, too).
import type { Param } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import { ArgumentError, isTensor } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import type { Gradient } from "./gradient.ts";
import type { Optimizer } from "./optimizer.ts";

const isModel = (x: unknown): boolean =>
  typeof x === "function" || (typeof x === "object" && x !== null && !isTensor(x));

/** The parameters in what was given as `params`. */
export function membersOf(op: string, given: unknown): ReadonlySet<Param> {
  const refuse = (what: string): never => {
    throw new ArgumentError(`${op}: params wants a model, a parameter, or a list of them, got ${what}`);
  };
  const items: readonly unknown[] = Array.isArray(given) || given instanceof Set ? [...given] : [given];
  // A bias that a layer does not have is null.
  for (const x of items) if (!isModel(x) && !(x === null && items.length > 1)) refuse(describe(x));
  const found = boxes(items).flatMap(({ box }) => (box.kind === "param" ? [box as Param] : []));
  return found.length === 0 ? refuse(`${describe(given)}, in which there is no parameter`) : new Set(found);
}

/** The gradients of the parameters that an optimizer updates. */
export function selected(
  { name, params }: Pick<Optimizer, "name" | "params">,
  gradients: readonly Gradient[],
): readonly Gradient[] {
  if (params === undefined) return gradients;
  const mine = gradients.filter(({ param }) => params.has(param));
  if (mine.length === 0 && gradients.length > 0)
    throw new ArgumentError(
      `${name}: none of the ${gradients.length} parameters on this tape is among the ${params.size} in params`,
    );
  return mine;
}

/** An optimizer as a parameter remembers it: without its state, which must not live as long as the parameter. */
export interface Hand {
  readonly name: string;
  /** Whether it was given `params`. */
  readonly told: boolean;
  warned: boolean;
}

/** Who updated a parameter last, and who before. */
export interface Turn {
  last: Hand | undefined;
  before: Hand | undefined;
}
const turns = new WeakMap<Param, Turn>();

export function turnOf(param: Param): Turn {
  let turn = turns.get(param);
  if (turn === undefined) turns.set(param, (turn = { last: undefined, before: undefined }));
  return turn;
}

/** Warns, once an optimizer, when two have taken turns on a parameter that one of them was not given. */
export function noteTurn(param: Param, turn: Turn, now: Hand): void {
  const { last, before } = turn;
  if (last === now) return;
  turn.last = now;
  turn.before = last;
  if (last === undefined || before !== now) return;
  for (const hand of [now, last]) {
    if (hand.told || hand.warned) continue;
    hand.warned = true;
    console.warn(
      `Weft: a parameter ${param.dtype}[${param.shape}] is updated by two optimizers, ${last.name} and ${now.name}, in turn. If each has a model of its own, say so: ${hand.name}({ params: model }).`,
    );
  }
}
