// WebAssembly's instructions as typed expressions: `f32x4.add(x, v128.load(p, 16))` is a value that a `Func` writes
// down. An expression used twice is written (and runs) twice: what is to be computed once belongs in a local. The
// tables hold what kernels use: a further instruction is a line with its number from the specification.
import type { Bytes } from "./bytes.ts";

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const VOID = 0x40;
/** The type of a value, as WebAssembly numbers it. */
export type Type = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128 | typeof VOID;
/** Of those, the numbers that kernels compute with. */
export type NumberType = typeof I32 | typeof F32 | typeof F64;
type Int = typeof I32;
type Long = typeof I64;
type Float = typeof F32;
type Double = typeof F64;
type Vector = typeof V128;
type Nothing = typeof VOID;

/** Writes what follows an opcode. */
export type Immediate = (code: Bytes, e: Expr) => void;

/** A tree of instructions that leaves a value of type `T` on the stack. */
export class Expr<T extends Type = Type> {
  /** Only for the type checker: an `Expr<I32>` is no `Expr<F32>`. */
  declare readonly yields: T;
  readonly op: number;
  readonly args: readonly Expr[];
  readonly immediate: Immediate | undefined;
  /** Offset, index, lane or constant. */
  readonly imm: number;
  readonly more: readonly number[];

  constructor(op: number, args: readonly Expr[], immediate?: Immediate, imm = 0, more: readonly number[] = none) {
    this.op = op;
    this.args = args;
    this.immediate = immediate;
    this.imm = imm;
    this.more = more;
  }
}

export const index: Immediate = (code, e) => code.u(e.imm);
/** The alignment is a hint: none is given. */
const place: Immediate = (code, e) => {
  code.byte(0);
  code.u(e.imm);
};
const laneOf: Immediate = (code, e) => code.byte(e.imm);
const bytes: Immediate = (code, e) => {
  for (const b of e.more) code.byte(b);
};
const placeAndLane: Immediate = (code, e) => {
  place(code, e);
  bytes(code, e);
};
const words: Immediate = (code, e) => {
  for (const w of e.more) code.i32(w);
};
/** The immediate `n` times. */
const times =
  (n: number, one: Immediate): Immediate =>
  (code, e) => {
    for (let i = 0; i < n; i++) one(code, e);
  };
const single: Immediate = (code, e) => code.f32(e.imm);
const wide: Immediate = (code, e) => code.f64(e.imm);
const fourSingles = times(4, single);
const twoDoubles = times(2, wide);
const signed: Immediate = (code, e) => code.s(e.imm);
const none: readonly never[] = [];

/** A local variable or parameter; as an expression it is its value. */
export class Local<T extends Type = Type> extends Expr<T> {
  readonly type: T;
  constructor(at: number, type: T) {
    super(0x20, none, index, at);
    this.type = type;
  }
}

/** An operand for which a plain number may stand as a constant. */
export type In<T extends Type> = Expr<T> | number;

const cInt = (n: number): Expr<Int> => new Expr(0x41, none, signed, n | 0);
const cFloat = (x: number): Expr<Float> => new Expr(0x43, none, single, x);
const cDouble = (x: number): Expr<Double> => new Expr(0x44, none, wide, x);
const cInts = (n: number): Expr<Vector> => new Expr(0xfd0c, none, words, 0, [n, n, n, n]);
const cFloats = (x: number): Expr<Vector> => new Expr(0xfd0c, none, fourSingles, x);
const cDoubles = (x: number): Expr<Vector> => new Expr(0xfd0c, none, twoDoubles, x);

const int = (e: In<Int>): Expr => (typeof e === "number" ? cInt(e) : e);
const float = (e: In<Float>): Expr => (typeof e === "number" ? cFloat(e) : e);
const double = (e: In<Double>): Expr => (typeof e === "number" ? cDouble(e) : e);
const ints = (e: In<Vector>): Expr => (typeof e === "number" ? cInts(e) : e);
const floats = (e: In<Vector>): Expr => (typeof e === "number" ? cFloats(e) : e);
const doubles = (e: In<Vector>): Expr => (typeof e === "number" ? cDoubles(e) : e);
/** An operand for which no plain number may stand. */
const long = (e: Expr<Long>): Expr => e;
const vector = (e: Expr<Vector>): Expr => e;

type Lift<T extends Type> = (e: In<T>) => Expr;
const one =
  <A extends Type, R extends Type>(op: number, lift: Lift<A>) =>
  (a: In<A>): Expr<R> =>
    new Expr(op, [lift(a)]);
