// WebAssembly's instructions as typed expressions: `f32x4.add(x, v128.load(p, 16))` is a value that a `Func` writes down.
// An expression used twice is written (and runs) twice: what is to be computed once belongs in a local.

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const VOID = 0x40;
/** The type of a value, as WebAssembly numbers it. */
export type Type = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128 | typeof VOID;
type Int = typeof I32;
type Long = typeof I64;
type Float = typeof F32;
type Double = typeof F64;
type Vector = typeof V128;
type Nothing = typeof VOID;

/** How what follows the opcode is written. */
export const form = {
  none: 0,
  index: 1,
  memory: 2,
  memoryLane: 3,
  lane: 4,
  i32: 5,
  i64: 6,
  f32: 7,
  f64: 8,
  i32x4: 9,
  f32x4: 10,
  f64x2: 11,
  shuffle: 12,
  choose: 13,
  fence: 14,
  lanes4: 15,
} as const;

/** A tree of instructions that leaves a value of type `T` on the stack. */
export class Expr<T extends Type = Type> {
  /** Only for the type checker: an `Expr<I32>` is no `Expr<F32>`. */
  declare readonly yields: T;
  readonly op: number;
  readonly form: number;
  readonly args: readonly Expr[];
  /** Offset, index, lane or constant. */
  readonly imm: number;
  readonly more: number | bigint | readonly number[];

  constructor(
    op: number,
    args: readonly Expr[],
    kind: number = form.none,
    imm = 0,
    more: number | bigint | readonly number[] = 0,
  ) {
    this.op = op;
    this.form = kind;
    this.args = args;
    this.imm = imm;
    this.more = more;
  }
}

/** A local variable or parameter; as an expression it is its value. */
export class Local<T extends Type = Type> extends Expr<T> {
  readonly type: T;
  constructor(index: number, type: T) {
    super(0x20, [], form.index, index);
    this.type = type;
  }
}

/** Where a plain number may stand for a constant. */
export type In<T extends Type> = Expr<T> | number;

const none: readonly Expr[] = [];
const cInt = (n: number): Expr<Int> => new Expr(0x41, none, form.i32, n | 0);
const cFloat = (x: number): Expr<Float> => new Expr(0x43, none, form.f32, x);
const cDouble = (x: number): Expr<Double> => new Expr(0x44, none, form.f64, x);
const cInts = (n: number): Expr<Vector> => new Expr(0xfd0c, none, form.i32x4, n | 0);
const cFloats = (x: number): Expr<Vector> => new Expr(0xfd0c, none, form.f32x4, x);
const cDoubles = (x: number): Expr<Vector> => new Expr(0xfd0c, none, form.f64x2, x);

const int = (e: In<Int>): Expr => (typeof e === "number" ? cInt(e) : e);
const float = (e: In<Float>): Expr => (typeof e === "number" ? cFloat(e) : e);
const double = (e: In<Double>): Expr => (typeof e === "number" ? cDouble(e) : e);
const ints = (e: In<Vector>): Expr => (typeof e === "number" ? cInts(e) : e);
const floats = (e: In<Vector>): Expr => (typeof e === "number" ? cFloats(e) : e);
const doubles = (e: In<Vector>): Expr => (typeof e === "number" ? cDoubles(e) : e);
const as = (e: Expr): Expr => e;

type Lift<T extends Type> = (e: In<T>) => Expr;
const one =
  <A extends Type, R extends Type>(op: number, lift: Lift<A> | ((e: Expr<A>) => Expr)) =>
  (a: In<A>): Expr<R> =>
    new Expr(op, [(lift as Lift<A>)(a)]);
const two =
  <A extends Type, R extends Type>(op: number, lift: Lift<A>) =>
  (a: In<A>, b: In<A>): Expr<R> =>
    new Expr(op, [lift(a), lift(b)]);

