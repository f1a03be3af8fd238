// Random kernels with random launches in a small memory, for comparing translations with the interpreter.
import {
  Builder,
  layout,
  type Fn,
  type Kernel,
  type KernelOperand,
  type Reduction,
  type Scalar,
  type LaneStride,
  type V,
} from "@weft/kernel";
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { functionsOf, writeElement } from "./kernel-interpreter.ts";

export type Random = () => number;

/** Mulberry32. */
export function random(seed: number): Random {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const pick = <T>(r: Random, from: readonly T[]): T => from[Math.floor(r() * from.length)]!;

const special = [
  NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  1,
  -1,
  0.5,
  2.5,
  1e-40,
  3e38,
  65519,
  65520,
  2 ** 31,
  -(2 ** 31),
  1e10,
  255.9,
  -3,
  6e-8,
];
export const specialIntegers = [0, 1, -1, 2, -7, 255, 256, 2 ** 31 - 1, -(2 ** 31), 0x7fc00000, 1000003];

/** A value to store in memory of this dtype. */
function element(r: Random, dtype: DType): number {
  if (dtype === "bool") return Number(r() < 0.5);
  if (dtype === "u8") return Math.floor(r() * 256);
  if (dtype === "i32") return r() < 0.3 ? pick(r, specialIntegers) : Math.floor((r() - 0.5) * 200);
  return r() < 0.1 ? pick(r, special) : (r() - 0.5) * 10;
}

const unary: Fn[] = [
  "neg",
  "abs",
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "nearest",
  "not",
  "bits",
  "float",
  "f32",
  "f64",
  "i32",
  "bool",
  "shl",
  "shrs",
  "shru",
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "atanh",
  "erf",
];
const math = new Set<Fn>([...unary.slice(unary.indexOf("exp")), "pow", "atan2"]);
const compared = new Set<Fn>(["eq", "ne", "lt", "le", "gt", "ge"]);
const converted: { readonly [F in Fn]?: Scalar } = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  bool: "bool",
  bits: "i32",
  float: "f32",
};

export const arity = (fn: Fn): number => (unary.includes(fn) ? 1 : fn === "fma" || fn === "select" ? 3 : 2);
export const resultType = (fn: Fn, of: Scalar): Scalar => (compared.has(fn) ? "bool" : (converted[fn] ?? of));
/** The functions of the language for this type (`math` only in f64). */
export const functions = (of: Scalar, double: boolean): Fn[] =>
  functionsOf(of).filter(
    (fn) => (of === "f64" || !math.has(fn)) && (double || fn !== "f64") && !(of === "f64" && fn === "bits"),
  );

export interface Launch {
  readonly kernel: Kernel;
  readonly bytes: Uint8Array;
  /** Byte address of the arguments. */
  readonly args: number;
}