const two =
  <A extends Type, R extends Type>(op: number, lift: Lift<A>) =>
  (a: In<A>, b: In<A>): Expr<R> =>
    new Expr(op, [lift(a), lift(b)]);

const int1 = (op: number) => one<Int, Int>(op, int);
const int2 = (op: number) => two<Int, Int>(op, int);
const vInt1 = <R extends Type = Vector>(op: number) => one<Vector, R>(op, ints);
const vInt2 = (op: number) => two<Vector, Vector>(op, ints);
const vFloat1 = (op: number) => one<Vector, Vector>(op, floats);
const vFloat2 = (op: number) => two<Vector, Vector>(op, floats);
const vDouble1 = (op: number) => one<Vector, Vector>(op, doubles);
const vDouble2 = (op: number) => two<Vector, Vector>(op, doubles);
const shift =
  (op: number) =>
  (a: Expr<Vector>, n: In<Int>): Expr<Vector> =>
    new Expr(op, [a, int(n)]);
const load =
  <R extends Type>(op: number) =>
  (address: In<Int>, offset = 0): Expr<R> =>
    new Expr(op, [int(address)], place, offset);
const store =
  <A extends In<Type>>(op: number, lift: (value: A) => Expr) =>
  (address: In<Int>, value: A, offset = 0): Expr<Nothing> =>
    new Expr(op, [int(address), lift(value)], place, offset);
const loadLane =
  (op: number) =>
  (address: In<Int>, into: Expr<Vector>, lane: number, offset = 0): Expr<Vector> =>
    new Expr(op, [int(address), into], placeAndLane, offset, [lane]);
const storeLane =
  (op: number) =>
  (address: In<Int>, from: Expr<Vector>, lane: number, offset = 0): Expr<Nothing> =>
    new Expr(op, [int(address), from], placeAndLane, offset, [lane]);
const extract =
  <R extends Type>(op: number) =>
  (a: Expr<Vector>, lane: number): Expr<R> =>
    new Expr(op, [a], laneOf, lane);
const replace =
  <A extends Type>(op: number, lift: Lift<A>) =>
  (a: Expr<Vector>, lane: number, value: In<A>): Expr<Vector> =>
    new Expr(op, [a, lift(value)], laneOf, lane);
type Words<S extends string> = S extends `${infer First} ${infer Rest}` ? First | Words<Rest> : S;
/** Instructions of one kind that are numbered in a row. */
const row = <Names extends string, F>(op: (n: number) => F, first: number, names: Names) =>
  Object.fromEntries(names.split(" ").map((name, i) => [name, op(first + i)])) as Readonly<Record<Words<Names>, F>>;
const floatTests = "eq ne lt gt le ge";
const intTests = "eq ne ltS ltU gtS gtU leS leU geS geU";
/** What f32 and f64 share. */
const reals = <T extends Float | Double>(compare: number, compute: number, lift: Lift<T>) => ({
  ...row((n) => two<T, Int>(n, lift), compare, floatTests),
  ...row((n) => one<T, T>(n, lift), compute, "abs neg ceil floor trunc nearest sqrt"),
  ...row((n) => two<T, T>(n, lift), compute + 7, "add sub mul div min max"),
});

// oxfmt-ignore
export const i32 = {
  const: cInt,
  load: load<Int>(0x28), load8u: load<Int>(0x2d), load16u: load<Int>(0x2f),
  store: store(0x36, int), store8: store(0x3a, int),
  eqz: int1(0x45), ...row(int2, 0x46, intTests),
  ...row(int2, 0x6a, "add sub mul divS divU remS remU and or xor shl shrS shrU"),
  reinterpretF32: one<Float, Int>(0xbc, float),
  truncSatF32: one<Float, Int>(0xfc00, float), truncSatF64: one<Double, Int>(0xfc02, double),
} as const;

// oxfmt-ignore
export const i64 = {
  load: load<Long>(0x29), store: store(0x37, long),
} as const;

// oxfmt-ignore
export const f32 = {
  const: cFloat,
  load: load<Float>(0x2a), store: store(0x38, float),
  ...reals<Float>(0x5b, 0x8b, float),
  convertI32: one<Int, Float>(0xb2, int), demoteF64: one<Double, Float>(0xb6, double), reinterpretI32: one<Int, Float>(0xbe, int),
} as const;

// oxfmt-ignore
export const f64 = {
  const: cDouble,
  load: load<Double>(0x2b), store: store(0x39, double),
  ...reals<Double>(0x61, 0x99, double),
  convertI32: one<Int, Double>(0xb7, int), promoteF32: one<Float, Double>(0xbb, float),
} as const;

