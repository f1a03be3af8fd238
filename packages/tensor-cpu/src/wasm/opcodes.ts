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
/** What f32 and f64 share: their comparisons and their arithmetic are numbered in one order. */
function reals<T extends Float | Double>(compare: number, compute: number, lift: Lift<T>) {
  const test = (i: number) => two<T, Int>(compare + i, lift);
  const op1 = (i: number) => one<T, T>(compute + i, lift);
  const op2 = (i: number) => two<T, T>(compute + i, lift);
  // oxfmt-ignore
  return {
    eq: test(0), ne: test(1), lt: test(2), gt: test(3), le: test(4), ge: test(5),
    abs: op1(0), neg: op1(1), ceil: op1(2), floor: op1(3), trunc: op1(4), nearest: op1(5), sqrt: op1(6),
    add: op2(7), sub: op2(8), mul: op2(9), div: op2(10), min: op2(11), max: op2(12),
  };
}

// oxfmt-ignore
export const i32 = {
  const: cInt,
  load: load<Int>(0x28), load8u: load<Int>(0x2d), load16u: load<Int>(0x2f),
  store: store(0x36, int), store8: store(0x3a, int),
  eqz: int1(0x45), eq: int2(0x46), ne: int2(0x47), ltS: int2(0x48), ltU: int2(0x49), gtS: int2(0x4a), gtU: int2(0x4b),
  leS: int2(0x4c), leU: int2(0x4d), geS: int2(0x4e), geU: int2(0x4f),
  add: int2(0x6a), sub: int2(0x6b), mul: int2(0x6c), divS: int2(0x6d), remS: int2(0x6f),
  and: int2(0x71), or: int2(0x72), xor: int2(0x73), shl: int2(0x74), shrS: int2(0x75), shrU: int2(0x76),
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
  load8Lane: loadLane(0xfd54), load16Lane: loadLane(0xfd55), load32Lane: loadLane(0xfd56),
  store8Lane: storeLane(0xfd58), store16Lane: storeLane(0xfd59), store32Lane: storeLane(0xfd5a), store64Lane: storeLane(0xfd5b),
  not: vInt1(0xfd4d), and: vInt2(0xfd4e), andnot: vInt2(0xfd4f), or: vInt2(0xfd50), xor: vInt2(0xfd51),
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
  narrowI32x4S: vInt2(0xfd85), narrowI32x4U: vInt2(0xfd86), extendLowI8x16U: vInt1(0xfd89),
} as const;

// oxfmt-ignore
export const i32x4 = {
  const: cInts, splat: one<Int, Vector>(0xfd11, int), replace: replace<Int>(0xfd1c, int),
  /** Four lanes of the eight of `a` and `b`. */
  shuffle: (a: Expr<Vector>, b: Expr<Vector>, w: readonly number[]): Expr<Vector> => i8x16.shuffle(a, b, w.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3])),
  /** `bitselect` where every lane of the mask is all ones or all zeros; needs relaxed SIMD. */
  relaxedLaneselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr(0xfd010b, [a, b, mask]),
  eq: vInt2(0xfd37), ne: vInt2(0xfd38), ltS: vInt2(0xfd39), gtS: vInt2(0xfd3b), leS: vInt2(0xfd3d), geS: vInt2(0xfd3f),
  abs: vInt1(0xfda0), neg: vInt1(0xfda1), extendLowI16x8U: vInt1(0xfda9),
  shl: shift(0xfdab), shrS: shift(0xfdac), shrU: shift(0xfdad), add: vInt2(0xfdae), sub: vInt2(0xfdb1), mul: vInt2(0xfdb5),
  minS: vInt2(0xfdb6), maxS: vInt2(0xfdb8),
  truncSatF32x4: vFloat1(0xfdf8), truncSatZeroF64x2: vDouble1(0xfdfc),
} as const;

// oxfmt-ignore
export const f32x4 = {
  const: cFloats, splat: one<Float, Vector>(0xfd13, float), extract: extract<Float>(0xfd1f), replace: replace<Float>(0xfd20, float), shuffle: i32x4.shuffle,
  eq: vFloat2(0xfd41), ne: vFloat2(0xfd42), lt: vFloat2(0xfd43), gt: vFloat2(0xfd44), le: vFloat2(0xfd45), ge: vFloat2(0xfd46),
  ceil: vFloat1(0xfd67), floor: vFloat1(0xfd68), trunc: vFloat1(0xfd69), nearest: vFloat1(0xfd6a), abs: vFloat1(0xfde0), neg: vFloat1(0xfde1), sqrt: vFloat1(0xfde3),
  add: vFloat2(0xfde4), sub: vFloat2(0xfde5), mul: vFloat2(0xfde6), div: vFloat2(0xfde7),
  /** NaN wins; on x86 several instructions. */
  min: vFloat2(0xfde8), max: vFloat2(0xfde9),
  /** pmin(a, b) = b < a ? b : a and pmax(a, b) = a < b ? b : a: one instruction. */
  pmin: vFloat2(0xfdea), pmax: vFloat2(0xfdeb),
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
