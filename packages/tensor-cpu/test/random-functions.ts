// Random functions for machines: locals of every type, loops, branches, jumps, calls, recursion, and locals that are set
// within expressions. What they compute does not depend on how many lanes a vector has, nor on the bits of a NaN.
import {
  F32, F64, I32, I64, VECTOR, choose, f32, f64, floats, i32, i64, ints, lanes, select,
  type Expr, type Func, type Local, type Module, type Type, type VOID,
} from "@weft/kernel/machine"; // prettier-ignore
import { random, type Random } from "./random-kernel.ts";

/** Random numbers that are read, integers that are written and read, and the results of main, a function after the other. */
export const memory = { input: 0, inputs: 1024, scratch: 1024, results: 2048, bytes: 1 << 17 } as const;

type F = Func<typeof VOID>;
type Int = Expr<typeof I32>;
type Vector = Expr<typeof VECTOR>;
type Real<T extends typeof F32 | typeof F64> = Expr<T>;
const types = [I32, I64, F32, F64, VECTOR] as const;
type Numeric = (typeof types)[number];
const bytesOf = { [I32]: 4, [I64]: 8, [F32]: 4, [F64]: 8, [VECTOR]: 64 } as const;

const someInts = [0, 1, -1, 2, 5, 31, 255, 65_537, -100, 2 ** 31 - 1, -(2 ** 31)];
const someReals = [0, -0, 1, -1, 0.5, -2.5, 3.75, 1e9, -1e10, 2 ** 31, Infinity, NaN];

/** Where a function leaves one of its locals. */
export interface Result {
  readonly type: Numeric;
  readonly at: number;
}

/** What machines have that WebAssembly does in another way. */
export interface Lanes {
  load(address: Int, n: Int, offset: number): Vector;
  store(address: Int, value: Vector, n: Int): Expr<typeof VOID>;
  blend(a: Vector, b: Vector, mask: Vector): Vector;
}

/** How many integers each function takes: the first says how deep it may call itself. */
export const parameters = 6;

/** Writes functions of which the first is called `main`; where they leave what. */
export function writeProgram(module: Module, seed: number, lanesOf: Lanes): Result[] {
  const r = random(seed);
  const below = (n: number): number => Math.floor(r() * n);
  const count = 1 + below(3);
  const functions = Array.from({ length: count }, (_, i) =>
    module.func(i === 0 ? "main" : "", Array<typeof I32>(parameters).fill(I32)),
  );
  // They are called in the order of these numbers, which is not that in which they are written.
  const ranks = functions.map((_, i) => (i === 0 ? 0 : r()));
  return (r() < 0.5 ? functions : functions.toReversed()).flatMap((f) => {
    const callees = functions.filter((_, i) => ranks[i]! > ranks[functions.indexOf(f)]!);
    return new Program(f, r, lanesOf, callees, memory.results + 32_768 * functions.indexOf(f)).write();
  });
}

