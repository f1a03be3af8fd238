// How one form of an instruction becomes bytes: which operands it takes, prefixes, operands, numbers.
import { General, Label, Mask, Masking, Memory, Vector, rbp, rsp, r12, r13 } from "./operands.ts";
import { conditions, type Condition, type Kind, type Operand, type Row, type Slot, type Tuple } from "./row.ts";

/** Bytes that grow while code is written into them. */
export class CodeBytes {
  data = new Uint8Array(1024);
  length = 0;
  /** A displacement that is known when labels are: where it is, and what it leads to. */
  readonly references: { readonly at: number; readonly label: Label; readonly plus: number; end: number }[] = [];

  byte(n: number): void {
    if (this.length === this.data.length) {
      const next = new Uint8Array(2 * this.length);
      next.set(this.data);
      this.data = next;
    }
    this.data[this.length++] = n;
  }
  i32(n: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte(n >> shift);
  }
}

/** The sizes that operands agree on. */
export interface Sizes {
  /** Of vectors. */
  readonly bits: number;
  /** Of general registers. */
  readonly general: 32 | 64;
}

const narrowed: { readonly [K in Kind]?: number } = { h: 2, q: 4, e: 8, j: 2 };

/** The width of vectors of a kind in an operation with so many bits. */
function widthOf(kind: Kind, bits: number): number {
  if (kind === "x") return 128;
  if (kind === "y") return 256;
  return Math.max(128, bits / (narrowed[kind] ?? 1));
}

function isNumber(kind: Slot["kind"], n: Operand | undefined): boolean {
  if (kind === "iq")
    return typeof n === "bigint"
      ? n >= -(2n ** 63n) && n < 2n ** 64n
      : typeof n === "number" && Number.isSafeInteger(n);
  if (typeof n !== "number" || !Number.isInteger(n)) return false;
  if (kind === "ib") return n >= -128 && n < 256;
  if (kind === "is") return n >= -128 && n < 128;
  return kind === "iu" ? n >= 0 && n < 2 ** 32 : n >= -(2 ** 31) && n < 2 ** 31;
}

const broadcasting = (tuple: Tuple): boolean => tuple === "b32" || tuple === "b64" || tuple === "h32";

function takesMemory(row: Row, { where, kind }: Slot, { index, broadcasts }: Memory, bits: number): boolean {
  if (where !== "M" || (broadcasts && !broadcasting(row.tuple))) return false;
  if (kind !== "z" && kind !== "j") return !(index instanceof Vector);
  return (
    index instanceof Vector && index.bits === widthOf(kind, bits) && (row.encoding === "evex" || index.number < 16)
  );
}

function takesRegister(row: Row, kind: Slot["kind"], register: Operand | undefined, { bits, general }: Sizes): boolean {
  if (register instanceof General) {
    if (kind === "g") return register.bits === general;
    return kind === "d" ? register.bits === 32 : kind === "p" ? register.bits === 64 : kind === "b" || kind === "w";
  }
  if (register instanceof Mask) return kind === "k";
  if (!(register instanceof Vector) || !"vhqexy".includes(kind)) return false;
  return register.bits === widthOf(kind as Kind, bits) && (row.encoding === "evex" || register.number < 16);
}

function takes(row: Row, slot: Slot, operand: Operand | undefined, sizes: Sizes): boolean {
  const { where, kind } = slot;
  if (where === "imm") return isNumber(kind, operand);
  if (where === "C") return typeof operand === "string" && Object.hasOwn(conditions, operand);
  if (where === "L") return operand instanceof Label;
  if (where === "cl") return operand === "cl";
  if (operand instanceof Memory) return takesMemory(row, slot, operand, sizes.bits);
  return takesRegister(row, kind, operand, sizes);
}

