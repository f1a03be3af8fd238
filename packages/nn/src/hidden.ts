// Parameters and states that a walk through a model cannot find: those of layers in closures and #private fields. They would be
// missing in its file without a word. A tape sees them: what a call of a layer puts on a tape, and the layer's fields do not hold.
import { companyOf, walk, wasFound, type Param, type State } from "@weft/autograd";
import { context } from "@weft/tensor";
import type { Cell } from "./parameter.ts";

/** The boxes that calls of a layer have used and a walk through it did not find. */
const hidden = new WeakMap<object, readonly WeakRef<Cell>[]>();

/** So often a layer is looked at again, when its calls use another number of boxes than before. */
const mostLooks = 16;

/** What a tape tells of boxes; one of another copy of the package may know of no states. */
interface Witness {
  readonly leaves?: ReadonlyMap<Param, unknown>;
  readonly states?: ReadonlySet<State>;
}

/** A function that notes which boxes it uses on tapes beyond those that are its fields. */
export function watched<Call extends (...args: never[]) => unknown>(call: Call): Call {
  let last = 0;
  let looks = 0;
  const self = ((...args) => {
    const { leaves, states } = (context.tape ?? {}) as Witness;
    const [params, others] = [leaves?.size ?? 0, states?.size ?? 0];
    const y = call(...args);
    const used = (leaves?.size ?? 0) - params + (states?.size ?? 0) - others;
    if (used > 0 && used !== last && looks < mostLooks) {
      looks++;
      last = used;
      const known = new Set<Cell>(walk(self).map(({ box }) => box));
      let foreign = false; // code that was given may use boxes of its own
      for (const { box } of walk(args, (part) => (foreign ||= part !== args && hasCode(part)))) known.add(box);
      const met = [...[...(leaves?.keys() ?? [])].slice(params), ...[...(states ?? [])].slice(others)];
      const unknown = foreign ? [] : met.filter((box) => !known.has(box));
      hidden.set(
        self,
        unknown.map((box) => new WeakRef(box)),
      );
    }
    return y;
  }) as Call;
  hidden.set(self, []);
  return self;
}

const plain: readonly unknown[] = [Object.prototype, Array.prototype, Map.prototype, Set.prototype, null];

/** Whether calling it runs code of somebody else's: methods, or a function that is no layer. */
const hasCode = (part: object): boolean =>
  typeof part === "function" ? !hidden.has(part) : !plain.includes(Object.getPrototypeOf(part));

/** Parameters and states that a model does not show. */
export interface Hidden {
  /** Those that its layers used in calls. */
  readonly certain: Cell[];
  /** Those that were on a tape with its own: what it closes over, or another model. */
  readonly likely: Cell[];
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
  const fresh = (cells: Cell[]): Cell[] => [...new Set(cells)].filter((box) => !known.has(box) && !wasFound(box));
  const certain = fresh(layers.flatMap((layer) => hidden.get(layer)!.flatMap((ref) => ref.deref() ?? [])));
  const unwatched = parts.some((part) => hasCode(part) && !inside.has(part));
  for (const box of certain) known.add(box);
  const company = shown.flatMap((box) => (unwatched ? companyOf(box) : []));
  return { certain, likely: fresh(company) };
}
