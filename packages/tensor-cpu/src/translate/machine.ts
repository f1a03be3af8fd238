// What a translator needs of the values that a kernel computes with: `vector.ts` holds a lane each in a register,
// `scalar.ts` one.
import type { DType } from "@weft/tensor";
import type { Fn, Reduction, Scalar } from "@weft/kernel";
import type { Expr, F64, Func, I32, Machine, NumberType, VECTOR } from "../wasm/emitter.ts";

export type Address = Expr<typeof I32>;

/** Where the element (or those of all lanes) of an operand lies at this point of the loops. */
export type Site =
  /** One element, the same for all lanes. */
  | { readonly how: "still"; readonly at: Address }
  /** Elements side by side. */
  | { readonly how: "unit"; readonly at: Address; readonly offset: number }
  /** Elements side by side, of the first `count` lanes alone: where the target has `partial`. */
  | { readonly how: "first"; readonly at: Address; readonly count: Expr<typeof I32> }
  /** One address per lane; for the last one to three elements only the distinct addresses. */
  | { readonly how: "lanes"; readonly at: readonly Address[] };

/** The numbers of an `index` operand at this point of the loops. */
export interface Count {
  /** The number of the first lane. */
  readonly at: Expr<typeof I32>;
  /** What the lanes add to it, unless it is the same for all. */
  readonly lanes: Expr<typeof VECTOR> | undefined;
}

/** The types of what a kernel computes with. */
export type ValueType = NumberType | typeof VECTOR;

/** Keeps a value that is used more than once in a local until the end of this round of the body. */
type Hold = <T extends ValueType>(e: Expr<T>, type: T) => Expr<T>;

/** What machines get from the function under construction. */
export interface FunctionScope {
  readonly f: Func;
  /** What the code is written for. */
  readonly target: Machine;
  readonly hold: Hold;
  /** Calls a function of JavaScript's Math. */
  call(name: Fn, args: readonly Expr[]): Expr<typeof F64>;
}

export interface Apply<T extends ValueType> {
  readonly fn: Fn;
  /** The type that chooses the instruction: of the first argument that is not a mask. */
  readonly of: Scalar;
  readonly args: readonly Expr<T>[];
  /** Constant arguments. */
  readonly known: readonly (number | undefined)[];
  readonly imm: number;
}

/** A machine whose values have types `T` of WebAssembly. */
export interface InstructionSet<T extends ValueType> {
  /** Values in a register. */
  readonly width: number;
  typeOf(s: Scalar): T;
  constant(value: number, s: Scalar): Expr<T>;
  /** A number argument at a byte offset behind `at`. */
  number(at: Address, offset: number, s: Scalar): Expr<T>;
  index(count: Count): Expr<T>;
  load(dtype: DType, to: Scalar, site: Site): Expr<T>;
  /** Writes an element (all lanes that the site has) of a value of type `from`. */
  store(dtype: DType, from: Scalar, value: Expr<T>, site: Site): void;
  apply(a: Apply<T>): Expr<T>;
  /** `byLane`: each lane has a result of its own. */
  accumulator(fn: Reduction["fn"], of: Scalar, byLane: boolean): Accumulator<T>;
}

/** A reduction in registers. */
export interface Accumulator<T extends ValueType> {
  /** Whether sums of many f32 move on to f64 before their rounding errors grow: `flush` from time to time. */
  readonly wide: boolean;
  start(vectors: number): void;
  /** Takes in a value of register `u`, of the lanes in the mask. */
  add(u: number, x: Expr<T>, mask?: Expr<typeof VECTOR>): void;
  /** Moves what the registers hold into the totals. */
  flush(): void;
  /** The result of all lanes, in lane 0. */
  folded(): Expr<T>;
  /** The results of the lanes of register `u`; call `flush` before if `wide`. */
  lanes(u: number): Expr<T>;
}

export const unsupported = (fn: string, of: Scalar): never => {
  throw new TypeError(`translate: the kernel language has no ${fn} of ${of} on the CPU`);
};