/** The sizes with which a form takes these operands; undefined if it does not. */
export function fit(row: Row, operands: readonly Operand[], masking: Masking | undefined): Sizes | undefined {
  const { slots, encoding, masked } = row;
  if (operands.length !== slots.length) return undefined;
  if (masking === undefined ? masked === "always" : masked === "never") return undefined;
  let bits = 0;
  let general: 32 | 64 = 32;
  for (let i = 0; i < slots.length; i++) {
    const operand = operands[i];
    if (bits === 0 && slots[i]!.kind === "v" && operand instanceof Vector) bits = operand.bits;
    else if (operand instanceof General && slots[i]!.kind === "g") general = operand.bits;
    else if (encoding !== "evex" && operand instanceof Memory && operand.broadcasts) return undefined;
  }
  if (bits === 0) bits = 128;
  else if (bits < row.narrowest || bits > row.widest) return undefined;
  const sizes = { bits, general };
  for (let i = 0; i < slots.length; i++) if (!takes(row, slots[i]!, operands[i], sizes)) return undefined;
  // Only what a register keeps can be made zero.
  const zeroes = masking?.zero === true && slots[0]!.where === "M" && operands[0] instanceof Memory;
  return zeroes || (masking?.zero === true && slots[0]!.kind === "k") ? undefined : sizes;
}

/** What a displacement of 8 bits counts in AVX-512. */
function unit(tuple: Tuple, bits: number, broadcasts: boolean): number {
  if (typeof tuple === "number") return tuple;
  if (broadcasts) return tuple === "b64" ? 8 : 4;
  const parts = { b32: 1, b64: 1, full: 1, h32: 2, half: 2, quarter: 4, eighth: 8 };
  return bits / 8 / parts[tuple];
}

/** The byte that says which operand is where, what follows it, and the displacement. */
function operand(code: CodeBytes, reg: number, rm: Operand | number, unit: number): void {
  const field = (reg & 7) << 3;
  if (!(rm instanceof Memory)) return code.byte(0xc0 | field | (numberOf(rm) & 7));
  const { base, index, displacement: d, scale } = rm;
  if (base instanceof Label) {
    code.byte(field | 5);
    code.references.push({ at: code.length, label: base, plus: d, end: 0 });
    return code.i32(0);
  }
  // rbp and r13 as a base without a displacement would mean something else, rsp and r12 a second byte.
  const short = d % unit === 0 && d / unit >= -128 && d / unit < 128;
  const mode = d === 0 && base !== rbp && base !== r13 ? 0 : short ? 1 : 2;
  if (index !== undefined || base === rsp || base === r12) {
    code.byte((mode << 6) | field | 4);
    code.byte((Math.log2(scale) << 6) | (((index?.number ?? 4) & 7) << 3) | (base.number & 7));
  } else code.byte((mode << 6) | field | (base.number & 7));
  if (mode === 1) code.byte(d / unit);
  else if (mode === 2) code.i32(d);
}

const numberOf = (x: Operand | undefined): number =>
  typeof x === "number" ? x : x instanceof General || x instanceof Vector || x instanceof Mask ? x.number : 0;

/** The fourth and fifth bit of the register of `rm`, or of base and index; each is 0 or 1. */
const extended = (rm: Operand | undefined) => {
  const memory = rm instanceof Memory ? rm : undefined;
  const base = memory === undefined ? numberOf(rm) : memory.base instanceof General ? memory.base.number : 0;
  const index = memory?.index?.number ?? 0;
  return {
    b: (base >> 3) & 1,
    x: memory === undefined ? (base >> 4) & 1 : (index >> 3) & 1,
    v: memory === undefined ? 0 : (index >> 4) & 1,
  };
};

const legacyPrefixes = [0, 0x66, 0xf3, 0xf2];
const escapes = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const;

/** The lowest bytes of rsp, rbp, rsi and rdi need a prefix that says nothing else. */
const needsRex = ({ kind }: Slot, x: Operand | undefined): boolean =>
  kind === "b" && x instanceof General && x.number >= 4 && x.number < 8;