// oxfmt-ignore
export const v128 = {
  load: load<Vector>(0xfd00), store: store(0xfd0b, vector), load16x4U: load<Vector>(0xfd04), load32Splat: load<Vector>(0xfd09),
  load32Zero: load<Vector>(0xfd5c), load64Zero: load<Vector>(0xfd5d),
  ...row(loadLane, 0xfd54, "load8Lane load16Lane load32Lane"),
  ...row(storeLane, 0xfd58, "store8Lane store16Lane store32Lane store64Lane"),
  not: vInt1(0xfd4d), ...row(vInt2, 0xfd4e, "and andnot or xor"),
  anyTrue: vInt1<Int>(0xfd53),
  /** Four 32-bit integers. */
  const4: (lanes: readonly [number, number, number, number]): Expr<Vector> => new Expr(0xfd0c, none, words, 0, lanes),
  /** Bits of `a` where the mask is set, of `b` elsewhere. */
  bitselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr(0xfd52, [a, b, mask]),
} as const;

// oxfmt-ignore
export const i8x16 = {
  /** The 16 bytes that `lanes` names among the 32 of `a` and `b`. */
  shuffle: (a: Expr<Vector>, b: Expr<Vector>, lanes: readonly number[]): Expr<Vector> => new Expr(0xfd0d, [a, b], bytes, 0, lanes),
  narrowI16x8U: vInt2(0xfd66),
} as const;

// oxfmt-ignore
export const i16x8 = {
  ...row(vInt2, 0xfd85, "narrowI32x4S narrowI32x4U"), extendLowI8x16U: vInt1(0xfd89),
} as const;

// oxfmt-ignore
export const i32x4 = {
  const: cInts, splat: one<Int, Vector>(0xfd11, int), replace: replace<Int>(0xfd1c, int),
  /** Four lanes of the eight of `a` and `b`. */
  shuffle: (a: Expr<Vector>, b: Expr<Vector>, w: readonly number[]): Expr<Vector> => i8x16.shuffle(a, b, w.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3])),
  /** `bitselect` where every lane of the mask is all ones or all zeros; needs relaxed SIMD. */
  relaxedLaneselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr(0xfd010b, [a, b, mask]),
  ...row(vInt2, 0xfd37, intTests),
  abs: vInt1(0xfda0), neg: vInt1(0xfda1), extendLowI16x8U: vInt1(0xfda9),
  ...row(shift, 0xfdab, "shl shrS shrU"), add: vInt2(0xfdae), sub: vInt2(0xfdb1), mul: vInt2(0xfdb5),
  minS: vInt2(0xfdb6), maxS: vInt2(0xfdb8),
  truncSatF32x4: vFloat1(0xfdf8), truncSatZeroF64x2: vDouble1(0xfdfc),
} as const;

// oxfmt-ignore
export const f32x4 = {
  const: cFloats, splat: one<Float, Vector>(0xfd13, float), extract: extract<Float>(0xfd1f), replace: replace<Float>(0xfd20, float), shuffle: i32x4.shuffle,
  ...row(vFloat2, 0xfd41, floatTests),
  ...row(vFloat1, 0xfd67, "ceil floor trunc nearest"), abs: vFloat1(0xfde0), neg: vFloat1(0xfde1), sqrt: vFloat1(0xfde3),
  // In min and max NaN wins, in several instructions on x86. pmin(a, b) = b < a ? b : a and pmax(a, b) = a < b ? b : a are one.
  ...row(vFloat2, 0xfde4, "add sub mul div min max pmin pmax"),
  convertI32x4: vInt1(0xfdfa), demoteZeroF64x2: vDouble1(0xfd5e),
  /** a*b + c rounded once or twice; needs relaxed SIMD. */
  relaxedMadd: (a: In<Vector>, b: In<Vector>, c: In<Vector>): Expr<Vector> => new Expr(0xfd0105, [floats(a), floats(b), floats(c)]),
} as const;

// oxfmt-ignore
export const f64x2 = {
  const: cDoubles,
  add: vDouble2(0xfdf0), div: vDouble2(0xfdf3),
  convertLowI32x4: vInt1(0xfdfe), promoteLowF32x4: vFloat1(0xfd5f),
} as const;

/** `a` if `condition` is not 0, else `b`; both are computed. */
export const select = <T extends Type>(condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr(0x1b, [a, b, int(condition)]);
/** `a` if `condition` is not 0, else `b`; only one is computed. */
export const choose = <T extends Type>(type: T, condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr(0x04, [int(condition), a, b], undefined, type);
