// What machines compute, as typed expressions: `floats.add(x, lanes.load(p, 16))` is a value that the function under
// construction writes down in the instructions of its target. An expression used twice is written (and runs) twice: what
// is to be computed once belongs in a local. Numbers behave as those of WebAssembly. A vector has as many lanes of 32
// bits as the target's registers (`doubles`: half as many).

export const I32 = "i32";
export const I64 = "i64";
export const F32 = "f32";
export const F64 = "f64";
export const VECTOR = "vector";
export const VOID = "void";
/** The type of a value. */
export type Type = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof VECTOR | typeof VOID;
/** Of those, the numbers that kernels compute with. */
export type NumberType = typeof I32 | typeof F32 | typeof F64;
type Int = typeof I32;
type Long = typeof I64;
type Float = typeof F32;
type Double = typeof F64;
type Vector = typeof VECTOR;
type Nothing = typeof VOID;

/** A tree of operations whose value has type `T`. */
export class Expr<T extends Type = Type> {
  /** Only for the type checker: an `Expr<I32>` is no `Expr<F32>`. */
  declare readonly yields: T;
  /** An `Op`, or an operation that one target alone has. */
  readonly op: string;
  readonly args: readonly Expr[];
  /** An offset, index, lane or constant. */
  readonly imm: number;
  readonly more: readonly number[];

  constructor(op: string, args: readonly Expr[], imm = 0, more: readonly number[] = none) {
    this.op = op;
    this.args = args;
    this.imm = imm;
    this.more = more;
  }
}

const none: readonly never[] = [];

/** A local variable or parameter; as an expression it is its value. */
export class Local<T extends Type = Type> extends Expr<T> {
  readonly type: T;
  constructor(at: number, type: T) {
    super("local", none, at);
    this.type = type;
  }
}

/** An operand for which a plain number may stand as a constant. */
export type In<T extends Type> = Expr<T> | number;

const constant =
  <T extends Type>(op: Op) =>
  (x: number): Expr<T> =>
    new Expr(op, none, x);
const cInt = (n: number): Expr<Int> => new Expr("i32.const" satisfies Op, none, n | 0);
const cFloat = constant<Float>("f32.const");
const cDouble = constant<Double>("f64.const");
const cInts = (n: number): Expr<Vector> => new Expr("ints.const" satisfies Op, none, n | 0);
const cFloats = constant<Vector>("floats.const");
const cDoubles = constant<Vector>("doubles.const");

/** An operand of each type as an expression; where there are no constants, no plain number may stand. */
export const lift = {
  int: (e: In<Int>): Expr<Int> => (typeof e === "number" ? cInt(e) : e),
  float: (e: In<Float>): Expr<Float> => (typeof e === "number" ? cFloat(e) : e),
  double: (e: In<Double>): Expr<Double> => (typeof e === "number" ? cDouble(e) : e),
  ints: (e: In<Vector>): Expr<Vector> => (typeof e === "number" ? cInts(e) : e),
  floats: (e: In<Vector>): Expr<Vector> => (typeof e === "number" ? cFloats(e) : e),
  doubles: (e: In<Vector>): Expr<Vector> => (typeof e === "number" ? cDoubles(e) : e),
  long: (e: Expr<Long>): Expr<Long> => e,
  vector: (e: Expr<Vector>): Expr<Vector> => e,
} as const;
const { int, float, double, ints: manyInts, floats: manyFloats, doubles: manyDoubles, long, vector } = lift;

type Lift<T extends Type> = (e: In<T>) => Expr;
const one =
  <A extends Type, R extends Type>(op: string, up: Lift<A>) =>
  (a: In<A>): Expr<R> =>
    new Expr(op, [up(a)]);
const two =
  <A extends Type, R extends Type>(op: string, up: Lift<A>) =>
  (a: In<A>, b: In<A>): Expr<R> =>
    new Expr(op, [up(a), up(b)]);
const load =
  <R extends Type>(op: Op) =>
  (address: In<Int>, offset = 0): Expr<R> =>
    new Expr(op, [int(address)], offset);
const store =
  <A extends In<Type>>(op: Op, up: (value: A) => Expr) =>
  (address: In<Int>, value: A, offset = 0): Expr<Nothing> =>
    new Expr(op, [int(address), up(value)], offset);
const shift =
  (op: string) =>
  (a: Expr<Vector>, n: In<Int>): Expr<Vector> =>
    new Expr(op, [a, int(n)]);

/** The words of a text. */
export type Words<S extends string> = S extends `${infer First} ${infer Rest}` ? First | Words<Rest> : S;
/** Operations of one kind, `family.name` each. */
const row = <Names extends string, F>(family: string, op: (name: string) => F, names: Names) =>
  Object.fromEntries(names.split(" ").map((name) => [name, op(`${family}.${name}`)])) as Readonly<
    Record<Words<Names>, F>
  >;