const int1 = (op: number) => one<Int, Int>(op, int);
const int2 = (op: number) => two<Int, Int>(op, int);
const long1 = <R extends Type = Long>(op: number) => one<Long, R>(op, as);
const long2 = <R extends Type = Long>(op: number) => two<Long, R>(op, as as Lift<Long>);
const float1 = (op: number) => one<Float, Float>(op, float);
const float2 = <R extends Type = Float>(op: number) => two<Float, R>(op, float);
const double1 = (op: number) => one<Double, Double>(op, double);
const double2 = <R extends Type = Double>(op: number) => two<Double, R>(op, double);
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
    new Expr(op, [int(address)], form.memory, offset);
const store =
  <A extends Type>(op: number, lift: Lift<A>) =>
  (address: In<Int>, value: In<A>, offset = 0): Expr<Nothing> =>
    new Expr(op, [int(address), lift(value)], form.memory, offset);
const loadLane =
  (op: number) =>
  (address: In<Int>, into: Expr<Vector>, lane: number, offset = 0): Expr<Vector> =>
    new Expr(op, [int(address), into], form.memoryLane, offset, lane);
const storeLane =
  (op: number) =>
  (address: In<Int>, from: Expr<Vector>, lane: number, offset = 0): Expr<Nothing> =>
    new Expr(op, [int(address), from], form.memoryLane, offset, lane);
const extract =
  <R extends Type>(op: number) =>
  (a: Expr<Vector>, lane: number): Expr<R> =>
    new Expr(op, [a], form.lane, lane);
const replace =
  <A extends Type>(op: number, lift: Lift<A>) =>
  (a: Expr<Vector>, lane: number, value: In<A>): Expr<Vector> =>
    new Expr(op, [a, lift(value)], form.lane, lane);
/** The last number of `memory` (alignment) must be exact for atomics: it rides in `more`. */
const atomic = <R extends Type>(op: number, args: readonly In<Int>[], offset: number): Expr<R> =>
  new Expr(op, args.map(int), form.memory, offset, 2);

// oxfmt-ignore
export const i32 = {
  const: cInt,
  load: load<Int>(0x28), load8s: load<Int>(0x2c), load8u: load<Int>(0x2d), load16s: load<Int>(0x2e), load16u: load<Int>(0x2f),
  store: store<Int>(0x36, int), store8: store<Int>(0x3a, int), store16: store<Int>(0x3b, int),
  eqz: int1(0x45), eq: int2(0x46), ne: int2(0x47), ltS: int2(0x48), ltU: int2(0x49), gtS: int2(0x4a), gtU: int2(0x4b),
  leS: int2(0x4c), leU: int2(0x4d), geS: int2(0x4e), geU: int2(0x4f),
  clz: int1(0x67), ctz: int1(0x68), popcnt: int1(0x69),
  add: int2(0x6a), sub: int2(0x6b), mul: int2(0x6c), divS: int2(0x6d), divU: int2(0x6e), remS: int2(0x6f), remU: int2(0x70),
  and: int2(0x71), or: int2(0x72), xor: int2(0x73), shl: int2(0x74), shrS: int2(0x75), shrU: int2(0x76), rotl: int2(0x77), rotr: int2(0x78),
  wrapI64: one<Long, Int>(0xa7, as), reinterpretF32: one<Float, Int>(0xbc, float),
  truncSatF32: one<Float, Int>(0xfc00, float), truncSatUF32: one<Float, Int>(0xfc01, float),
  truncSatF64: one<Double, Int>(0xfc02, double), truncSatUF64: one<Double, Int>(0xfc03, double),
  extend8S: int1(0xc0), extend16S: int1(0xc1),
  atomicLoad: (address: In<Int>, offset = 0) => atomic<Int>(0xfe10, [address], offset),
  atomicStore: (address: In<Int>, value: In<Int>, offset = 0) => atomic<Nothing>(0xfe17, [address, value], offset),
  atomicAdd: (address: In<Int>, value: In<Int>, offset = 0) => atomic<Int>(0xfe1e, [address, value], offset),
  atomicCmpxchg: (address: In<Int>, expected: In<Int>, value: In<Int>, offset = 0) => atomic<Int>(0xfe48, [address, expected, value], offset),
  atomicNotify: (address: In<Int>, count: In<Int>, offset = 0) => atomic<Int>(0xfe00, [address, count], offset),
  atomicFence: (): Expr<Nothing> => new Expr(0xfe03, none, form.fence),
} as const;