class Program {
  readonly #f: F;
  readonly #r: Random;
  readonly #lanesOf: Lanes;
  readonly #callees: readonly F[];
  readonly #left: Result[] = [];
  #results: number;
  readonly #locals: { readonly [T in Numeric]: Local<T>[] } = {
    [I32]: [],
    [I64]: [],
    [F32]: [],
    [F64]: [],
    [VECTOR]: [],
  };
  /** Loops around, and calls that are left. */
  #loops = 0;
  #calls = 3;

  constructor(f: F, r: Random, lanesOf: Lanes, callees: readonly F[], results: number) {
    this.#f = f;
    this.#r = r;
    this.#lanesOf = lanesOf;
    this.#callees = callees;
    this.#results = results;
  }

  write(): Result[] {
    const f = this.#f;
    const many = this.#below(4) === 0 ? 30 : 6;
    // Some parameters are needed at the beginning only, others are written first.
    for (let i = 1; i < parameters; i++)
      if (this.#below(3) === 0) this.#result(I32, f.param(i, I32));
      else this.#locals[I32].push(f.param(i, I32));
    for (const type of types)
      for (let i = this.#below(many) + 1; i > 0; i--) (this.#locals[type] as Local[]).push(f.local<Type>(type));
    // Some begin with what they are given, others as 0.
    for (const type of types)
      for (const local of this.#locals[type]) if (this.#below(3) > 0) f.set<Type>(local, this.#of(type, 2));
    this.#statements(4 + this.#below(12), 3);
    this.#leave();
    return this.#left;
  }
  /** Stores some locals: others are needed nowhere afterwards. */
  #leave(): void {
    const share = this.#r();
    for (const type of types) for (const local of this.#locals[type]) if (this.#r() < share) this.#result(type, local);
  }
  #result(type: Numeric, local: Local): void {
    const store = { [I32]: i32, [I64]: i64, [F32]: f32, [F64]: f64, [VECTOR]: lanes }[type].store;
    this.#f.do((store as (address: number, value: Expr) => Expr<typeof VOID>)(this.#slot(type), local));
  }
  /** Where the next result is left. */
  #slot(type: Numeric): number {
    const at = Math.ceil(this.#results / bytesOf[type]) * bytesOf[type];
    this.#left.push({ type, at });
    this.#results = at + bytesOf[type];
    return at;
  }

  #below(n: number): number {
    return Math.floor(this.#r() * n);
  }
  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }
  #one<T>(...ways: readonly (() => T)[]): T {
    return this.#pick(ways)();
  }

  #statements(count: number, depth: number): void {
    for (let i = 0; i < count; i++) this.#statement(depth);
  }
  #statement(depth: number): void {
    const f = this.#f;
    const which = this.#below(depth > 0 ? 17 : 9);
    if (which < 7) {
      const type = this.#pick(types);
      f.set<Type>(this.#pick<Local>(this.#locals[type]), this.#of(type, 1 + this.#below(5)));
    } else if (which === 7) f.do(i32.store(this.#scratch(), this.#int(3), memory.scratch));
    else if (which === 8) f.do(i32.store8(this.#scratch(), this.#int(3), memory.scratch));
    else if (which < 11)
      f.if(this.#int(3), () => this.#statements(1 + this.#below(3), depth - 1), this.#below(2) === 0 ? undefined : () => this.#statements(2, depth - 1));
    else if (which === 11)
      f.block((end) => {
        this.#statements(1 + this.#below(2), depth - 1);
        if (this.#below(2) === 0) f.brIf(end, this.#int(2));
        else f.if(this.#int(2), () => (this.#statements(1, 0), f.br(end)));
        this.#statements(1 + this.#below(2), depth - 1);
      });
    else if (which < 14 && this.#loops < 2) {
      this.#loops++;
      if (this.#below(2) === 0) f.times(f.let(I32, 1 + this.#below(3)), () => this.#statements(1 + this.#below(4), depth - 1));
      else f.for(f.let(I32, 0), i32.and(this.#int(1), 3), 1, () => this.#statements(1 + this.#below(4), depth - 1));
      this.#loops--;
    } else if (which === 14 && this.#calls > 0) this.#call();
    else if (which === 15) f.do(this.#lanesOf.store(i32.const(this.#slot(VECTOR)), this.#vector(3), this.#int(2)));
    else f.if(i32.eq(this.#int(2), this.#int(1)), () => {
      this.#leave();
      f.return();
    });
  } // prettier-ignore
  #call(): void {
    this.#calls--;
    const f = this.#f;
    const fuel = f.param(0, I32);
    const callee = this.#pick([f, ...this.#callees]);
    // Calls of itself are not within loops: there would be too many.
    if (callee !== f) f.do(callee.call(0, ...this.#arguments()));
    else if (this.#loops === 0) f.if(i32.gtS(fuel, 0), () => f.do(f.call(i32.sub(fuel, 1), ...this.#arguments())));
  }

  #arguments(): Int[] {
    return Array.from({ length: parameters - 1 }, () => this.#int(2));
  }
  #scratch(): Int {
    return i32.and(this.#int(2), 508);
  }
  #of(type: Numeric, depth: number): Expr {
    if (type === I32) return this.#int(depth);
    if (type === I64) return this.#long(depth);
    return type === VECTOR ? this.#vector(depth) : type === F32 ? this.#single(depth) : this.#double(depth);
  }
  #tee<T extends Numeric>(type: T, value: Expr<T>): Expr<T> {
    return this.#f.tee<T>(this.#pick(this.#locals[type] as readonly Local<T>[]), value);
  }

  #int(depth: number): Int {
    const d = depth - 1;
    if (depth <= 0) return this.#one<Int>(() => i32.const(this.#pick(someInts)), () => this.#pick(this.#locals[I32]), () => this.#pick(this.#locals[I32]));
    const int = (): Int => this.#int(d);
    const divisor = (): Int => i32.add(i32.and(int(), 0xffff), 1);
    return this.#one<Int>(
      () => this.#int(0),
      () => this.#tee(I32, int()),
      () => i32[this.#pick(["add", "sub", "mul", "and", "or", "xor", "shl", "shrS", "shrU"] as const)](int(), int()),
      () => i32[this.#pick(["add", "sub", "mul", "and", "or", "xor", "shl", "shrS", "shrU"] as const)](int(), int()),
      () => i32[this.#pick(["eq", "ne", "ltS", "ltU", "gtS", "gtU", "leS", "leU", "geS", "geU"] as const)](int(), int()),
      () => i32[this.#pick(["divS", "divU", "remS", "remU"] as const)](int(), divisor()),
      () => i32.eqz(int()),
      () => i32.load(i32.and(int(), 1020), memory.input),
      () => i32[this.#pick(["load", "load8u", "load16u"] as const)](i32.and(int(), 508), memory.scratch),
      () => this.#compared(f32, this.#single(d), this.#single(d)),
      () => this.#compared(f64, this.#double(d), this.#double(d)),
      () => i32.truncSatF32(this.#single(d)),
      () => i32.truncSatF64(this.#double(d)),
      () => lanes.any(ints.splat(int())),
      () => select(int(), int(), int()),
      () => choose(I32, int(), int(), int()),
    );
  } // prettier-ignore
  #compared<T extends typeof F32 | typeof F64>(family: Record<"eq" | "ne" | "lt" | "gt" | "le" | "ge", (a: Real<T>, b: Real<T>) => Int>, a: Real<T>, b: Real<T>): Int {
    return family[this.#pick(["eq", "ne", "lt", "gt", "le", "ge"] as const)](a, b);
  } // prettier-ignore
  #long(depth: number): Expr<typeof I64> {
    const d = depth - 1;
    if (depth <= 0) return this.#pick(this.#locals[I64]);
    return this.#one<Expr<typeof I64>>(
      () => i64.load(i32.and(this.#int(d), 1016), memory.input),
      () => this.#tee(I64, this.#long(d)),
      () => select(this.#int(d), this.#long(d), this.#long(d)),
    );
  }
  #single(depth: number): Real<typeof F32> {
    const d = depth - 1;
    if (depth <= 0) return this.#one<Real<typeof F32>>(() => f32.const(Math.fround(this.#pick(someReals))), () => this.#pick(this.#locals[F32]));
    const x = (): Real<typeof F32> => this.#single(d);
    return this.#one<Real<typeof F32>>(
      () => this.#single(0),
      () => this.#tee(F32, x()),
      () => f32[this.#pick(["add", "sub", "mul", "div", "min", "max"] as const)](x(), x()),
      () => f32[this.#pick(["add", "sub", "mul", "div", "min", "max"] as const)](x(), x()),
      () => f32[this.#pick(["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"] as const)](x()),
      () => f32.convertI32(this.#int(d)),
      () => f32.demoteF64(this.#double(d)),
      () => f32.reinterpretI32(i32.and(this.#int(d), 0x3fff_ffff)),
      () => floats.first(floats.convertInts(this.#vector(d))),
      () => select(this.#int(d), x(), x()),
      () => choose(F32, this.#int(d), x(), x()),
    );
  } // prettier-ignore
  #double(depth: number): Real<typeof F64> {
    const d = depth - 1;
    if (depth <= 0) return this.#one<Real<typeof F64>>(() => f64.const(this.#pick(someReals)), () => this.#pick(this.#locals[F64]));
    const x = (): Real<typeof F64> => this.#double(d);
    return this.#one<Real<typeof F64>>(
      () => this.#double(0),
      () => this.#tee(F64, x()),
      () => f64[this.#pick(["add", "sub", "mul", "div", "min", "max"] as const)](x(), x()),
      () => f64[this.#pick(["add", "sub", "mul", "div", "min", "max"] as const)](x(), x()),
      () => f64[this.#pick(["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"] as const)](x()),
      () => f64.convertI32(this.#int(d)),
      () => f64.promoteF32(this.#single(d)),
      () => select(this.#int(d), x(), x()),
      () => choose(F64, this.#int(d), x(), x()),
    );
  } // prettier-ignore
  #vector(depth: number): Vector {
    const d = depth - 1;
    if (depth <= 0) return this.#one<Vector>(() => ints.const(this.#pick(someInts)), () => this.#pick(this.#locals[VECTOR]), () => this.#pick(this.#locals[VECTOR]));
    const x = (): Vector => this.#vector(d);
    const real = (): Vector => floats.convertInts(x());
    return this.#one<Vector>(
      () => this.#vector(0),
      () => this.#tee(VECTOR, x()),
      () => ints.ramp(),
      () => ints.splat(this.#int(d)),
      () => lanes.load(i32.and(this.#int(d), 508), memory.input),
      () => lanes.loadSplat(i32.and(this.#int(d), 1020), memory.input),
      () => lanes.load16(i32.and(this.#int(d), 508), memory.input),
      () => ints[this.#pick(["add", "sub", "mul", "minS", "maxS"] as const)](x(), x()),
      () => lanes[this.#pick(["and", "andnot", "or", "xor"] as const)](x(), x()),
      () => ints[this.#pick(["eq", "ne", "ltS", "ltU", "gtS", "gtU", "leS", "leU", "geS", "geU"] as const)](x(), x()),
      () => this.#one<Vector>(() => lanes.not(x()), () => ints.abs(x()), () => ints.neg(x())),
      () => ints[this.#pick(["shl", "shrS", "shrU"] as const)](x(), this.#int(d)),
      () => ints.truncSatFloats(floats[this.#pick(["add", "sub", "mul", "div", "min", "max", "pmin", "pmax"] as const)](real(), real())),
      () => ints.truncSatFloats(floats.sqrt(real())),
      () => floats[this.#pick(["eq", "ne", "lt", "gt", "le", "ge"] as const)](real(), real()),
      () => ints.truncSatFloats(floats.splat(this.#single(d))),
      () => lanes.bitselect(x(), x(), x()),
      () => this.#lanesOf.blend(x(), x(), ints.ltS(x(), x())),
      () => this.#lanesOf.load(i32.and(this.#int(d), 508), this.#int(d), memory.input),
      () => select(this.#int(d), x(), x()),
    );
  } // prettier-ignore
}