/** The names of operations that tables have in a row, in the order of WebAssembly's numbers. */
export const rows = {
  floatTests: "eq ne lt gt le ge",
  intTests: "eq ne ltS ltU gtS gtU leS leU geS geU",
  rounding: "ceil floor trunc nearest",
  float1: "abs neg ceil floor trunc nearest sqrt",
  float2: "add sub mul div min max",
  // Divisions by 0, and of -2^31 by -1, stop WebAssembly; machine code goes on with a quotient of 0, or of -2^31.
  int2: "add sub mul divS divU remS remU and or xor shl shrS shrU",
  bits: "and andnot or xor",
  shifts: "shl shrS shrU",
  // In min and max NaN wins, in several instructions on x86. pmin(a, b) = b < a ? b : a and pmax(a, b) = a < b ? b : a
  // are one.
  floats2: "add sub mul div min max pmin pmax",
} as const;

type Of<Family extends string, Names extends string> = `${Family}.${Words<Names>}`;
type Rows = typeof rows;
/** What every target has: its table has a line for each. */
export type Op =
  | "local"
  | "tee"
  | "call"
  | "select"
  | `choose.${NumberType}`
  | Of<"i32", `const load load8u load16u store store8 eqz ${Rows["intTests"]} ${Rows["int2"]}`>
  | Of<"i32", "reinterpretF32 truncSatF32 truncSatF64">
  | Of<"i64", "load store">
  | Of<"f32" | "f64", `const load store ${Rows["floatTests"]} ${Rows["float1"]} ${Rows["float2"]}`>
  | Of<"f32", "convertI32 demoteF64 reinterpretI32">
  | Of<"f64", "convertI32 promoteF32">
  | Of<"lanes", `load load16 load8 loadSplat loadFirst store store16 store8 storeFirst ${Rows["bits"]} not any`>
  | Of<"lanes", "bitselect blend rotate">
  | Of<"ints", `const splat ramp ${Rows["intTests"]} abs neg ${Rows["shifts"]} add sub mul minS maxS truncSatFloats`>
  | Of<"floats", `const splat first ${Rows["floatTests"]} ${Rows["rounding"]} abs neg sqrt ${Rows["floats2"]}`>
  | Of<"floats", "convertInts madd ofDoubles">
  | Of<"ints", "ofDoubles">
  | Of<"doubles", "const add div ofInts ofFloats">;

/** What targets have in addition whose instructions can leave out lanes. */
export type PartialOp = Of<"partial", "load store">;

const int1 = (op: string) => one<Int, Int>(op, int);
const int2 = (op: string) => two<Int, Int>(op, int);
const vInt1 = <R extends Type = Vector>(op: string) => one<Vector, R>(op, manyInts);
const vInt2 = (op: string) => two<Vector, Vector>(op, manyInts);
const vFloat1 = <R extends Type = Vector>(op: string) => one<Vector, R>(op, manyFloats);
const vFloat2 = (op: string) => two<Vector, Vector>(op, manyFloats);
const vDouble2 = (op: string) => two<Vector, Vector>(op, manyDoubles);
/** What f32 and f64 share. */
const reals = <T extends Float | Double>(family: T, up: Lift<T>) => ({
  ...row(family, (op) => two<T, Int>(op, up), rows.floatTests),
  ...row(family, (op) => one<T, T>(op, up), rows.float1),
  ...row(family, (op) => two<T, T>(op, up), rows.float2),
});

// oxfmt-ignore
export const i32 = {
  const: cInt,
  load: load<Int>("i32.load"), load8u: load<Int>("i32.load8u"), load16u: load<Int>("i32.load16u"),
  store: store("i32.store", int), store8: store("i32.store8", int),
  eqz: int1("i32.eqz"), ...row("i32", int2, rows.intTests), ...row("i32", int2, rows.int2),
  reinterpretF32: one<Float, Int>("i32.reinterpretF32", float),
  truncSatF32: one<Float, Int>("i32.truncSatF32", float), truncSatF64: one<Double, Int>("i32.truncSatF64", double),
} as const;

/** Eight bytes, to be copied. */
// oxfmt-ignore
export const i64 = {
  load: load<Long>("i64.load"), store: store("i64.store", long),
} as const;

// oxfmt-ignore
export const f32 = {
  const: cFloat, load: load<Float>("f32.load"), store: store("f32.store", float),
  ...reals<Float>(F32, float),
  convertI32: one<Int, Float>("f32.convertI32", int), demoteF64: one<Double, Float>("f32.demoteF64", double),
  reinterpretI32: one<Int, Float>("f32.reinterpretI32", int),
} as const;