// oxfmt-ignore
export const i64 = {
  const: (n: bigint): Expr<Long> => new Expr(0x42, none, form.i64, 0, n),
  load: load<Long>(0x29), store: store<Long>(0x37, as as Lift<Long>),
  eqz: long1<Int>(0x50), eq: long2<Int>(0x51), ne: long2<Int>(0x52), ltS: long2<Int>(0x53), ltU: long2<Int>(0x54), gtS: long2<Int>(0x55), gtU: long2<Int>(0x56),
  leS: long2<Int>(0x57), leU: long2<Int>(0x58), geS: long2<Int>(0x59), geU: long2<Int>(0x5a),
  add: long2(0x7c), sub: long2(0x7d), mul: long2(0x7e), divS: long2(0x7f), divU: long2(0x80), remS: long2(0x81), remU: long2(0x82),
  and: long2(0x83), or: long2(0x84), xor: long2(0x85), shl: long2(0x86), shrS: long2(0x87), shrU: long2(0x88),
  extendI32S: one<Int, Long>(0xac, int), extendI32U: one<Int, Long>(0xad, int), reinterpretF64: one<Double, Long>(0xbd, double),
} as const;

// oxfmt-ignore
export const f32 = {
  const: cFloat,
  load: load<Float>(0x2a), store: store<Float>(0x38, float),
  eq: float2<Int>(0x5b), ne: float2<Int>(0x5c), lt: float2<Int>(0x5d), gt: float2<Int>(0x5e), le: float2<Int>(0x5f), ge: float2<Int>(0x60),
  abs: float1(0x8b), neg: float1(0x8c), ceil: float1(0x8d), floor: float1(0x8e), trunc: float1(0x8f), nearest: float1(0x90), sqrt: float1(0x91),
  add: float2(0x92), sub: float2(0x93), mul: float2(0x94), div: float2(0x95), min: float2(0x96), max: float2(0x97), copysign: float2(0x98),
  convertI32: one<Int, Float>(0xb2, int), convertUI32: one<Int, Float>(0xb3, int), demoteF64: one<Double, Float>(0xb6, double), reinterpretI32: one<Int, Float>(0xbe, int),
} as const;

// oxfmt-ignore
export const f64 = {
  const: cDouble,
  load: load<Double>(0x2b), store: store<Double>(0x39, double),
  eq: double2<Int>(0x61), ne: double2<Int>(0x62), lt: double2<Int>(0x63), gt: double2<Int>(0x64), le: double2<Int>(0x65), ge: double2<Int>(0x66),
  abs: double1(0x99), neg: double1(0x9a), ceil: double1(0x9b), floor: double1(0x9c), trunc: double1(0x9d), nearest: double1(0x9e), sqrt: double1(0x9f),
  add: double2(0xa0), sub: double2(0xa1), mul: double2(0xa2), div: double2(0xa3), min: double2(0xa4), max: double2(0xa5), copysign: double2(0xa6),
  convertI32: one<Int, Double>(0xb7, int), convertUI32: one<Int, Double>(0xb8, int), promoteF32: one<Float, Double>(0xbb, float), reinterpretI64: one<Long, Double>(0xbf, as),
} as const;

// oxfmt-ignore
export const v128 = {
  load: load<Vector>(0xfd00), store: store<Vector>(0xfd0b, as as Lift<Vector>),
  load8x8S: load<Vector>(0xfd01), load8x8U: load<Vector>(0xfd02), load16x4S: load<Vector>(0xfd03), load16x4U: load<Vector>(0xfd04), load32x2S: load<Vector>(0xfd05), load32x2U: load<Vector>(0xfd06),
  load8Splat: load<Vector>(0xfd07), load16Splat: load<Vector>(0xfd08), load32Splat: load<Vector>(0xfd09), load64Splat: load<Vector>(0xfd0a),
  load32Zero: load<Vector>(0xfd5c), load64Zero: load<Vector>(0xfd5d),
  load8Lane: loadLane(0xfd54), load16Lane: loadLane(0xfd55), load32Lane: loadLane(0xfd56), load64Lane: loadLane(0xfd57),
  store8Lane: storeLane(0xfd58), store16Lane: storeLane(0xfd59), store32Lane: storeLane(0xfd5a), store64Lane: storeLane(0xfd5b),
  not: vInt1(0xfd4d), and: vInt2(0xfd4e), andnot: vInt2(0xfd4f), or: vInt2(0xfd50), xor: vInt2(0xfd51), anyTrue: vInt1<Int>(0xfd53),
  /** Four 32-bit integers. */
  const4: (lanes: readonly [number, number, number, number]): Expr<Vector> => new Expr(0xfd0c, none, form.lanes4, 0, lanes),
  /** Bits of `a` where the mask is set, of `b` elsewhere. */
  bitselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr(0xfd52, [a, b, mask]),
} as const;

