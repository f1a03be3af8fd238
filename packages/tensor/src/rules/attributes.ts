// Attributes as an operation keeps them: checked, in a fixed order, with lists copied, so that a caller cannot change
// them afterwards. One line per primitive that has attributes.
import { listOf, reader, shapeOf } from "../axes.ts";
import type { DType } from "../dtype.ts";
import { ArgumentError, describe } from "../errors.ts";
import type { Attribute } from "../fused.ts";
import type { Attrs, ConvAttrs, OpName, PoolAttrs, RandomAttrs } from "../ops.ts";
import { dtypeName, list } from "../options.ts";

type Ints = readonly number[];
type Pairs = readonly (readonly [number, number])[];

/** For each primitive with attributes, a function from the given ones to those that it keeps. */
type AttributeRules = {
  readonly [N in OpName as Attrs<N> extends undefined ? never : N]: (given: Attrs<N>, op: N) => Attrs<N>;
};

function refuse(op: string, name: string, wanted: string, x: unknown): never {
  throw new ArgumentError(`${op}: wanted ${wanted} as ${name}, got ${describe(x)}`);
}

function int(op: string, name: string, x: unknown): number {
  return Number.isSafeInteger(x) ? (x as number) : refuse(op, name, "an integer", x);
}

function flag(op: string, name: string, x: unknown): boolean {
  return typeof x === "boolean" ? x : refuse(op, name, "true or false", x);
}

function number(op: string, name: string, x: unknown): number {
  return typeof x === "number" ? x : refuse(op, name, "a number", x);
}

const readInts = reader((op, list, name) => {
  for (let i = 0; i < list.length; i++) int(op, name, list[i]);
});
const ints = (op: string, name: string, x: unknown): Ints => readInts(op, x, name);

const pairs = (op: string, name: string, x: unknown): Pairs =>
  listOf(op, name, x).map((pair: unknown) => {
    const [low, high, ...more] = ints(op, name, pair);
    return high === undefined || more.length > 0 ? refuse(op, name, "pairs [low, high]", x) : [low!, high];
  });

/** Refuses what is not a dtype. */
function checkDType(op: string, x: DType): DType {
  return dtypeName.is(x) ? x : refuse(op, "dtype", dtypeName.wanted, x);
}

const reduce = ({ axes, keepDims }: Attrs<"sum">, op: string): Attrs<"sum"> => ({
  axes: ints(op, "axes", axes),
  keepDims: flag(op, "keepDims", keepDims),
});
const position = ({ axis, keepDims }: Attrs<"argmax">, op: string): Attrs<"argmax"> => ({
  axis: int(op, "axis", axis),
  keepDims: flag(op, "keepDims", keepDims),
});
const along = ({ axis }: Attrs<"take">, op: string): Attrs<"take"> => ({ axis: int(op, "axis", axis) });
const shaped = (given: Attrs<"reshape">, op: string): Attrs<"reshape"> => ({ shape: shapeOf(op, given.shape) });
const axes = (given: Attrs<"flip">, op: string): Attrs<"flip"> => ({ axes: ints(op, "axes", given.axes) });
const spaced = ({ stride, padding, dilation }: Omit<ConvAttrs, "groups">, op: string) => ({
  stride: ints(op, "stride", stride),
  padding: pairs(op, "padding", padding),
  dilation: ints(op, "dilation", dilation),
});
const conv = (given: ConvAttrs, op: string): ConvAttrs => ({
  ...spaced(given, op),
  groups: int(op, "groups", given.groups),
});
const pool = (given: PoolAttrs, op: string): PoolAttrs => ({
  // First, since it is the stride, too, where none was given.
  window: ints(op, "window", given.window),
  ...spaced(given, op),
});
const random = (given: RandomAttrs, op: string): RandomAttrs => ({
  shape: shapeOf(op, given.shape),
  key: ints(op, "key", given.key) as RandomAttrs["key"],
  counter: int(op, "counter", given.counter),
});

