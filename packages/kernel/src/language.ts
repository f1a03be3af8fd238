// The language that kernels are written in: typed scalar expressions over the elements of operands, inside counted
// loops, with stores and reductions. A kernel is a value: merging two kernels is substitution, and a translator
// (WebAssembly, WGSL, x86-64) turns it into code for a machine without knowing which operation it came from.
import type { ComputeType, DType } from "@weft/tensor";

/** The types of values in registers. An operand of another dtype is converted when it is loaded. */
export type Scalar = ComputeType;

/**
 * Functions of the language; the type of the operands chooses the instruction.
 * - `min`, `max`: IEEE 754-2019 minimum and maximum (NaN wins). `nearest`: half to even. `idiv`, `irem`: i32, toward
 *   zero; division by 0 gives 0. `shl`, `shrs`, `shru`: i32 by the constant in `imm`.
 * - `fma`: a*b+c, rounded once or twice (a translator takes what is fast).
 * - `eq … ge`: bool. Comparisons with NaN are false, `ne` true. `not`, `and`, `or`, `xor`: bool or i32 (bitwise).
 * - `select(mask, a, b)`. `bits`: f32 as i32; `float`: i32 as f32, bit for bit.
 * - `f32`, `f64`, `i32`, `bool`: conversions (i32 from a float: toward zero, saturating, NaN gives 0; bool: x != 0).
 * - `rem(m, a, b)`: the remainder of a / b rounded toward zero, exact. `turns(m, x)`, `rest(m, x)`: f32, x = turns·π/2
 *   + rest for any x, turns in 0…3, rest in [-π/4, π/4]. They are slow and run only where the mask m is set; the
 *   results elsewhere are undefined.
 * - all others exist in f64 only and may be calls of JavaScript's `Math`.
 */
export type Fn =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "abs"
  | "min"
  | "max"
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "nearest"
  | "fma"
  | "idiv"
  | "irem"
  | "shl"
  | "shrs"
  | "shru"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "not"
  | "and"
  | "or"
  | "xor"
  | "select"
  | "rem"
  | "turns"
  | "rest"
  | "bits"
  | "float"
  | "f32"
  | "f64"
  | "i32"
  | "bool"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "atanh"
  | "erf"
  | "pow"
  | "atan2";

/** Functions whose first operand is a mask of the lanes that need a result. */
export const masked: ReadonlySet<Fn> = new Set(["rem", "turns", "rest"]);

/** A value of a kernel: its index in `Kernel.code`. */
export type V = number;

export type Instruction =
  /** The element of operand `operand` at this iteration's index. */
  | { readonly kind: "load"; readonly operand: number; readonly type: Scalar }
  /** A number passed as an argument (a learning rate, a random counter). */
  | { readonly kind: "number"; readonly slot: number; readonly type: Scalar }
  | { readonly kind: "const"; readonly value: number; readonly type: Scalar }
  /** base + sum of index * stride over the loops, an i32: the position for `iota` and random counters. */
  | { readonly kind: "affine"; readonly operand: number; readonly type: "i32" }
  | {
      readonly kind: "apply";
      readonly fn: Fn;
      readonly args: readonly V[];
      readonly imm: number;
      readonly type: Scalar;
    };

/** How an operand moves along the loop that is cut into lanes: not at all, element by element, or by any stride. */
export type LaneStride = "still" | "unit" | "stride";

export interface KernelOperand {
  /** `index` operands have no memory: they are the numbers that `affine` yields. */
  readonly use: "read" | "write" | "index";
  readonly dtype: DType;
  /** Along the lane loop (`Kernel.lanes`). */
  readonly step: LaneStride;
}

export interface Reduction {
  readonly fn: "sum" | "max" | "min";
  readonly value: V;
  /** The operand that receives the result (its strides along reduced loops are not used). */
  readonly operand: number;
}

/**
 * Loops are listed outermost first; the last `reduced` of them are reduced. Sizes, strides, addresses and numbers are
 * arguments, so one kernel serves all shapes. `lanes` is the loop that is cut into SIMD lanes or threads: for a map the
 * last one; for a reduction the last reduced loop (sum along rows) or the last kept loop (sum of rows).
 */