// oxfmt-ignore
export const i8x16 = {
  splat: one<Int, Vector>(0xfd0f, int), extractS: extract<Int>(0xfd15), extractU: extract<Int>(0xfd16), replace: replace<Int>(0xfd17, int),
  /** The 16 bytes that `lanes` names among the 32 of `a` and `b`. */
  shuffle: (a: Expr<Vector>, b: Expr<Vector>, lanes: readonly number[]): Expr<Vector> => new Expr(0xfd0d, [a, b], form.shuffle, 0, lanes),
  swizzle: vInt2(0xfd0e), eq: vInt2(0xfd23), ne: vInt2(0xfd24), abs: vInt1(0xfd60), neg: vInt1(0xfd61), allTrue: vInt1<Int>(0xfd63), bitmask: vInt1<Int>(0xfd64),
  narrowI16x8S: vInt2(0xfd65), narrowI16x8U: vInt2(0xfd66), shl: shift(0xfd6b), shrS: shift(0xfd6c), shrU: shift(0xfd6d), add: vInt2(0xfd6e), sub: vInt2(0xfd71),
  minS: vInt2(0xfd76), minU: vInt2(0xfd77), maxS: vInt2(0xfd78), maxU: vInt2(0xfd79),
} as const;

// oxfmt-ignore
export const i16x8 = {
  splat: one<Int, Vector>(0xfd10, int), extractS: extract<Int>(0xfd18), extractU: extract<Int>(0xfd19), replace: replace<Int>(0xfd1a, int),
  eq: vInt2(0xfd2d), ne: vInt2(0xfd2e), narrowI32x4S: vInt2(0xfd85), narrowI32x4U: vInt2(0xfd86),
  extendLowI8x16S: vInt1(0xfd87), extendHighI8x16S: vInt1(0xfd88), extendLowI8x16U: vInt1(0xfd89), extendHighI8x16U: vInt1(0xfd8a),
  shl: shift(0xfd8b), shrS: shift(0xfd8c), shrU: shift(0xfd8d), add: vInt2(0xfd8e), sub: vInt2(0xfd91), mul: vInt2(0xfd95),
  minS: vInt2(0xfd96), minU: vInt2(0xfd97), maxS: vInt2(0xfd98), maxU: vInt2(0xfd99),
} as const;

// oxfmt-ignore
export const i32x4 = {
  const: cInts, splat: one<Int, Vector>(0xfd11, int), extract: extract<Int>(0xfd1b), replace: replace<Int>(0xfd1c, int),
  /** Four lanes of the eight of `a` and `b`. */
  shuffle: (a: Expr<Vector>, b: Expr<Vector>, w: readonly number[]): Expr<Vector> => i8x16.shuffle(a, b, w.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3])),
  /** `bitselect` where every lane of the mask is all ones or all zeros; needs relaxed SIMD. */
  relaxedLaneselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr(0xfd010b, [a, b, mask]),
  eq: vInt2(0xfd37), ne: vInt2(0xfd38), ltS: vInt2(0xfd39), ltU: vInt2(0xfd3a), gtS: vInt2(0xfd3b), gtU: vInt2(0xfd3c), leS: vInt2(0xfd3d), leU: vInt2(0xfd3e), geS: vInt2(0xfd3f), geU: vInt2(0xfd40),
  abs: vInt1(0xfda0), neg: vInt1(0xfda1), allTrue: vInt1<Int>(0xfda3), bitmask: vInt1<Int>(0xfda4),
  extendLowI16x8S: vInt1(0xfda7), extendHighI16x8S: vInt1(0xfda8), extendLowI16x8U: vInt1(0xfda9), extendHighI16x8U: vInt1(0xfdaa),
  shl: shift(0xfdab), shrS: shift(0xfdac), shrU: shift(0xfdad), add: vInt2(0xfdae), sub: vInt2(0xfdb1), mul: vInt2(0xfdb5),
  minS: vInt2(0xfdb6), minU: vInt2(0xfdb7), maxS: vInt2(0xfdb8), maxU: vInt2(0xfdb9), dotI16x8: vInt2(0xfdba),
  truncSatF32x4: vFloat1(0xfdf8), truncSatUF32x4: vFloat1(0xfdf9), truncSatZeroF64x2: vDouble1(0xfdfc),
} as const;

