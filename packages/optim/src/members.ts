// Which parameters an optimizer updates: those that it was given, or any. Two optimizers that alternate on one
// parameter by accident train badly without any error (a GAN's generator step also moves its discriminator), so there
// is a warning.
import type { Param } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import { ArgumentError, isTensor } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import type { Gradient } from "./gradient.ts";
import type { Optimizer } from "./optimizer.ts";

const isModel = (x: unknown): boolean =>
  typeof x === "function" || (typeof x === "object" && x !== null && !isTensor(x));

/** The parameters in the option `params`. */
export function membersOf(op: string, given: unknown): ReadonlySet<Param> {
  const refuse = (what: string): never => {
    throw new ArgumentError(`${op}: params wants a model, a parameter, or a list of them, got ${what}`);
  };
  const items: readonly unknown[] = Array.isArray(given) || given instanceof Set ? [...given] : [given];
  // A list may hold null: the missing bias of a layer.
  for (const x of items) if (!isModel(x) && !(x === null && items.length > 1)) refuse(describe(x));
  const found = boxes(items).flatMap(({ box }) => (box.kind === "param" ? [box as Param] : []));
  return found.length === 0 ? refuse(`${describe(given)}, which has no parameters`) : new Set(found);
}

/** The gradients of the parameters that an optimizer updates: frozen ones are left alone. */
export function selected(
  { name, params }: Pick<Optimizer, "name" | "params">,
  gradients: readonly Gradient[],
): readonly Gradient[] {
  const chosen = gradients.filter(({ param }) => !param.frozen && params?.has(param) !== false);
  if (chosen.length === 0 && gradients.length > 0)
    throw new ArgumentError(
      `${name}: none of the ${gradients.length} parameters with gradients is ${params ? `among the ${params.size} in params, or they are frozen` : "unfrozen"}`,
    );
  return chosen;
}

/** An optimizer as a parameter remembers it: without its state, which must not live as long as the parameter. */
export interface Updater {
  readonly name: string;
  /** Whether it was given `params`. */
  readonly hasParams: boolean;
  warned: boolean;
}

/** The last two different optimizers that updated a parameter. */
export interface UpdateHistory {
  last: Updater | undefined;
  before: Updater | undefined;
}
const histories = new WeakMap<Param, UpdateHistory>();

export function historyOf(param: Param): UpdateHistory {
  let history = histories.get(param);
  if (history === undefined) histories.set(param, (history = { last: undefined, before: undefined }));
  return history;
}

/** Warns, once per optimizer, when two alternate on a parameter that was in the `params` of neither or of only one. */
export function noteUpdate(param: Param, history: UpdateHistory, now: Updater): void {
  const { last, before } = history;
  if (last === now) return;
  history.last = now;
  history.before = last;
  if (last === undefined || before !== now) return;
  for (const updater of [now, last]) {
    if (updater.hasParams || updater.warned) continue;
    updater.warned = true;
    console.warn(
      `Weft: a parameter ${param.dtype}[${param.shape}] is updated by two optimizers in turn, ` +
        `${last.name} and ${now.name}. If each has a model of its own, say so: ${updater.name}({ params: model }).`,
    );
  }
}