// oxfmt-ignore
export const f64 = {
  const: cDouble, load: load<Double>("f64.load"), store: store("f64.store", double),
  ...reals<Double>(F64, double),
  convertI32: one<Int, Double>("f64.convertI32", int), promoteF32: one<Float, Double>("f64.promoteF32", float),
} as const;

/** Bits of vectors, and memory. */
// oxfmt-ignore
export const lanes = {
  load: load<Vector>("lanes.load"),
  /** As many numbers of 16 or 8 bits as there are lanes; the bits above are 0. */
  load16: load<Vector>("lanes.load16"), load8: load<Vector>("lanes.load8"),
  /** 32 bits, in all lanes or in the first one beside zeros. */
  loadSplat: load<Vector>("lanes.loadSplat"), loadFirst: load<Vector>("lanes.loadFirst"),
  store: store("lanes.store", vector),
  /** The low bits of each lane, of which those above are 0. */
  store16: store("lanes.store16", vector), store8: store("lanes.store8", vector),
  storeFirst: store("lanes.storeFirst", vector),
  not: vInt1("lanes.not"), ...row("lanes", vInt2, rows.bits),
  any: vInt1<Int>("lanes.any"),
  /** In lane i what is in lane i + n of `a`, counted around. */
  rotate: (a: Expr<Vector>, n: number): Expr<Vector> => new Expr("lanes.rotate" satisfies Op, [a], n),
  /** Bits of `a` where the mask is set, of `b` elsewhere. */
  bitselect: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr("lanes.bitselect", [a, b, mask]),
  /** The same where every lane of the mask is all ones or all zeros: for machines with fused multiply-adds. */
  blend: (a: Expr<Vector>, b: Expr<Vector>, mask: Expr<Vector>): Expr<Vector> => new Expr("lanes.blend", [a, b, mask]),
} as const;

/**
 * The first `n` lanes alone, loaded beside zeros or stored: where targets can leave out lanes (`PartialOp`). Below 0 is
 * none, above the number of lanes all.
 */
// oxfmt-ignore
export const partial = {
  load: (address: In<Int>, n: In<Int>, offset = 0): Expr<Vector> => new Expr("partial.load" satisfies PartialOp, [int(address), int(n)], offset),
  store: (address: In<Int>, value: Expr<Vector>, n: In<Int>, offset = 0): Expr<Nothing> => new Expr("partial.store" satisfies PartialOp, [int(address), value, int(n)], offset),
} as const;

// oxfmt-ignore
export const ints = {
  const: cInts, splat: one<Int, Vector>("ints.splat", int),
  /** 0, 1, 2, … */
  ramp: (): Expr<Vector> => new Expr("ints.ramp", none),
  ...row("ints", vInt2, rows.intTests),
  abs: vInt1("ints.abs"), neg: vInt1("ints.neg"), ...row("ints", shift, rows.shifts),
  ...row("ints", vInt2, "add sub mul minS maxS"),
  truncSatFloats: vFloat1("ints.truncSatFloats"),
  /** In the lower half, beside zeros: rounded toward 0. What is no i32 has no particular value. */
  ofDoubles: one<Vector, Vector>("ints.ofDoubles", manyDoubles),
} as const;

// oxfmt-ignore
export const floats = {
  const: cFloats, splat: one<Float, Vector>("floats.splat", float), first: vFloat1<Float>("floats.first"),
  ...row("floats", vFloat2, rows.floatTests), ...row("floats", vFloat1<Vector>, rows.rounding),
  ...row("floats", vFloat1<Vector>, "abs neg sqrt"), ...row("floats", vFloat2, rows.floats2),
  convertInts: vInt1("floats.convertInts"),
  /** In the lower half, beside zeros. */
  ofDoubles: one<Vector, Vector>("floats.ofDoubles", manyDoubles),
  /** a*b + c rounded once or twice: for machines with fused multiply-adds. */
  madd: (a: In<Vector>, b: In<Vector>, c: In<Vector>): Expr<Vector> => new Expr("floats.madd", [manyFloats(a), manyFloats(b), manyFloats(c)]),
} as const;

// oxfmt-ignore
export const doubles = {
  const: cDoubles, ...row("doubles", vDouble2, "add div"),
  /** Of the lower half of the lanes. */
  ofInts: vInt1("doubles.ofInts"), ofFloats: vFloat1("doubles.ofFloats"),
} as const;

/** `a` if `condition` is not 0, else `b`; both are computed. */
export const select = <T extends Type>(condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr("select", [a, b, int(condition)]);
/** `a` if `condition` is not 0, else `b`; only one is computed. */
export const choose = <T extends NumberType>(type: T, condition: In<Int>, a: Expr<T>, b: Expr<T>): Expr<T> =>
  new Expr(`choose.${type}`, [int(condition), a, b]);
