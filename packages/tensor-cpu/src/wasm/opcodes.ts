// The instructions of WebAssembly for what a machine of four lanes computes: a line an operation, with its number from
// the specification and what follows that number. What only this machine has is `four`.
import {
  Expr,
  I32,
  lift,
  rows,
  type F32,
  type In,
  type NumberType,
  type Op,
  type VECTOR,
  type VOID,
  type Words,
} from "@weft/kernel/machine";
import type { Bytes } from "./bytes.ts";

type Vector = Expr<typeof VECTOR>;
type Int = typeof I32;

/** Writes an operation whose operands have been written. */
export type Write = (code: Bytes, e: Expr) => void;

const number = (code: Bytes, op: number): void => {
  if (op < 0x100) return code.byte(op);
  const long = op < 0x10000 ? 8 : 16;
  code.byte(op >> long); // 0xfc or 0xfd, then the number in LEB128
  code.u(op & ((1 << long) - 1));
};
/** A number, and what follows it. */
const op =
  (opcode: number, rest?: Write): Write =>
  (code, e) => {
    number(code, opcode);
    rest?.(code, e);
  };
/** One operation as several. */
const sequence =
  (...steps: readonly Write[]): Write =>
  (code, e) => {
    for (const step of steps) step(code, e);
  };

const index: Write = (code, e) => code.u(e.imm);
/** The alignment is a hint: none is given. */
const place: Write = (code, e) => {
  code.byte(0);
  code.u(e.imm);
};
const lane: Write = (code, e) => code.byte(e.imm);
const bytes: Write = (code, e) => {
  for (const b of e.more) code.byte(b);
};
const placeAndLane = sequence(place, bytes);
const placeAndFirst: Write = (code, e) => {
  place(code, e);
  code.byte(0);
};
/** A constant in each lane. */
const times =
  (n: number, write: Write): Write =>
  (code, e) => {
    for (let i = 0; i < n; i++) write(code, e);
  };
const signed: Write = (code, e) => code.s(e.imm);
const word: Write = (code, e) => code.i32(e.imm);
const single: Write = (code, e) => code.f32(e.imm);
const wide: Write = (code, e) => code.f64(e.imm);
const words: Write = (code, e) => {
  for (const w of e.more) code.i32(w);
};
const ramp: Write = (code) => {
  for (const i of [0, 1, 2, 3]) code.i32(i);
};
/** The bytes of a vector from a lane on, counted around. */
const rotated: Write = (code, e) => {
  for (let i = 0; i < 16; i++) code.byte((i + 4 * e.imm) % 16);
};
const zero: Write = sequence(
  op(0xfd0c),
  times(16, (code) => code.byte(0)),
);
/** Operations that are numbered in a row. */
const row = <Family extends string, Names extends string>(family: Family, first: number, names: Names, rest?: Write) =>
  Object.fromEntries(names.split(" ").map((name, i) => [`${family}.${name}`, op(first + i, rest)])) as Record<
    `${Family}.${Words<Names>}`,
    Write
  >;

const narrow16 = sequence(zero, op(0xfd86)); // narrowed with zeros
const narrow8 = sequence(zero, op(0xfd66));

