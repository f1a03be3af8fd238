// One form of an instruction: its operands, in the order of Intel's manual, and the numbers that its encoding has.
import type { General, Label, Mask, Masking, Memory, Vector, cl } from "./operands.ts";

/** What the processor, and the system that saves its registers, must have for an instruction. */
export type Feature =
  | "avx"
  | "avx2"
  | "fma"
  | "f16c"
  | "bmi1"
  | "bmi2"
  | "lzcnt"
  | "popcnt"
  | "avx512f"
  | "avx512dq"
  | "avx512bw"
  | "avx512vl";

/** The conditions of `jcc`, `setcc` and `cmovcc`, with their numbers. */
export const conditions = {
  o: 0, no: 1, b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, s: 8, ns: 9, p: 10, np: 11, l: 12, ge: 13, le: 14, g: 15,
} as const; // prettier-ignore
export type Condition = keyof typeof conditions;

/** Each kind of operand by its letter. */
interface Kinds {
  /** A general register; its size is that of the operation. */
  g: General;
  /** A general register of 32 bits. */
  d: General<32>;
  /** A general register of 64 bits. */
  p: General<64>;
  /** The lowest 8 bits of a general register. */
  b: General;
  /** The lowest 16 bits of a general register. */
  w: General;
  /** A vector as wide as the operation; half, a quarter, an eighth of that (at least 128 bits); 128 and 256 bits. */
  v: Vector;
  h: Vector;
  q: Vector;
  e: Vector;
  x: Vector;
  y: Vector;
  k: Mask;
  /** Memory alone. */
  m: never;
  /** Memory at several indices, as many as elements; and with a vector of half the width for the indices. */
  z: never;
  j: never;
}
export type Kind = keyof Kinds;

/** Immediate numbers: 8 bits of either sign, 8 and 32 bits that are extended by their sign, 32 without one, 64. */
type Immediate = "ib" | "is" | "id" | "iu" | "iq";

/**
 * The type of an operand by its token: where it is encoded, and its kind. R is the field `reg`, V is `vvvv`, M is `rm`
 * (a register or memory), N is `rm` with a register alone, O the lowest bits of the opcode, I the upper half of a byte
 * at the end. C is a condition in the opcode, L a label that is jumped to, `cl` itself.
 */
type OperandOf<T extends string> = T extends "cl"
  ? typeof cl
  : T extends "C"
    ? Condition
    : T extends "L"
      ? Label
      : T extends "iq"
        ? number | bigint
        : T extends Immediate
          ? number
          : T extends `M${infer K extends Kind}`
            ? Kinds[K] | Memory
            : T extends `${"R" | "V" | "N" | "O" | "I"}${infer K extends Kind}`
              ? Kinds[K]
              : never;

type Each<S extends string> = S extends ""
  ? []
  : S extends `${infer Head} ${infer Tail}`
    ? [OperandOf<Head>, ...Each<Tail>]
    : [OperandOf<S>];

/** What is passed for a row; instructions of AVX-512 may end with a mask. */
export type OperandsOf<R> =
  R extends Row<infer S, infer Encoding>
    ? Encoding extends "evex"
      ? [...Each<S>, masking?: Masking]
      : Each<S>
    : never;

export type Operand = General | Vector | Mask | Memory | Label | number | bigint | string;

export interface Slot {
  readonly where: "R" | "V" | "M" | "N" | "O" | "I" | "C" | "L" | "cl" | "imm";
  readonly kind: Kind | Immediate | "";
}

/**
 * How many bytes a displacement of 8 bits counts in AVX-512, and what may be broadcast: a whole vector, whose elements
 * of 32 or 64 bits may be one (`b32`, `b64`), or not (`full`); half a vector, of 32 bits each or not; a quarter, an
 * eighth; a number of bytes.
 */
export type Tuple = "b32" | "b64" | "full" | "h32" | "half" | "quarter" | "eighth" | 1 | 2 | 4 | 8 | 16 | 32;

/** "legacy" is what came before vectors; VEX has 16 vector registers of up to 256 bits, EVEX 32 of up to 512. */
export type Encoding = "legacy" | "vex" | "evex";

