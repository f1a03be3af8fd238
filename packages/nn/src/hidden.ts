// Parameters and states that a walk through a model cannot find: those of layers in closures and #private fields. They would be
// missing in its file without a word. Its calls show them: boxes that are read or assigned in a call, and that the layer's fields do not hold.
import { companyOf, walk, wasFound } from "@weft/autograd/internals";
import { context } from "@weft/tensor/internals";
import { belongings, type AnyBox } from "./parameter.ts";

/** The boxes that calls of a layer have used and a walk through it did not find. */
const hidden = new WeakMap<object, readonly WeakRef<AnyBox>[]>();

/** So many calls are watched, and then one of so many: that takes time, and a loop does the same each time. */
const FIRST = 64;

/** So often a layer is looked at again, when its calls use another number of boxes than before. */
const mostLooks = 16;

/** A function that notes which boxes it uses beyond those that are its fields. */
export function watched<Call extends (...args: never[]) => unknown>(call: Call): Call {
  let last: object | undefined;
  let count = 0;
  let looks = 0;
  let calls = 0;
  const self = ((...args) => {
    if (++calls > FIRST && calls % FIRST > 0) return call(...args);
    const outer = context.met;
    const { list } = (context.met = outer ?? { seen: new Set(), list: [] });
    const begin = list.length;
    let y: unknown;
    try {
      y = call(...args);
    } finally {
      context.met = outer;
    }
    const used = list.length - begin;
    if (used > 0 && (used !== count || list.at(-1) !== last) && looks < mostLooks) {
      looks++;
      [count, last] = [used, list.at(-1)];
      note(self, args, list.slice(begin) as AnyBox[]);
    }
    return y;
  }) as Call;
  hidden.set(self, []);
  return self;
}

/** Notes which of the boxes that a call of a layer has met are not its own, nor those of its arguments. */
function note(layer: object, args: readonly unknown[], met: readonly AnyBox[]): void {
  let foreign = false; // code that was given may use boxes of its own
  const given = walk(args, (part) => void (foreign ||= part !== args && hasCode(part)));
  if (foreign) return;
  const before = hidden.get(layer)!;
  const known = new Set<AnyBox | undefined>([...walk(layer), ...given].map(({ box }) => box));
  for (const ref of before) known.add(ref.deref());
  // State that an optimizer keeps for a parameter goes where that goes.
  for (const box of met) for (const kept of belongings(box)) known.add(kept);
  const unknown = met.filter((box) => !known.has(box));
  hidden.set(layer, [...before, ...unknown.map((box) => new WeakRef(box))]);
}

const plain: readonly unknown[] = [Object.prototype, Array.prototype, Map.prototype, Set.prototype, null];

/** Whether calling it runs code of somebody else's: methods, or a function that is no layer. */
const hasCode = (part: object): boolean =>
  typeof part === "function" ? !hidden.has(part) : !plain.includes(Object.getPrototypeOf(part));

/** Parameters and states that a model does not show. */
export interface Hidden {
  /** Those that its layers used in calls. */
  readonly certain: AnyBox[];
  /** Those that were on a tape with its own: what it closes over, or another model. */
  readonly likely: AnyBox[];
}

/**
 * The parameters and states that a model uses and does not show, and that were never found in any other model (by `params`, `place`,
 * `load`, an optimizer's `params`, …). What its layers use is known for certain; a function or an object with methods
 * that is no layer goes by its company: what was on a tape with its parameters.
 */
export function hiddenIn(model: unknown): Hidden {
  const parts: object[] = [];
  const shown = walk(model, (part) => void parts.push(part)).map(({ box }) => box);
  const layers = parts.filter((part) => hidden.has(part));
  const inside = new Set<object>(); // called by a layer, which is watched
  for (const layer of layers) walk(layer, (part) => void (part !== layer && inside.add(part)));
  const known = new Set(shown);
  const fresh = (cells: AnyBox[]): AnyBox[] => [...new Set(cells)].filter((box) => !known.has(box) && !wasFound(box));
  const certain = fresh(layers.flatMap((layer) => hidden.get(layer)!.flatMap((ref) => ref.deref() ?? [])));
  const unwatched = parts.some((part) => hasCode(part) && !inside.has(part));
  for (const box of certain) known.add(box);
  const company = shown.flatMap((box) => (unwatched ? companyOf(box) : []));
  for (const box of company) for (const kept of belongings(box)) known.add(kept);
  return { certain, likely: fresh(company) };
}
