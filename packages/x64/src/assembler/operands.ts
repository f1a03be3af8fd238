// What instructions work on: registers, places in memory, labels, and which elements a mask selects.

/** A general register, as its 64 bits or the lower 32. */
export class General<Bits extends 32 | 64 = 32 | 64> {
  readonly number: number;
  readonly bits: Bits;

  constructor(number: number, bits: Bits) {
    this.number = number;
    this.bits = bits;
  }
  /** The lower 32 bits; writing them clears the upper ones. */
  get low(): General<32> {
    return low[this.number]!;
  }
  toString(): string {
    const name = names[this.number]!;
    if (this.bits === 64) return name;
    return this.number < 8 ? `e${name.slice(1)}` : `${name}d`;
  }
}

const names = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const wide = names.map((_, i) => new General(i, 64));
const low = names.map((_, i) => new General(i, 32));

/** General register 0 to 15, in the order of their numbers: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15. */
export function general(number: number): General<64> {
  return wide[number] ?? outside("general register", number, 15);
}

export const rax: General<64> = general(0);
export const rcx: General<64> = general(1);
export const rdx: General<64> = general(2);
export const rbx: General<64> = general(3);
export const rsp: General<64> = general(4);
export const rbp: General<64> = general(5);
export const rsi: General<64> = general(6);
export const rdi: General<64> = general(7);
export const r8: General<64> = general(8);
export const r9: General<64> = general(9);
export const r10: General<64> = general(10);
export const r11: General<64> = general(11);
export const r12: General<64> = general(12);
export const r13: General<64> = general(13);
export const r14: General<64> = general(14);
export const r15: General<64> = general(15);

/** The lowest 8 bits of rcx: how far a shift goes that is not known beforehand. */
export const cl = "cl";

/** How many bits a vector register has. */
export type Width = 128 | 256 | 512;

/** One of 32 vector registers, at one of three widths: xmm, ymm, zmm. Those from 16 on need AVX-512. */
export class Vector {
  readonly number: number;
  readonly bits: Width;

  constructor(number: number, bits: Width) {
    this.number = number;
    this.bits = bits;
  }
  /** The same register at another width. */
  as(bits: Width): Vector {
    return vector(this.number, bits);
  }
  toString(): string {
    return `${{ 128: "x", 256: "y", 512: "z" }[this.bits]}mm${this.number}`;
  }
}

const vectors = new Map(
  ([128, 256, 512] as const).map((bits) => [bits, Array.from({ length: 32 }, (_, i) => new Vector(i, bits))]),
);

export const vector = (number: number, bits: Width): Vector =>
  vectors.get(bits)?.[number] ?? outside("vector register", number, 31);
export const xmm = (number: number): Vector => vector(number, 128);
export const ymm = (number: number): Vector => vector(number, 256);
export const zmm = (number: number): Vector => vector(number, 512);

/** One of the mask registers of AVX-512: a bit per element. */
export class Mask {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
  toString(): string {
    return `k${this.number}`;
  }
}

const masks = Array.from({ length: 8 }, (_, i) => new Mask(i));

/** Mask register 0 to 7; only 1 to 7 can select elements. */
export const mask = (number: number): Mask => masks[number] ?? outside("mask register", number, 7);

/** Only the elements whose bit is set are written; others stay, or become zero. */
export class Masking {
  readonly mask: Mask;
  readonly zero: boolean;

  constructor(mask: Mask, zero: boolean) {
    if (mask.number === 0) throw new RangeError("x64: k0 means that nothing is masked; use k1 to k7");
    this.mask = mask;
    this.zero = zero;
  }
  toString(): string {
    return `{${this.mask}}${this.zero ? "{z}" : ""}`;
  }
}

/** Elements that the mask leaves out keep what the destination had. */
export const merging = (mask: Mask): Masking => new Masking(mask, false);
/** Elements that the mask leaves out become zero. */
export const zeroing = (mask: Mask): Masking => new Masking(mask, true);

/** A place in the code, or a constant behind it. It is bound once, by the assembler that it is used with. */
export class Label {
  readonly name: string;
  /** Where it is in the linked code; undefined before it is bound. */
  position: number | undefined;

  constructor(name = "") {
    this.name = name;
  }
  toString(): string {
    return this.name === "" ? "label" : `label ${this.name}`;
  }
}

type Scale = 1 | 2 | 4 | 8;

/** A place in memory: base + index * scale + displacement, or a label. */
export class Memory {
  readonly base: General<64> | Label;
  readonly displacement: number;
  readonly index: General<64> | Vector | undefined;
  readonly scale: Scale;
  /** One element is read and is the value of all. */
  readonly broadcasts: boolean;

  constructor(
    base: General<64> | Label,
    displacement: number,
    index?: General<64> | Vector,
    scale: Scale = 1,
    broadcasts = false,
  ) {
    if (!Number.isInteger(displacement) || displacement !== (displacement | 0))
      throw new RangeError(`x64: a displacement is an integer of 32 bits, not ${displacement}`);
    if (index === rsp) throw new RangeError("x64: rsp cannot be an index; use it as the base");
    if (base instanceof Label && index !== undefined)
      throw new TypeError("x64: a label takes no index; load its address with lea first");
    this.base = base;
    this.displacement = displacement;
    this.index = index;
    this.scale = scale;
    this.broadcasts = broadcasts;
  }
  /** Further on by so many bytes. */
  plus(bytes: number): Memory {
    return new Memory(this.base, this.displacement + bytes, this.index, this.scale, this.broadcasts);
  }
  /** One element from there, as the value of every element. */
  broadcast(): Memory {
    return new Memory(this.base, this.displacement, this.index, this.scale, true);
  }
  toString(): string {
    const index = this.index === undefined ? "" : `+${this.index}*${this.scale}`;
    const sign = this.displacement < 0 ? "-" : "+";
    const displacement = this.displacement === 0 ? "" : `${sign}${Math.abs(this.displacement)}`;
    return `[${this.base}${index}${displacement}]${this.broadcasts ? "{broadcast}" : ""}`;
  }
}

/** The memory at base + displacement, or at base + index * scale + displacement. */
export const at = (
  base: General<64> | Label,
  displacement = 0,
  index?: General<64> | Vector,
  scale: Scale = 1,
): Memory => new Memory(base, displacement, index, scale);

function outside(what: string, number: number, last: number): never {
  throw new RangeError(`x64: there is no ${what} ${number}; they go from 0 to ${last}`);
}