export interface Row<S extends string = string, E extends Encoding = Encoding> {
  readonly operands: S;
  readonly encoding: E;
  readonly slots: readonly Slot[];
  /** 0, or 0x66, 0xf3, 0xf2 as they are encoded in VEX: 1, 2, 3. */
  readonly prefix: number;
  /** 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A. */
  readonly map: number;
  /** The bit W; undefined: that of the general registers. */
  readonly w: 0 | 1 | undefined;
  readonly opcode: number;
  /** The opcode goes on in the field `reg`. */
  readonly extension: number | undefined;
  readonly needs: readonly Feature[];
  readonly tuple: Tuple;
  readonly narrowest: number;
  readonly widest: number;
  /** Its vectors have the width of the operation; else that is 128 bits, or there are none. */
  readonly vectors: boolean;
  /** The bit L of instructions without vectors. */
  readonly l: 0 | 1;
  /** There is a byte with operands; jumps and `ret` have none. */
  readonly modrm: boolean;
  /** Gathers need a mask, which is what they go on with; what has no elements takes none. */
  readonly masked: "always" | "never" | "may";
  /** General registers that it writes without naming them, and that a caller wants back: a bit each. */
  readonly clobbers: number;
}

export interface Options {
  readonly ext?: number;
  readonly from?: number;
  readonly to?: number;
  readonly l?: 0 | 1;
  readonly masked?: "always" | "never";
  readonly w?: 0 | 1;
  readonly clobbers?: number;
}

type Prefix = "np" | "66" | "f3" | "f2";
/** `wg`: 0 in VEX, where it means nothing, and 1 in EVEX. `wr`: that of the general registers. */
type Spec = `${Prefix}.${"0f" | "0f38" | "0f3a"}.${"w0" | "w1" | "wg" | "wr"}`;

const prefixes = ["np", "66", "f3", "f2"];
const maps = ["", "0f", "0f38", "0f3a"];

const slotOf = (token: string): Slot => {
  if (token === "cl" || token === "C" || token === "L") return { where: token, kind: "" };
  if (token[0] === "i") return { where: "imm", kind: token as Immediate };
  return { where: token[0] as Slot["where"], kind: token[1] as Kind };
};

function row<S extends string, E extends Encoding>(
  operands: S,
  encoding: E,
  [prefix, map, w]: readonly string[],
  opcode: number,
  needs: readonly Feature[],
  tuple: Tuple,
  { ext, from = 128, to = encoding === "vex" ? 256 : 512, l = 0, masked, w: fixed, clobbers = 0 }: Options,
): Row<S, E> {
  const slots = operands === "" ? [] : operands.split(" ").map(slotOf);
  const bits = { w0: 0, w1: 1, wg: encoding === "evex" ? 1 : 0, wr: undefined } as const;
  return {
    operands,
    encoding,
    slots,
    prefix: prefixes.indexOf(prefix!),
    map: maps.indexOf(map!),
    w: fixed ?? bits[w as keyof typeof bits],
    opcode,
    extension: ext,
    needs,
    tuple,
    narrowest: from,
    widest: to,
    vectors: slots.some(({ kind }) => kind === "v"),
    l,
    modrm: ext !== undefined || slots.some(({ where }) => where === "M" || where === "N"),
    masked: encoding === "evex" ? (masked ?? "may") : "never",
    clobbers,
  };
}

/** An instruction of before vectors; its prefix and map are in front of the opcode: `legacy("Rg Mg", "np.0f", 0xaf)`. */
export const legacy = <S extends string>(
  operands: S,
  spec: `${Prefix}.${"" | "0f" | "0f38"}`,
  opcode: number,
  options: Options & { readonly needs?: Feature } = {},
): Row<S, "legacy"> =>
  row(operands, "legacy", [...spec.split("."), "wr"], opcode, options.needs ? [options.needs] : [], "full", options);

export const vex = <S extends string>(
  operands: S,
  spec: Spec,
  opcode: number,
  feature: Feature,
  options: Options = {},
): Row<S, "vex"> => row(operands, "vex", spec.split("."), opcode, [feature], "full", options);

export const evex = <S extends string>(
  operands: S,
  spec: Spec,
  opcode: number,
  feature: Feature,
  tuple: Tuple,
  options: Options = {},
): Row<S, "evex"> => row(operands, "evex", spec.split("."), opcode, [feature], tuple, options);

/** One form in both encodings; the shorter one, VEX, where it is enough. */
export const both = <S extends string>(
  operands: S,
  spec: Spec,
  opcode: number,
  old: Feature,
  feature: Feature,
  tuple: Tuple,
  options: Options = {},
): readonly [Row<S, "vex">, Row<S, "evex">] => [
  vex(operands, spec, opcode, old, options),
  evex(operands, spec, opcode, feature, tuple, options),
];