// oxfmt-ignore
export const i64x2 = {
  splat: one<Long, Vector>(0xfd12, as), extract: extract<Long>(0xfd1d), replace: replace<Long>(0xfd1e, as as Lift<Long>),
  eq: vInt2(0xfdd6), ne: vInt2(0xfdd7), shl: shift(0xfdcb), shrS: shift(0xfdcc), shrU: shift(0xfdcd), add: vInt2(0xfdce), sub: vInt2(0xfdd1), mul: vInt2(0xfdd5),
  extendLowI32x4S: vInt1(0xfdc7), extendHighI32x4S: vInt1(0xfdc8), extendLowI32x4U: vInt1(0xfdc9), extendHighI32x4U: vInt1(0xfdca),
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
  convertI32x4: vInt1(0xfdfa), convertUI32x4: vInt1(0xfdfb), demoteZeroF64x2: vDouble1(0xfd5e),
  /** a*b + c rounded once or twice; needs relaxed SIMD. */
  relaxedMadd: (a: In<Vector>, b: In<Vector>, c: In<Vector>): Expr<Vector> => new Expr(0xfd0105, [floats(a), floats(b), floats(c)]),
  /** c - a*b; needs relaxed SIMD. */
  relaxedNmadd: (a: In<Vector>, b: In<Vector>, c: In<Vector>): Expr<Vector> => new Expr(0xfd0106, [floats(a), floats(b), floats(c)]),
} as const;

// oxfmt-ignore
export const f64x2 = {
  const: cDoubles, splat: one<Double, Vector>(0xfd14, double), extract: extract<Double>(0xfd21), replace: replace<Double>(0xfd22, double),
  eq: vDouble2(0xfd47), ne: vDouble2(0xfd48), lt: vDouble2(0xfd49), gt: vDouble2(0xfd4a), le: vDouble2(0xfd4b), ge: vDouble2(0xfd4c),
  ceil: vDouble1(0xfd74), floor: vDouble1(0xfd75), trunc: vDouble1(0xfd7a), nearest: vDouble1(0xfd94), abs: vDouble1(0xfdec), neg: vDouble1(0xfded), sqrt: vDouble1(0xfdef),
  add: vDouble2(0xfdf0), sub: vDouble2(0xfdf1), mul: vDouble2(0xfdf2), div: vDouble2(0xfdf3), min: vDouble2(0xfdf4), max: vDouble2(0xfdf5), pmin: vDouble2(0xfdf6), pmax: vDouble2(0xfdf7),
  convertLowI32x4: vInt1(0xfdfe), promoteLowF32x4: vFloat1(0xfd5f),
  relaxedMadd: (a: In<Vector>, b: In<Vector>, c: In<Vector>): Expr<Vector> => new Expr(0xfd0107, [doubles(a), doubles(b), doubles(c)]),
} as const;

/** `a` if `condition` is not 0, else `b`; both are computed. */
export const select = <T extends Type>(condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr(0x1b, [a, b, int(condition)]);
/** `a` if `condition` is not 0, else `b`; only one is computed. */
export const choose = <T extends Type>(type: T, condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr(0x04, [int(condition), a, b], form.choose, type);