const rules: AttributeRules = {
  cast: ({ dtype }, op) => ({ dtype: checkDType(op, dtype) }),
  sum: reduce,
  max: reduce,
  min: reduce,
  argmax: position,
  argmin: position,
  cumsum: ({ axis, reverse }, op) => ({ axis: int(op, "axis", axis), reverse: flag(op, "reverse", reverse) }),
  argsort: ({ axis, descending }, op) => ({
    axis: int(op, "axis", axis),
    descending: flag(op, "descending", descending),
  }),
  reshape: shaped,
  permute: axes,
  broadcastTo: shaped,
  slice: ({ starts, sizes, steps }, op) => ({
    starts: ints(op, "starts", starts),
    sizes: ints(op, "sizes", sizes),
    steps: ints(op, "steps", steps),
  }),
  flip: axes,
  pad: ({ before, after, interior, value }, op) => ({
    before: ints(op, "before", before),
    after: ints(op, "after", after),
    interior: ints(op, "interior", interior),
    value: number(op, "value", value),
  }),
  concat: along,
  take: along,
  indexAdd: along,
  gather: along,
  scatterAdd: along,
  matmul: ({ transA, transB }, op) => ({ transA: flag(op, "transA", transA), transB: flag(op, "transB", transB) }),
  conv,
  convInputGrad: (given, op) => ({ ...conv(given, op), inputSize: ints(op, "inputSize", given.inputSize) }),
  convWeightGrad: (given, op) => ({ ...conv(given, op), kernelSize: ints(op, "kernelSize", given.kernelSize) }),
  maxPool: pool,
  maxPoolGrad: pool,
  maxPoolPick: pool,
  sumPool: pool,
  sumPoolGrad: (given, op) => ({ ...pool(given, op), inputSize: ints(op, "inputSize", given.inputSize) }),
  full: (given, op) => ({ shape: shapeOf(op, given.shape), dtype: checkDType(op, given.dtype) }),
  iota: (given, op) => ({
    shape: shapeOf(op, given.shape),
    axis: int(op, "axis", given.axis),
    dtype: checkDType(op, given.dtype),
  }),
  randomBits: random,
  randomUniform: random,
};

const attributes = new Map(Object.entries(rules)) as Map<string, (given: unknown, op: string) => unknown>;
const nothing = {};

/** The attributes that a primitive keeps, which no one else can change. */
export const attributesOf = <K extends OpName>(op: K, given: Attrs<K>): Attrs<K> =>
  attributes.get(op)?.(given ?? nothing, op) as Attrs<K>;

/** Whether x is no instance of a class, such as a Map. In another realm, too, a record's prototype has none. */
function isRecord(x: unknown): x is Readonly<Record<string, unknown>> {
  if (typeof x !== "object" || x === null) return false;
  const prototype: object | null = Object.getPrototypeOf(x);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function copied(op: string, name: string, x: unknown): Attribute {
  if (x === undefined || x === null || typeof x === "number" || typeof x === "boolean" || typeof x === "string")
    return x;
  if (Array.isArray(x)) return Array.from(x, (item) => copied(op, name, item));
  // The method of all typed arrays: a Buffer has another one, which does not copy.
  if (list.is(x) && typeof x[0] !== "bigint") return Uint8Array.prototype.slice.call(x);
  throw new ArgumentError(
    `${op}: the attribute ${name} must be a number, a boolean, a string or a list of these, got ${describe(x)}`,
  );
}

/**
 * The attributes that a fused operation keeps, which no one else can change. Its attributes are not known here, but
 * they must be values that plans with other attributes can be told from.
 */
export function fusedAttributes<A>(op: string, given: A): A {
  if (given === undefined) return given;
  if (!isRecord(given))
    throw new ArgumentError(
      `${op}: wanted a record such as { axis: 1 } as attributes, or undefined, got ${describe(given)}`,
    );
  const own: Record<string, Attribute> = {};
  for (const name in given) own[name] = copied(op, name, given[name]);
  return own as A;
}
