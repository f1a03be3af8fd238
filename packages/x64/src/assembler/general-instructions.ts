// Instructions on general registers: arithmetic, moves, jumps, and what asks the processor about itself.
import { legacy, vex, type Row } from "./row.ts";

/** `add` and its sisters differ in one number. */
const arithmetic = (n: number) =>
  [
    legacy("Mg Rg", "np.", (n << 3) | 1),
    legacy("Rg Mg", "np.", (n << 3) | 3),
    legacy("Ng is", "np.", 0x83, { ext: n }),
    legacy("Ng id", "np.", 0x81, { ext: n }),
  ] as const;
const shift = (ext: number) => [legacy("Ng ib", "np.", 0xc1, { ext }), legacy("Ng cl", "np.", 0xd3, { ext })] as const;
const unary = (ext: number) => [legacy("Ng", "np.", 0xf7, { ext })] as const;

// oxfmt-ignore
export const generalInstructions = {
  add: arithmetic(0), or: arithmetic(1), adc: arithmetic(2), sbb: arithmetic(3),
  and: arithmetic(4), sub: arithmetic(5), xor: arithmetic(6), cmp: arithmetic(7),
  test: [legacy("Mg Rg", "np.", 0x85), legacy("Ng id", "np.", 0xf7, { ext: 0 })],
  imul: [
    legacy("Rg Mg", "np.0f", 0xaf),
    legacy("Rg Mg is", "np.", 0x6b),
    legacy("Rg Mg id", "np.", 0x69),
  ],
  shl: shift(4), shr: shift(5), sar: shift(7), rol: shift(0), ror: shift(1),
  /** `not`, `neg`; `mul`, `div` and `idiv` work on rdx and rax. */
  not: unary(2), neg: unary(3), mul: unary(4), div: unary(6), idiv: unary(7),
  inc: [legacy("Ng", "np.", 0xff, { ext: 0 })],
  dec: [legacy("Ng", "np.", 0xff, { ext: 1 })],
  cdq: [legacy("", "np.", 0x99, { w: 0 })],
  cqo: [legacy("", "np.", 0x99, { w: 1 })],

  mov: [
    legacy("Mg Rg", "np.", 0x89),
    legacy("Rg Mg", "np.", 0x8b),
    legacy("Og iu", "np.", 0xb8, { w: 0 }), // clears the upper half
    legacy("Od id", "np.", 0xb8, { w: 0 }),
    legacy("Np id", "np.", 0xc7, { ext: 0, w: 1 }),
    legacy("Op iq", "np.", 0xb8, { w: 1 }),
  ],
  /** Stores of the lowest 8 and 16 bits. */
  mov8: [legacy("Mm Rb", "np.", 0x88, { w: 0 })],
  mov16: [legacy("Mm Rw", "66.", 0x89, { w: 0 })],
  movzx8: [legacy("Rg Mb", "np.0f", 0xb6)], movzx16: [legacy("Rg Mw", "np.0f", 0xb7)],
  movsx8: [legacy("Rg Mb", "np.0f", 0xbe)], movsx16: [legacy("Rg Mw", "np.0f", 0xbf)],
  movsxd: [legacy("Rp Md", "np.", 0x63, { w: 1 })],
  lea: [legacy("Rg Mm", "np.", 0x8d)],
  xchg: [legacy("Mg Rg", "np.", 0x87)],
  push: [legacy("Op", "np.", 0x50, { w: 0 })],
  pop: [legacy("Op", "np.", 0x58, { w: 0 })],
  setcc: [legacy("C Nb", "np.0f", 0x90, { w: 0, ext: 0 })],
  cmovcc: [legacy("C Rg Mg", "np.0f", 0x40)],

  jmp: [legacy("L", "np.", 0xe9), legacy("Np", "np.", 0xff, { ext: 4, w: 0 })],
  jcc: [legacy("C L", "np.0f", 0x80)],
  call: [legacy("L", "np.", 0xe8), legacy("Np", "np.", 0xff, { ext: 2, w: 0 })],
  ret: [legacy("", "np.", 0xc3)],

  bzhi: [vex("Rg Mg Vg", "np.0f38.wr", 0xf5, "bmi2")],
  shlx: [vex("Rg Mg Vg", "66.0f38.wr", 0xf7, "bmi2")],
  sarx: [vex("Rg Mg Vg", "f3.0f38.wr", 0xf7, "bmi2")],
  shrx: [vex("Rg Mg Vg", "f2.0f38.wr", 0xf7, "bmi2")],
  andn: [vex("Rg Vg Mg", "np.0f38.wr", 0xf2, "bmi1")],
  tzcnt: [legacy("Rg Mg", "f3.0f", 0xbc, { needs: "bmi1" })],
  lzcnt: [legacy("Rg Mg", "f3.0f", 0xbd, { needs: "lzcnt" })],
  popcnt: [legacy("Rg Mg", "f3.0f", 0xb8, { needs: "popcnt" })],

  prefetcht0: [legacy("Mm", "np.0f", 0x18, { ext: 1, w: 0 })],
  prefetcht1: [legacy("Mm", "np.0f", 0x18, { ext: 2, w: 0 })],
  prefetchnta: [legacy("Mm", "np.0f", 0x18, { ext: 0, w: 0 })],
  cpuid: [legacy("", "np.0f", 0xa2, { w: 0, clobbers: 1 << 3 })],
  xgetbv: [legacy("", "np.0f", 0x01d0, { w: 0 })],
  rdtsc: [legacy("", "np.0f", 0x31, { w: 0 })],
} as const satisfies Record<string, readonly Row[]>;
