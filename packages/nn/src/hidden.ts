// Parameters and states that a walk through a model cannot find: those of layers in closures and #private fields. They
// would be silently missing from its file. Calls of the model reveal them: boxes that a call reads or assigns and that
// are not among the layer's fields.
import { StateError } from "@weft/autograd";
import { companyOf, walk, wasFound } from "@weft/autograd/internals";
import { context } from "@weft/tensor/internals";
import { some } from "./name-lists.ts";
import { belongings, type AnyBox } from "./parameter.ts";

/** Boxes that calls of a layer used and that a walk through the layer did not find. */
const hidden = new WeakMap<object, readonly WeakRef<AnyBox>[]>();

/** The first 64 calls are watched, then every 64th: watching takes time, and a loop does the same each time. */
const FIRST = 64;

/** How often a layer is inspected again because its calls use a different number of boxes than before. */
const mostLooks = 16;

/** Wraps a function so that the boxes it uses beyond its fields are noted. */
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

/** Whether a function was made by `layer`, or by a function of this package that makes layers. */
export const isLayer = (part: object): boolean => hidden.has(part);

/** Notes which of the boxes that a call of a layer used belong neither to the layer nor to its arguments. */
function note(layer: object, args: readonly unknown[], met: readonly AnyBox[]): void {
  let foreign = false; // a function among the arguments may use boxes of its own
  const given = walk(args, (part) => void (foreign ||= part !== args && hasCode(part)));
  if (foreign) return;
  const before = hidden.get(layer)!;
  const known = new Set<AnyBox | undefined>([...walk(layer), ...given].map(({ box }) => box));
  for (const ref of before) known.add(ref.deref());
  // State that an optimizer keeps for a parameter belongs to that parameter.
  for (const box of met) for (const kept of belongings(box)) known.add(kept);
  const unknown = met.filter((box) => !known.has(box));
  hidden.set(layer, [...before, ...unknown.map((box) => new WeakRef(box))]);
}

const plain: readonly unknown[] = [Object.prototype, Array.prototype, Map.prototype, Set.prototype, null];

/** Whether calling it runs code that is not watched: methods, or a function that is not a layer. */
const hasCode = (part: object): boolean =>
  typeof part === "function" ? !hidden.has(part) : !plain.includes(Object.getPrototypeOf(part));

/** Parameters and states that are not among a model's fields. */
interface Hidden {
  /** Those that its layers used in calls. */
  readonly certain: AnyBox[];
  /** Those that were on a tape together with its own: the model closes over them, or they are another model's. */
  readonly likely: AnyBox[];
}

/**
 * The parameters and states that a model uses, that are not among its fields, and that were never found in another
 * model (by `params`, `place`, `load`, an optimizer's `params`, …). What layers use is known for certain. For functions
 * and objects with methods that are not layers, it is inferred from what was on a tape with their parameters.
 */
function hiddenIn(model: unknown): Hidden {
  const parts: object[] = [];
  const shown = walk(model, (part) => void parts.push(part)).map(({ box }) => box);
  const layers = parts.filter((part) => hidden.has(part));
  const inside = new Set<object>(); // parts of layers: their calls are watched as part of the layer's
  for (const layer of layers) walk(layer, (part) => void (part !== layer && inside.add(part)));
  const known = new Set(shown);
  const fresh = (all: AnyBox[]): AnyBox[] => [...new Set(all)].filter((box) => !known.has(box) && !wasFound(box));
  const certain = fresh(layers.flatMap((layer) => hidden.get(layer)!.flatMap((ref) => ref.deref() ?? [])));
  const unwatched = parts.some((part) => hasCode(part) && !inside.has(part));
  for (const box of certain) known.add(box);
  const company = shown.flatMap((box) => (unwatched ? companyOf(box) : []));
  for (const box of company) for (const kept of belongings(box)) known.add(kept);
  return { certain, likely: fresh(company) };
}

/** Models that were warned about: they may hide parameters. */
const warned = new WeakSet<object>();

const shown = (boxes: readonly AnyBox[]): string =>
  some(
    boxes.map(({ dtype, shape }) => `${dtype}[${shape}]`),
    ", ",
  );

/**
 * Throws a StateError if a model uses parameters or states that are not among its fields: it says that they `fate`.
 * Where that is only likely it warns, once per model, that they `likelyFate`.
 */
export function refuseHidden(op: string, model: unknown, fate: string, likelyFate: string): void {
  const { certain, likely } = hiddenIn(model);
  const cure =
    "Closures and #private fields hide their layers: make them fields, " +
    "or call params(…) on the model that they belong to if that is another one";
  if (certain.length > 0)
    throw new StateError(
      `${op}: ${certain.length} of the parameters and states that this model uses are not among its fields ` +
        `and ${fate}: ${shown(certain)}. ${cure}`,
    );
  if (likely.length === 0 || warned.has(model as object)) return;
  warned.add(model as object);
  console.warn(
    `Weft: ${op}: this model may use parameters or states that are not among its fields and ${likelyFate}; ` +
      `they were on a tape together with it: ${shown(likely)}. ${cure}`,
  );
}