export interface Kernel {
  /** Equal keys mean equal kernels. */
  readonly key: string;
  readonly rank: number;
  readonly reduced: number;
  readonly lanes: number;
  readonly operands: readonly KernelOperand[];
  /** Types of the number slots. */
  readonly numbers: readonly Scalar[];
  readonly code: readonly Instruction[];
  readonly stores: readonly { readonly operand: number; readonly value: V }[];
  readonly reductions: readonly Reduction[];
}

/**
 * Arguments of a launch, as 32-bit words: `begin` and `end` of loop 0, the sizes of loops 1…rank-1, then for each
 * operand its base (byte address; for an `index` operand the number) and one stride per loop (bytes; for `index`:
 * units), then each number in two words, starting at an even word (an f64 fills both, f32 and i32 the first). A kernel
 * of rank 0 has begin 0, end 1.
 */
export const layout = {
  begin: 0,
  end: 1,
  size: (loop: number): number => 1 + loop,
  operand: (k: Pick<Kernel, "rank">, operand: number): number => 1 + Math.max(k.rank, 1) + operand * (1 + k.rank),
  number: (k: Pick<Kernel, "rank" | "operands">, slot: number): number => {
    const end = 1 + Math.max(k.rank, 1) + k.operands.length * (1 + k.rank);
    return end + (end & 1) + 2 * slot;
  },
  words: (k: Pick<Kernel, "rank" | "operands" | "numbers">): number => layout.number(k, k.numbers.length),
} as const;

/** Builds the code of a kernel; equal instructions become one value. */
export class Builder {
  readonly code: Instruction[] = [];
  readonly #seen = new Map<string, V>();

  #value(key: string, make: () => Instruction): V {
    let v = this.#seen.get(key);
    if (v === undefined) {
      v = this.code.push(make()) - 1;
      this.#seen.set(key, v);
    }
    return v;
  }
  type(v: V): Scalar {
    return this.code[v]!.type;
  }
  load(operand: number, type: Scalar): V {
    return this.#value(`l${operand}${type}`, () => ({ kind: "load", operand, type }));
  }
  number(slot: number, type: Scalar): V {
    return this.#value(`n${slot}${type}`, () => ({ kind: "number", slot, type }));
  }
  affine(operand: number): V {
    return this.#value(`a${operand}`, () => ({ kind: "affine", operand, type: "i32" }));
  }
  const(value: number, type: Scalar): V {
    return this.#value(`c${Object.is(value, -0) ? "-0" : value}${type}`, () => ({ kind: "const", value, type }));
  }
  /** Applies a function; constants among the arguments get the type of the first value. */
  apply(fn: Fn, args: readonly (V | { readonly const: number })[], type: Scalar, imm = 0): V {
    const model = args.find((a): a is V => typeof a === "number");
    const values = args.map((a) =>
      typeof a === "number" ? a : this.const(a.const, model === undefined ? type : this.type(model)),
    );
    return this.#value(`${fn}${type}${imm}(${values.join()})`, () => ({ kind: "apply", fn, args: values, imm, type }));
  }
}

/** A kernel as text, for errors and debug logs. */
export function show(k: Kernel): string {
  const loops = Array.from(
    { length: k.rank },
    (_, i) => `${"ijklmnpq"[i] ?? `i${i}`}${i >= k.rank - k.reduced ? "*" : ""}`,
  );
  const name = (v: V): string => {
    const c = k.code[v]!;
    if (c.kind === "load") return `x${c.operand}`;
    if (c.kind === "number") return `n${c.slot}`;
    if (c.kind === "const") return `${c.value}`;
    if (c.kind === "affine") return `at${c.operand}`;
    return `v${v}`;
  };
  const lines = k.code.flatMap((c, v) =>
    c.kind === "apply"
      ? [`  v${v}: ${c.type} = ${c.fn}(${c.args.map(name).join(", ")}${c.imm ? `, ${c.imm}` : ""})`]
      : [],
  );
  const operands = k.operands
    .map((o, i) => `${o.use === "index" ? "at" : "x"}${i}: ${o.dtype} ${o.use} ${o.step}`)
    .join(", ");
  return [
    `kernel for [${loops.join(" ")}] lanes ${loops[k.lanes] ?? "-"} (${operands})`,
    ...lines,
    ...k.stores.map((s) => `  x${s.operand} = ${name(s.value)}`),
    ...k.reductions.map((r) => `  x${r.operand} = ${r.fn} of ${name(r.value)}`),
  ].join("\n");
}