// oxfmt-ignore
export const opcodes: Record<Exclude<Op, `choose.${NumberType}`>, Write> = {
  local: op(0x20, index), tee: op(0x22, index), call: op(0x10, index), select: op(0x1b),

  "i32.const": op(0x41, signed), "i32.load": op(0x28, place), "i32.load8u": op(0x2d, place), "i32.load16u": op(0x2f, place),
  "i32.store": op(0x36, place), "i32.store8": op(0x3a, place), "i32.eqz": op(0x45),
  ...row("i32", 0x46, rows.intTests), ...row("i32", 0x6a, rows.int2),
  "i32.reinterpretF32": op(0xbc), "i32.truncSatF32": op(0xfc00), "i32.truncSatF64": op(0xfc02),
  "i64.load": op(0x29, place), "i64.store": op(0x37, place),

  "f32.const": op(0x43, single), "f32.load": op(0x2a, place), "f32.store": op(0x38, place),
  ...row("f32", 0x5b, rows.floatTests), ...row("f32", 0x8b, rows.float1), ...row("f32", 0x92, rows.float2),
  "f32.convertI32": op(0xb2), "f32.demoteF64": op(0xb6), "f32.reinterpretI32": op(0xbe),
  "f64.const": op(0x44, wide), "f64.load": op(0x2b, place), "f64.store": op(0x39, place),
  ...row("f64", 0x61, rows.floatTests), ...row("f64", 0x99, rows.float1), ...row("f64", 0xa0, rows.float2),
  "f64.convertI32": op(0xb7), "f64.promoteF32": op(0xbb),

  "lanes.load": op(0xfd00, place), "lanes.store": op(0xfd0b, place), "lanes.loadSplat": op(0xfd09, place),
  "lanes.load16": op(0xfd04, place), "lanes.load8": sequence(op(0xfd5c, place), op(0xfd89), op(0xfda9)),
  "lanes.loadFirst": op(0xfd5c, place), "lanes.storeFirst": op(0xfd5a, placeAndFirst),
  "lanes.store16": sequence(narrow16, op(0xfd5b, placeAndFirst)),
  "lanes.store8": sequence(narrow16, narrow8, op(0xfd5a, placeAndFirst)),
  "lanes.not": op(0xfd4d), ...row("lanes", 0xfd4e, rows.bits), "lanes.any": op(0xfd53),
  "lanes.bitselect": op(0xfd52), "lanes.blend": op(0xfd010b),
  "lanes.rotate": sequence(op(0xfd0c, rotated), op(0xfd0e)),

  "ints.const": op(0xfd0c, times(4, word)), "ints.ramp": op(0xfd0c, ramp), "ints.splat": op(0xfd11), ...row("ints", 0xfd37, rows.intTests),
  "ints.abs": op(0xfda0), "ints.neg": op(0xfda1), ...row("ints", 0xfdab, rows.shifts),
  "ints.add": op(0xfdae), "ints.sub": op(0xfdb1), "ints.mul": op(0xfdb5), "ints.minS": op(0xfdb6), "ints.maxS": op(0xfdb8),
  "ints.truncSatFloats": op(0xfdf8), "ints.ofDoubles": op(0xfdfc),
  "floats.const": op(0xfd0c, times(4, single)), "floats.splat": op(0xfd13), "floats.first": op(0xfd1f, lane),
  ...row("floats", 0xfd41, rows.floatTests), ...row("floats", 0xfd67, rows.rounding),
  "floats.abs": op(0xfde0), "floats.neg": op(0xfde1), "floats.sqrt": op(0xfde3), ...row("floats", 0xfde4, rows.floats2),
  "floats.convertInts": op(0xfdfa), "floats.madd": op(0xfd0105), "floats.ofDoubles": op(0xfd5e),
  "doubles.const": op(0xfd0c, times(2, wide)), "doubles.add": op(0xfdf0), "doubles.div": op(0xfdf3),
  "doubles.ofInts": op(0xfdfe), "doubles.ofFloats": op(0xfd5f),
};

const loadLane =
  (name: string) =>
  (address: In<Int>, into: Vector, lane: number, offset = 0): Vector =>
    new Expr(name, [lift.int(address), into], offset, [lane]);
const storeLane =
  (name: string) =>
  (address: In<Int>, from: Vector, lane: number, offset = 0): Expr<typeof VOID> =>
    new Expr(name, [lift.int(address), from], offset, [lane]);

/** What only a machine of four lanes has. */
export const four = {
  const: (lanes: readonly [number, number, number, number]): Vector => new Expr("four.const", [], 0, lanes),
  /** Four lanes of the eight of `a` and `b`. */
  shuffle: (a: Vector, b: Vector, from: readonly number[]): Vector =>
    new Expr(
      "four.shuffle",
      [a, b],
      0,
      from.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]),
    ),
  extract: (a: Vector, lane: number): Expr<typeof F32> => new Expr("four.extract", [a], lane),
  replaceInt: (a: Vector, lane: number, value: In<Int>): Vector =>
    new Expr("four.replaceInt", [a, lift.int(value)], lane),
  replaceFloat: (a: Vector, lane: number, value: Expr<typeof F32>): Vector =>
    new Expr("four.replaceFloat", [a, value], lane),
  load8: loadLane("four.load8"),
  load16: loadLane("four.load16"),
  load32: loadLane("four.load32"),
  load64: (address: In<Int>, offset = 0): Vector => new Expr("four.load64", [lift.int(address)], offset),
  store8: storeLane("four.store8"),
  store16: storeLane("four.store16"),
  store32: storeLane("four.store32"),
  store64: storeLane("four.store64"),
} as const;

export const opcodesOfFour: Record<`four.${keyof typeof four}`, Write> = {
  "four.const": op(0xfd0c, words),
  "four.shuffle": op(0xfd0d, bytes),
  "four.extract": op(0xfd1f, lane),
  "four.replaceInt": op(0xfd1c, lane),
  "four.replaceFloat": op(0xfd20, lane),
  "four.load8": op(0xfd54, placeAndLane),
  "four.load16": op(0xfd55, placeAndLane),
  "four.load32": op(0xfd56, placeAndLane),
  "four.load64": op(0xfd5d, place),
  "four.store8": op(0xfd58, placeAndLane),
  "four.store16": op(0xfd59, placeAndLane),
  "four.store32": op(0xfd5a, placeAndLane),
  "four.store64": op(0xfd5b, placeAndLane),
};
