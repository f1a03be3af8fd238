// Bounds of integers that are known before they are computed: of those that were uploaded, and of indices that functions
// compute from them. What is known to be right needs no report of a device, and what is wrong is found at once.
import type { DType, OpName, Shape } from "@weft/tensor";
import { type AxisAttrs, dtypeInfo, isFloat, sameShape } from "@weft/tensor/internals";
import type { Node } from "./node.ts";
import { codeOf, type AnyOp } from "./operation.ts";

/** Bounds of integers, or of 0 and 1 for bool; `whole` if both bounds occur among the elements. */
export interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

/** The range of uploaded integers; undefined for other data, which cannot be indices. */
export function rangeOf(data: ArrayLike<number>, dtype: DType): Range | undefined {
  const { bytes, kind } = dtypeInfo[dtype];
  if (kind !== "integer" || data.length === 0) return undefined;
  let least = data[0]!;
  let most = least;
  for (let i = 1; i < data.length; i++) {
    const x = data[i]!;
    if (x < least) least = x;
    else if (x > most) most = x;
    else continue;
    // All values occur: no need to read the rest of an image.
    if (bytes === 1 && most - least === 255) break;
  }
  return { least, most, whole: true };
}

type Operand = Node | number | undefined;
type Known = (
  inputs: readonly (Node | number)[],
  attrs: { readonly axis: number; readonly shape: Shape },
) => Range | undefined;

/** Some of the integers from `least` to `most`. */
const within = (least: number, most: number): Range => ({ least, most, whole: false });
/** Computations of integers round or wrap other numbers first. */
const rangeIn = (x: Operand): Range | undefined => {
  if (typeof x === "object") return x.range;
  return x !== undefined && (x | 0) === x ? { least: x, most: x, whole: true } : undefined;
};
/** A selection of the integers of a value. */
const some: Known = ([x]) => {
  const range = rangeIn(x);
  return range && { ...range, whole: false };
};
/** A permutation of elements has all of them. */
const picked: Known = (inputs, attrs) => {
  const [x, order] = inputs;
  if (typeof x !== "object" || typeof order !== "object" || order.op !== "argsort") return some(inputs, attrs);
  const sorts = (order.attrs as AxisAttrs).axis === attrs.axis && sameShape(order.shape, x.shape);
  return sorts ? x.range : some(inputs, attrs);
};
const place: Known = ([x], { axis }) => (typeof x === "object" ? within(0, x.shape[axis]! - 1) : undefined);
/** Of uploaded integers and a number nothing is said: most such sums move labels, which may not be looked at here. */
const total: Known = ([a, b]) => {
  const [x, y] = [rangeIn(a), rangeIn(b)];
  if (x === undefined || y === undefined) return undefined;
  if ((typeof a === "number" || typeof b === "number") && (typeof a === "number" ? y : x).whole) return undefined;
  return within(x.least + y.least, x.most + y.most);
};
const product: Known = ([a, b]) => {
  const [x, y] = [rangeIn(a), rangeIn(b)];
  if (x === undefined || y === undefined || x.least < 0 || y.least < 0) return undefined;
  return within(x.least * y.least, x.most * y.most);
};
const compared: Known = ([a, b]) => {
  const [x, y] = [rangeIn(a), rangeIn(b)];
  if (x === undefined || y === undefined) return undefined;
  return within(x.most < y.least ? 1 : 0, x.least >= y.most ? 0 : 1);
};
const either: Known = ([a, b]) => {
  const [x, y] = [rangeIn(a), rangeIn(b)];
  return x && y && within(Math.max(x.least, y.least), Math.max(x.most, y.most));
};
const chosen: Known = ([mask, a, b]) => {
  const [m, x, y] = [rangeIn(mask), rangeIn(a), rangeIn(b)];
  if (m !== undefined && m.least === m.most) return m.least === 0 ? y : x;
  return x && y && within(Math.min(x.least, y.least), Math.max(x.most, y.most));
};

/** The range of integers by how they are computed: random integers, positions, labels picked from others, wrapping. */
const knownAfter: Known[] = [];
const rules: readonly (readonly [OpName, Known])[] = [
  ["mod", ([, n]) => (typeof n === "number" && Number.isInteger(n) && n > 0 ? within(0, n - 1) : undefined)],
  ["add", total],
  ["mul", product],
  ["less", compared],
  ["or", either],
  ["where", chosen],
  ["take", some],
  ["gather", picked],
  ["argmax", place],
  ["argmin", place],
  ["argsort", place],
  ["iota", (_, { axis, shape }) => within(0, shape[axis]! - 1)],
];
for (const [op, rule] of rules) knownAfter[codeOf(op)] = rule;

/** The range as it is stored: a number that does not fit becomes another one. */
function stored(range: Range | undefined, dtype: DType): Range | undefined {
  const info = dtypeInfo[dtype];
  if (range === undefined || info.kind === "float") return undefined;
  return info.store(range.least) === range.least && info.store(range.most) === range.most ? range : undefined;
}

/** The range of the result of an operation, if it is known. */
export const rangeAfter = ({ code, inputs, attrs, dtype }: Node): Range | undefined =>
  isFloat(dtype) ? undefined : stored(knownAfter[code]?.(inputs, attrs as never), dtype);

/** The range of moved or cast integers: only a slice may lack the least or the greatest. */
export const rangeFrom = ({ range }: Node, op: AnyOp, dtype: DType): Range | undefined =>
  stored(range && op === "slice" ? { ...range, whole: false } : range, dtype);
