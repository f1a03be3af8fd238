// Padding: with a value, or with the elements of x themselves. Negative pads cut.
import { alias, applyRead, readTensor } from "../apply.ts";
import { listOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, concat, flip } from "../movement.ts";
import { checkNumber } from "../operands.ts";
import {
  anyNumber,
  anything,
  list,
  oneOf,
  readOptions,
  readValue,
  type OptionKind,
  type OptionKinds,
} from "../options.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface PadOptions {
  /** [before, after] for each axis; negative numbers cut elements off. */
  readonly pads: readonly (readonly [number, number])[];
  /** What new elements are: a value, mirrored ones, the nearest one, or those from the other end. */
  readonly mode?: "constant" | "reflect" | "replicate" | "circular";
  /** The value of new elements in the mode `"constant"`, by default 0. */
  readonly value?: number;
}
const isPair = (x: unknown): boolean => list.is(x) && x.length === 2 && Array.from(x).every(Number.isInteger);
const pairs: OptionKind<PadOptions["pads"]> = {
  wanted: "a list of pairs [before, after], one per axis,",
  is: (x): x is PadOptions["pads"] => list.is(x) && Array.from<unknown>(x).every(isPair),
};
const kinds: OptionKinds<PadOptions> = {
  pads: anything, // read below, where one that is missing is refused, too
  mode: oneOf("constant", "reflect", "replicate", "circular"),
  value: anyNumber,
};

type Copying = Exclude<Required<PadOptions>["mode"], "constant">;

/**
 * The elements before and after an axis of `d` elements, of which `kept` are left; and how many elements before and
 * after there may be.
 */
interface Source {
  readonly most: (d: number) => number;
  readonly before: (x: Tensor, axis: number, count: number, kept: Tensor) => Tensor;
  readonly after: (x: Tensor, axis: number, count: number, kept: Tensor) => Tensor;
}

const repeated = (x: Tensor, axis: number, place: number, count: number): Tensor =>
  broadcastTo(span(x, axis, place, 1), x.shape.with(axis, count));

const sources: { readonly [M in Copying]: Source } = {
  reflect: {
    most: (d) => d - 1,
    before: (x, axis, count) => flip(span(x, axis, 1, count), { axis }),
    after: (x, axis, count) => flip(span(x, axis, x.shape[axis]! - 1 - count, count), { axis }),
  },
  replicate: {
    most: (d) => (d === 0 ? 0 : Infinity),
    before: (x, axis, count) => repeated(x, axis, 0, count),
    after: (x, axis, count) => repeated(x, axis, x.shape[axis]! - 1, count),
  },
  circular: {
    most: (d) => d,
    before: (_, axis, count, kept) => span(kept, axis, kept.shape[axis]! - count, count),
    after: (_, axis, count, kept) => span(kept, axis, 0, count),
  },
};

/** x with the elements that negative pads cut off removed. */
function cropped(x: Tensor, sides: readonly number[][]): Tensor {
  return sides.reduce((y, [low, high], axis) => {
    const cut = Math.max(0, -low!) + Math.max(0, -high!);
    if (cut === 0) return y;
    const size = y.shape[axis]! - cut;
    if (size < 0)
      throw new ShapeError(`pad: pads ${low}, ${high} cut more than axis ${axis} of shape ${text(x.shape)} has`);
    return span(y, axis, Math.max(0, -low!), size);
  }, x);
}

function copied(x: Tensor, axis: number, low: number, high: number, mode: Copying): Tensor {
  if (low === 0 && high === 0) return x;
  const { most, before, after } = sources[mode];
  const kept = cropped(
    x,
    x.shape.map((_, i) => (i === axis ? [low, high] : [0, 0])),
  );
  const size = (mode === "circular" ? kept : x).shape[axis]!;
  if (Math.max(low, high) > most(size))
    throw new ShapeError(
      `pad: mode "${mode}" adds at most ${most(size)} elements to axis ${axis} of shape ${text(x.shape)}, got ${low}, ${high}`,
    );
  const parts = [kept];
  if (low > 0) parts.unshift(before(x, axis, low, kept));
  if (high > 0) parts.push(after(x, axis, high, kept));
  return parts.length === 1 ? kept : concat(parts, { axis });
}

/**
 * x with more elements around it: `pads` has [before, after] per axis, and `value` fills them. Other modes copy
 * elements of x: mirrored at the first and the last one (`"reflect"`), those two repeated (`"replicate"`), or those
 * from the other end (`"circular"`). Negative pads cut elements off. Like PyTorch's `pad`, for any axes.
 *
 * @example pad(tensor([1, 2]), { pads: [[1, 2]] }) // [0, 1, 2, 0, 0]
 * @example pad(tensor([1, 2, 3]), { pads: [[2, -1]], mode: "reflect" }) // [3, 2, 1, 2]
 */
export function pad(x: Operand, options: PadOptions): Tensor {
  const { pads, mode, value } = readOptions("pad", options, kinds, { mode: "constant" as const });
  const sides = readValue("pad", "pads", pads, pairs).map((side) => listOf("pad", "pads", side));
  const t = readTensor(x, "pad");
  if (mode !== "constant" && value !== undefined)
    throw new ArgumentError(`pad: mode "${mode}" copies elements and takes no value, got ${value}`);
  if (value !== undefined) checkNumber("pad", t.dtype, value);
  if (sides.length !== t.shape.length)
    throw new ShapeError(`pad: shape ${text(t.shape)} has ${t.shape.length} axes, got pads for ${sides.length}`);
  if (sides.every(([low, high]) => low === 0 && high === 0)) return alias(t);
  if (mode !== "constant")
    return inNameOf("pad", () => sides.reduce((y, [low, high], axis) => copied(y, axis, low!, high!, mode), t));
  return inNameOf("pad", () => {
    const y = cropped(t, sides);
    const [before, after] = [0, 1].map((k) => sides.map((side) => Math.max(0, side[k]!)));
    if (y !== t && [...before!, ...after!].every((n) => n === 0)) return y;
    return applyRead("pad", [y], { before: before!, after: after!, interior: sides.map(() => 0), value: value ?? 0 });
  });
}
