// What a translator needs of the values that a kernel computes with: `vector.ts` holds four of them in a register,
// `scalar.ts` one.
import type { DType } from "@weft/tensor";
import type { Fn, Scalar } from "@weft/kernel";
import type { Expr, Func, I32, Type } from "../wasm/emitter.ts";

export type Address = Expr<typeof I32>;

/** Where the element (or the four elements) of an operand lies at this point of the loops. */
export type Site =
  /** One element, the same for all lanes. */
  | { readonly how: "still"; readonly at: Address }
  /** Elements side by side. */
  | { readonly how: "unit"; readonly at: Address; readonly offset: number }
  /** An address a lane; of the last one to three elements only as many as there are distinct addresses. */
  | { readonly how: "lanes"; readonly at: readonly Address[] };

/** What machines get from the function under construction. */
export interface Surroundings {
  readonly f: Func;
  readonly relaxed: boolean;
  /** Keeps a value (a vector unless said) that is used more than once in a local until the end of this round of the body. */
  hold(e: Expr, type?: Type): Expr;
  /** Calls a function of JavaScript's Math. */
  call(name: Fn, args: readonly Expr[]): Expr;
}

export interface Apply {
  readonly fn: Fn;
  /** The type that chooses the instruction: of the first argument that is not a mask. */
  readonly of: Scalar;
  readonly args: readonly Expr[];
  /** Constant arguments. */
  readonly known: readonly (number | undefined)[];
  readonly imm: number;
}

export interface InstructionSet {
  readonly width: 1 | 4;
  typeOf(s: Scalar): Type;
  constant(value: number, s: Scalar): Expr;
  /** A number argument at a byte offset behind `at`. */
  number(at: Address, offset: number, s: Scalar): Expr;
  load(dtype: DType, to: Scalar, site: Site): Expr;
  /** Writes an element (all lanes that the site has) of a value of type `from`. */
  store(dtype: DType, from: Scalar, value: Expr, site: Site): void;
  apply(a: Apply): Expr;
  accumulator(fn: "sum" | "max" | "min", of: Scalar): Accumulation;
}

/** How a reduction goes on in registers. */
export interface Accumulation {
  /** Types and first values of the locals that hold it. */
  readonly start: readonly { readonly type: Type; readonly value: Expr }[];
  step(acc: readonly Expr[], x: Expr): readonly Expr[];
  join(a: readonly Expr[], b: readonly Expr[]): readonly Expr[];
  value(acc: readonly Expr[]): Expr;
  /** Sums of many f32: partial sums move on to f64 before their rounding errors grow. */
  readonly wide: boolean;
}

export const unsupported = (fn: string, of: Scalar): never => {
  throw new TypeError(`translate: the kernel language has no ${fn} of ${of} on the CPU`);
};
