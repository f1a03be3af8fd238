// How each dtype lies in memory and becomes what it is computed in: one complete table, for four lanes and for one
// number.
import type { DType } from "@weft/tensor";
import {
  four,
  f32,
  floats,
  f64,
  i32,
  ints,
  lanes,
  type Expr,
  type F32,
  type I32,
  type NumberType,
  type VECTOR,
  type VOID,
} from "../wasm/emitter.ts";
import { bfloat, half } from "./narrow-floats.ts";

type Int = Expr<typeof I32>;
type Vector = Expr<typeof VECTOR>;
/** Keeps a vector that is used more than once. */
type Hold = (e: Vector) => Vector;

/** Four elements in a register. */
interface Lanes {
  /** Their values, from 32-bit lanes of which the bits above an element are 0. */
  load(raw: Vector, hold: Hold): Vector;
  /** Such lanes, from values. */
  store(value: Vector, hold: Hold): Vector;
}

interface StorageForm {
  /** Undefined where four do not fit into a register. */
  readonly lanes: Lanes | undefined;
  /** The value of the one element at an address. */
  load(at: Int, hold: Hold): Expr<NumberType>;
  store(at: Int, value: Expr<NumberType>, hold: Hold): Expr<typeof VOID>;
  /** The view of memory that has its elements. */
  readonly view: "f32" | "f64" | "i32" | "u8" | "u16";
}

const asItIs: Lanes = { load: (raw) => raw, store: (value) => value };
const mask: Lanes = {
  load: (raw) => ints.ne(raw, ints.const(0)),
  store: (value) => lanes.and(value, ints.const(1)),
};
const byte: Lanes = {
  load: floats.convertInts,
  store: (value) => ints.minS(ints.maxS(ints.truncSatFloats(value), ints.const(0)), ints.const(255)),
};

/** Dtypes computed in f32 and stored in fewer bits: a single element is converted in lanes, too. */
const narrow = (view: "u8" | "u16", lanes: Lanes): StorageForm => {
  const [load, store] = view === "u8" ? [i32.load8u, four.store8] : [i32.load16u, four.store16];
  return {
    lanes,
    load: (at, hold) => floats.first(lanes.load(ints.splat(load(at)), hold)),
    store: (at, value: Expr<typeof F32>, hold) => store(at, lanes.store(floats.splat(value), hold), 0),
    view,
  };
};

/** Dtypes that are computed in as they are stored. */
const plain = <T extends NumberType>(
  view: "f32" | "f64" | "i32",
  code: { load(at: Int): Expr<T>; store(at: Int, value: Expr<T>): Expr<typeof VOID> },
  lanes: Lanes | undefined,
): StorageForm => ({
  lanes,
  load: (at) => code.load(at),
  store: (at, value: Expr<T>) => code.store(at, value),
  view,
});

export const storage: Record<DType, StorageForm> = {
  f32: plain("f32", f32, asItIs),
  f64: plain("f64", f64, undefined),
  i32: plain("i32", i32, asItIs),
  bool: { lanes: mask, load: (at) => i32.ne(i32.load8u(at), 0), store: (at, x: Int) => i32.store8(at, x), view: "u8" },
  u8: narrow("u8", byte),
  f16: narrow("u16", half),
  bf16: narrow("u16", bfloat),
};