const noise = new Uint8Array(65536).map((_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);

/** A random kernel with a random launch; `bytes` is the memory before it (one page). */
export function randomLaunch(r: Random, double: boolean): Launch {
  const rank = pick(r, [0, 1, 1, 1, 2, 2, 3, 4]);
  const reduced = rank === 0 || r() < 0.5 ? 0 : 1 + Math.floor(r() * rank);
  const kept = rank - reduced;
  const lanes = reduced === 0 || kept === 0 || r() < 0.5 ? rank - 1 : kept - 1;
  const sizes = Array.from({ length: rank }, () => pick(r, [1, 3, 4, 5, 17, 64]));
  if (rank > 0 && r() < 0.05) sizes[Math.floor(r() * rank)] = 0;
  while (sizes.reduce((a, b) => a * Math.max(b, 1), 1) > 600) sizes[sizes.indexOf(Math.max(...sizes))]! >>= 1;
  const dtypes: DType[] = double
    ? ["f64", "f64", "f32", "i32", "bool", "u8", "f16", "bf16"]
    : ["f32", "f32", "f32", "i32", "bool", "u8", "f16", "bf16"];
  const bytes = noise.slice();
  const view = new DataView(bytes.buffer);

  // the code
  const operands: KernelOperand[] = [];
  const numbers: Scalar[] = [];
  const b = new Builder();
  const values: V[] = [];
  for (let i = 1 + Math.floor(r() * 4); i > 0; i--) {
    const dtype = pick(r, dtypes);
    operands.push({ use: "read", dtype, step: pick<LaneStride>(r, ["still", "unit", "unit", "unit", "stride"]) });
    values.push(b.load(operands.length - 1, dtype === "u8" && r() < 0.5 ? "i32" : dtypeInfo[dtype].compute));
  }
  if (r() < 0.4) {
    operands.push({ use: "index", dtype: "i32", step: pick<LaneStride>(r, ["still", "unit", "stride"]) });
    values.push(b.affine(operands.length - 1));
  }
  const types: Scalar[] = double ? ["f64", "f32", "i32", "bool"] : ["f32", "i32", "bool"];
  for (let i = Math.floor(r() * 3); i > 0; i--)
    values.push(b.number(numbers.push(pick(r, types)) - 1, numbers.at(-1)!));
  if (r() < 0.7) {
    const t = pick(r, types);
    values.push(
      b.const(
        t === "f64"
          ? pick(r, special)
          : t === "f32"
            ? Math.fround(pick(r, special))
            : t === "bool"
              ? 1
              : pick(r, specialIntegers),
        t,
      ),
    );
  }
  for (let i = Math.floor(r() * 12); i > 0; i--) {
    const a = pick(r, values.slice(-6));
    const of = b.type(a);
    const same = values.filter((v) => b.type(v) === of);
    const masks = values.filter((v) => b.type(v) === "bool");
    if (masks.length > 0 && r() < 0.2) values.push(b.apply("select", [pick(r, masks), a, pick(r, same)], of));
    else {
      const fn = pick(r, functions(of, double));
      const args = Array.from({ length: arity(fn) }, (_, j) => (j === 0 ? a : pick(r, same)));
      if (r() < 0.3) args.reverse();
      values.push(b.apply(fn, args, resultType(fn, of), fn.startsWith("sh") ? 1 + Math.floor(r() * 31) : 0));
    }
  }
  const stores: { operand: number; value: V }[] = [];
  const reductions: Reduction[] = [];
  const roots = 1 + Math.floor(r() * 3);
  for (let i = 0; i < roots; i++) {
    const value = i === 0 ? values.at(-1)! : pick(r, values);
    const type = b.type(value);
    if (reduced > 0 && (i === 0 || r() < 0.7)) {
      const fn = type === "bool" ? pick(r, ["max", "min"] as const) : pick(r, ["sum", "sum", "max", "min"] as const);
      operands.push({
        use: "write",
        dtype: type,
        step: lanes === rank - 1 ? "still" : pick<LaneStride>(r, ["unit", "unit", "stride"]),
      });
      reductions.push({ fn, value, operand: operands.length - 1 });
    } else {
      const dtype = r() < 0.5 ? type : pick(r, dtypes);
      operands.push({ use: "write", dtype, step: pick<LaneStride>(r, ["unit", "unit", "stride"]) });
      stores.push({ operand: operands.length - 1, value });
    }
  }
  const kernel: Kernel = { key: "random", rank, reduced, lanes, operands, numbers, code: b.code, stores, reductions };

  // the launch
  const args = 64;
  const words = new Int32Array(bytes.buffer, args, layout.words(kernel));
  words.fill(0x7abcdef);
  const [begin, end] =
    rank === 0 ? [0, 1] : r() < 0.6 ? [0, sizes[0]!] : [Math.floor(r() * (sizes[0]! + 1)), sizes[0]!];
  words[layout.begin] = begin;
  words[layout.end] = end;
  for (let l = 1; l < rank; l++) words[layout.size(l)] = sizes[l]!;
  let top = bytes.length; // the first operand ends where the memory ends
  operands.forEach((o, k) => {
    const at = layout.operand(kernel, k);
    const size = dtypeInfo[o.dtype].bytes;
    const result = reductions.some((x) => x.operand === k);
    const strides = Array.from({ length: rank }, (_, l) =>
      l === lanes && o.step === "still" ? 0 : Math.floor(r() * 7) - 3,
    );
    if (o.use === "write") {
      const loops = Array.from({ length: result ? kept : rank }, (_, l) => l);
      const order = loops.toSorted(() => r() - 0.5).filter((l) => l !== lanes);
      if (loops.includes(lanes)) {
        if (o.step === "unit") order.unshift(lanes);
        else order.splice(1, 0, lanes);
      }
      let distance = 1;
      for (const l of order) {
        const unit = l === lanes && o.step === "unit";
        if (!unit && r() < 0.3) distance *= 2;
        strides[l] = unit || r() < 0.7 ? distance : -distance;
        distance *= Math.max(sizes[l]!, 1);
      }
    } else if (o.step === "unit" && rank > 0) strides[lanes] = 1;
    if (o.use === "index") {
      words[at] = pick(r, specialIntegers);
      strides.forEach((s, l) => (words[at + 1 + l] = s));
      return;
    }
    const used = strides.filter((_, l) => !result || l < kept);
    let [low, high] = [0, 0];
    used.forEach((s, l) => {
      const reach = s * Math.max(sizes[l]! - 1, 0);
      low += Math.min(reach, 0);
      high += Math.max(reach, 0);
    });
    top -= (high - low + 1) * size;
    top -= top % size;
    words[at] = top - low * size;
    strides.forEach((s, l) => (words[at + 1 + l] = s * size));
    for (let i = 0; i <= high - low; i++) writeElement[o.dtype](view, top + i * size, element(r, o.dtype));
    top -= 16; // guard bytes between operands
  });
  if (top < 1024) throw new Error("the test's memory is too small");
  numbers.forEach((type, slot) =>
    writeElement[type === "bool" ? "i32" : type](view, args + 4 * layout.number(kernel, slot), element(r, type)),
  );
  return { kernel, bytes, args };
}