/** Writes an instruction; `fit` has said that the form takes the operands. */
export function encode(
  code: CodeBytes,
  row: Row,
  operands: readonly Operand[],
  masking: Masking | undefined,
  { bits, general }: Sizes,
): void {
  const { slots, prefix, map, encoding } = row;
  let reg = row.extension ?? 0;
  let more = 0;
  let rm: Operand | undefined;
  let { opcode } = row;
  let rex = false;
  let fourth: number | undefined;
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!;
    const x = operands[i];
    if (slot.where === "R") reg = numberOf(x);
    else if (slot.where === "V") more = numberOf(x);
    else if (slot.where === "M" || slot.where === "N") rm = x;
    else if (slot.where === "O") {
      rm = x;
      opcode |= numberOf(x) & 7;
    } else if (slot.where === "C") opcode |= conditions[x as Condition];
    else if (slot.where === "I") fourth = numberOf(x) << 4;
    rex ||= needsRex(slot, x);
  }
  const w = row.w ?? (general === 64 ? 1 : 0);
  const { b, x, v } = extended(rm);
  const r = (reg >> 3) & 1;
  if (encoding === "legacy") {
    if (prefix > 0) code.byte(legacyPrefixes[prefix]!);
    const bitsOfRex = (w << 3) | (r << 2) | (x << 1) | b;
    if (rex || bitsOfRex !== 0) code.byte(0x40 | bitsOfRex);
    for (const escape of escapes[map]!) code.byte(escape);
    if (opcode > 0xff) code.byte(opcode >> 8);
    code.byte(opcode);
  } else if (encoding === "vex") {
    const length = row.vectors ? Number(bits === 256) : row.l;
    const last = ((~more & 15) << 3) | (length << 2) | prefix;
    if (map === 1 && w === 0 && x === 0 && b === 0) {
      code.byte(0xc5);
      code.byte(((r ^ 1) << 7) | last);
    } else {
      code.byte(0xc4);
      code.byte(((r ^ 1) << 7) | ((x ^ 1) << 6) | ((b ^ 1) << 5) | map);
      code.byte((w << 7) | last);
    }
    code.byte(opcode);
  } else {
    const broadcasts = rm instanceof Memory && rm.broadcasts;
    const v2 = v | ((more >> 4) & 1);
    code.byte(0x62);
    code.byte(((r ^ 1) << 7) | ((x ^ 1) << 6) | ((b ^ 1) << 5) | ((((reg >> 4) & 1) ^ 1) << 4) | map);
    code.byte((w << 7) | ((~more & 15) << 3) | 4 | prefix);
    const selected = masking === undefined ? 0 : (Number(masking.zero) << 7) | masking.mask.number;
    code.byte(selected | (Math.log2(bits / 128) << 5) | (Number(broadcasts) << 4) | ((v2 ^ 1) << 3));
    code.byte(opcode);
  }
  if (row.modrm) {
    const broadcasts = rm instanceof Memory && rm.broadcasts;
    operand(code, reg, rm ?? 0, encoding === "evex" ? unit(row.tuple, bits, broadcasts) : 1);
  }
  if (fourth !== undefined) code.byte(fourth);
  for (let i = 0; i < slots.length; i++) if (slots[i]!.where === "imm") immediate(code, slots[i]!, operands[i]!);
}

function immediate(code: CodeBytes, { kind }: Slot, n: Operand): void {
  if (kind === "iq") {
    const all = BigInt.asUintN(64, BigInt(n as number | bigint));
    code.i32(Number(BigInt.asIntN(32, all)));
    code.i32(Number(BigInt.asIntN(32, all >> 32n)));
  } else if (kind === "ib" || kind === "is") code.byte(Number(n));
  else code.i32(Number(n) | 0);
}

const kinds: { readonly [K in Kind]: string } = {
  g: "general register",
  d: "general register of 32 bits",
  p: "general register of 64 bits",
  b: "general register (8 bits of it)",
  w: "general register (16 bits of it)",
  v: "vector",
  h: "vector of half the width",
  q: "vector of a quarter of the width",
  e: "vector of an eighth of the width",
  x: "vector of 128 bits",
  y: "vector of 256 bits",
  k: "mask",
  m: "",
  z: "memory with a vector of indices",
  j: "memory with a vector of indices, of half the width",
};
const numbers = { ib: "8 bits", is: "8 bits with a sign", id: "32 bits with a sign", iu: "32 bits", iq: "64 bits" };

/** What a form takes, in words. */
export function describe({ slots, encoding, vectors, narrowest, widest, masked }: Row): string {
  const words = slots.map(({ where, kind }) => {
    if (where === "C") return "condition";
    if (where === "L") return "label";
    if (where === "cl") return "cl";
    if (where === "imm") return `number of ${numbers[kind as keyof typeof numbers]}`;
    const register = kinds[kind as Kind];
    if (where !== "M" || kind === "z" || kind === "j") return register;
    return register === "" ? "memory" : `${register} or memory`;
  });
  if (masked !== "never") words.push(masked === "always" ? "masking" : "masking if wanted");
  const limits = vectors ? `${narrowest} to ${widest} bits, ` : "";
  const how = encoding === "vex" ? ` [${limits}registers 0 to 15]` : encoding === "evex" ? ` [${limits}AVX-512]` : "";
  return `(${words.join(", ")})${how}`;
}
