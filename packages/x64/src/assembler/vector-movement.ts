// Instructions that move the elements of vectors, and those of masks.
import { both, evex, vex, type Feature, type Row } from "./row.ts";

/** What moves single elements takes no mask. */
const unmasked = { masked: "never" } as const;

/** Loads and stores of whole vectors. */
const moves = <P extends "np" | "66">(prefix: P, w: "w0" | "wg", load: number) =>
  [
    ...both("Rv Mv", `${prefix}.0f.${w}`, load, "avx", "avx512f", "full"),
    ...both("Mm Rv", `${prefix}.0f.${w}`, load + 1, "avx", "avx512f", "full"),
  ] as const;
const integerMoves = (prefix: "66" | "f3") =>
  [vex("Rv Mv", `${prefix}.0f.w0`, 0x6f, "avx"), vex("Mm Rv", `${prefix}.0f.w0`, 0x7f, "avx")] as const;
const maskedMoves = (prefix: "66" | "f3" | "f2", w: "w0" | "w1", feature: Feature) =>
  [
    evex("Rv Mv", `${prefix}.0f.${w}`, 0x6f, feature, "full"),
    evex("Mm Rv", `${prefix}.0f.${w}`, 0x7f, feature, "full"),
  ] as const;
const single = (prefix: "f3" | "f2", w: "w0" | "wg", bytes: 4 | 8) =>
  [
    ...both("Rx Mm", `${prefix}.0f.${w}`, 0x10, "avx", "avx512f", bytes),
    ...both("Mm Rx", `${prefix}.0f.${w}`, 0x11, "avx", "avx512f", bytes),
    ...both("Rx Vx Nx", `${prefix}.0f.${w}`, 0x10, "avx", "avx512f", bytes),
  ] as const;
/** Half of a vector of 128 bits. */
const halves = (load: number) =>
  [
    ...both("Rx Vx Mm", "np.0f.w0", load, "avx", "avx512f", 8, unmasked),
    ...both("Mm Rx", "np.0f.w0", load + 1, "avx", "avx512f", 8, unmasked),
  ] as const;
/** Loads and stores of elements with a set sign in a vector. */
const signed = (load: number, w: "w0" | "w1", feature: Feature, step: number) =>
  [vex("Rv Vv Mm", `66.0f38.${w}`, load, feature), vex("Mm Vv Rv", `66.0f38.${w}`, load + step, feature)] as const;
const broadcast = (opcode: number, w: "w0" | "wg", feature: Feature, bytes: 1 | 2 | 4 | 8, from = 128) =>
  both("Rv Mx", `66.0f38.${w}`, opcode, "avx2", feature, bytes, { from });
const block = (opcode: number, w: "w0" | "w1", bytes: 16 | 32) =>
  [evex("Rv Mm", `66.0f38.${w}`, opcode, "avx512f", bytes, { from: 16 * bytes })] as const;
const spread = <K extends "d" | "p">(kind: K, opcode: number, w: "w0" | "w1", feature: Feature) =>
  evex(`Rv N${kind}`, `66.0f38.${w}`, opcode, feature, "full");

/** Elements of two vectors, in turn or packed. */
const pair32 = (opcode: number) => both("Rv Vv Mv", "66.0f.w0", opcode, "avx2", "avx512f", "b32");
const pair64 = (opcode: number) => both("Rv Vv Mv", "66.0f.wg", opcode, "avx2", "avx512f", "b64");
const pair8 = (opcode: number) => both("Rv Vv Mv", "66.0f.w0", opcode, "avx2", "avx512bw", "full");
const permute32 = (opcode: number) => both("Rv Vv Mv", "66.0f38.w0", opcode, "avx2", "avx512f", "b32", { from: 256 });
const two32 = (opcode: number) => [evex("Rv Vv Mv", "66.0f38.w0", opcode, "avx512f", "b32")] as const;
const two64 = (opcode: number) => [evex("Rv Vv Mv", "66.0f38.w1", opcode, "avx512f", "b64")] as const;
const blocks32 = (opcode: number) =>
  [evex("Rv Vv Mv ib", "66.0f3a.w0", opcode, "avx512f", "b32", { from: 256 })] as const;
const blocks64 = (opcode: number) =>
  [evex("Rv Vv Mv ib", "66.0f3a.w1", opcode, "avx512f", "b64", { from: 256 })] as const;
const wide256 = { from: 256, to: 256 };
const widen = <S extends "Rv Mh" | "Rv Mq" | "Rv Me">(
  operands: S,
  opcode: number,
  tuple: "half" | "quarter" | "eighth",
  feature: Feature = "avx512f",
) => both(operands, "66.0f38.w0", opcode, "avx2", feature, tuple);
const narrow = <S extends "Mh Rv" | "Mq Rv">(
  operands: S,
  opcode: number,
  tuple: "half" | "quarter",
  feature: Feature = "avx512f",
) => [evex(operands, "f3.0f38.w0", opcode, feature, tuple)] as const;
/** The indices are as many as the elements; `half` if they are half as wide. */
const gather = (opcode: number) =>
  [
    vex("Rv Mz Vv", "66.0f38.w0", opcode, "avx2"),
    evex("Rv Mz", "66.0f38.w0", opcode, "avx512f", 4, { masked: "always" }),
  ] as const;
const gather64 = (opcode: number) =>
  [
    vex("Rv Mj Vv", "66.0f38.w1", opcode, "avx2"),
    evex("Rv Mj", "66.0f38.w1", opcode, "avx512f", 8, { masked: "always" }),
  ] as const;

/** Masks of 8, 16, 32 and 64 elements: what belongs to each length. */
const lengths = {
  b: { spec: "66.0f.w0", feature: "avx512dq" },
  w: { spec: "np.0f.w0", feature: "avx512f" },
  d: { spec: "66.0f.w1", feature: "avx512bw" },
  q: { spec: "np.0f.w1", feature: "avx512bw" },
} as const;
type Length = keyof typeof lengths;
const ofTwo = (length: Length, opcode: number, feature: Feature = lengths[length].feature) =>
  [vex("Rk Vk Nk", lengths[length].spec, opcode, feature, { l: 1 })] as const;
const ofOne = (length: Length, opcode: number, feature: Feature = lengths[length].feature) =>
  [vex("Rk Nk", lengths[length].spec, opcode, feature)] as const;
const shifted = (w: "w0" | "w1", opcode: number, feature: Feature) =>
  [vex("Rk Nk ib", `66.0f3a.${w}`, opcode, feature)] as const;
const maskMoves = <K extends "d" | "p">(
  length: Length,
  kind: K,
  general: "np.0f.w0" | "66.0f.w0" | "f2.0f.w0" | "f2.0f.w1",
) =>
  [
    vex("Rk Mk", lengths[length].spec, 0x90, lengths[length].feature),
    vex("Mm Rk", lengths[length].spec, 0x91, lengths[length].feature),
    vex(`Rk N${kind}`, general, 0x92, lengths[length].feature),
    vex(`R${kind} Nk`, general, 0x93, lengths[length].feature),
  ] as const;

// oxfmt-ignore
export const vectorMovement = {
  vmovups: moves("np", "w0", 0x10), vmovaps: moves("np", "w0", 0x28),
  vmovupd: moves("66", "wg", 0x10), vmovapd: moves("66", "wg", 0x28),
  vmovdqu: integerMoves("f3"), vmovdqa: integerMoves("66"),
  vmovdqu8: maskedMoves("f2", "w0", "avx512bw"), vmovdqu16: maskedMoves("f2", "w1", "avx512bw"),
  vmovdqu32: maskedMoves("f3", "w0", "avx512f"), vmovdqu64: maskedMoves("f3", "w1", "avx512f"),
  vmovdqa32: maskedMoves("66", "w0", "avx512f"), vmovdqa64: maskedMoves("66", "w1", "avx512f"),
  vmovntps: both("Mm Rv", "np.0f.w0", 0x2b, "avx", "avx512f", "full", unmasked),
  vmaskmovps: signed(0x2c, "w0", "avx", 2), vmaskmovpd: signed(0x2d, "w0", "avx", 2),
  vpmaskmovd: signed(0x8c, "w0", "avx2", 2), vpmaskmovq: signed(0x8c, "w1", "avx2", 2),

  vmovss: single("f3", "w0", 4), vmovsd: single("f2", "wg", 8),
  vmovd: [
    ...both("Rx Md", "66.0f.w0", 0x6e, "avx", "avx512f", 4, unmasked),
    ...both("Md Rx", "66.0f.w0", 0x7e, "avx", "avx512f", 4, unmasked),
  ],
  vmovq: [
    ...both("Rx Np", "66.0f.w1", 0x6e, "avx", "avx512f", 8, unmasked),
    vex("Np Rx", "66.0f.w1", 0x7e, "avx"),
    vex("Mm Rx", "66.0f.w0", 0xd6, "avx"),
    evex("Mp Rx", "66.0f.w1", 0x7e, "avx512f", 8, unmasked),
    ...both("Rx Mx", "f3.0f.wg", 0x7e, "avx", "avx512f", 8, unmasked),
  ],
  vmovlps: halves(0x12), vmovhps: halves(0x16),
  vmovhlps: both("Rx Vx Nx", "np.0f.w0", 0x12, "avx", "avx512f", 16, unmasked),
  vmovlhps: both("Rx Vx Nx", "np.0f.w0", 0x16, "avx", "avx512f", 16, unmasked),
  vmovsldup: both("Rv Mv", "f3.0f.w0", 0x12, "avx", "avx512f", "full"),
  vmovshdup: both("Rv Mv", "f3.0f.w0", 0x16, "avx", "avx512f", "full"),

  vbroadcastss: broadcast(0x18, "w0", "avx512f", 4), vbroadcastsd: broadcast(0x19, "wg", "avx512f", 8, 256),
  vpbroadcastb: [...broadcast(0x78, "w0", "avx512bw", 1), spread("d", 0x7a, "w0", "avx512bw")],
  vpbroadcastw: [...broadcast(0x79, "w0", "avx512bw", 2), spread("d", 0x7b, "w0", "avx512bw")],
  vpbroadcastd: [...broadcast(0x58, "w0", "avx512f", 4), spread("d", 0x7c, "w0", "avx512f")],
  vpbroadcastq: [...broadcast(0x59, "wg", "avx512f", 8), spread("p", 0x7c, "w1", "avx512f")],
  vbroadcastf128: [vex("Rv Mm", "66.0f38.w0", 0x1a, "avx", wide256)],
  vbroadcasti128: [vex("Rv Mm", "66.0f38.w0", 0x5a, "avx2", wide256)],
  vbroadcastf32x4: block(0x1a, "w0", 16), vbroadcastf64x4: block(0x1b, "w1", 32),
  vbroadcasti32x4: block(0x5a, "w0", 16), vbroadcasti64x4: block(0x5b, "w1", 32),

  vblendps: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x0c, "avx")],
  vblendpd: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x0d, "avx")],
  vpblendd: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x02, "avx2")],
  vpblendw: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x0e, "avx2")],
  vblendvps: [vex("Rv Vv Mv Iv", "66.0f3a.w0", 0x4a, "avx")],
  vblendvpd: [vex("Rv Vv Mv Iv", "66.0f3a.w0", 0x4b, "avx")],
  vpblendvb: [vex("Rv Vv Mv Iv", "66.0f3a.w0", 0x4c, "avx2")],
  vblendmps: two32(0x65), vblendmpd: two64(0x65), vpblendmd: two32(0x64), vpblendmq: two64(0x64),
  vpblendmb: [evex("Rv Vv Mv", "66.0f38.w0", 0x66, "avx512bw", "full")],
  vpblendmw: [evex("Rv Vv Mv", "66.0f38.w1", 0x66, "avx512bw", "full")],

  vunpcklps: both("Rv Vv Mv", "np.0f.w0", 0x14, "avx", "avx512f", "b32"),
  vunpckhps: both("Rv Vv Mv", "np.0f.w0", 0x15, "avx", "avx512f", "b32"),
  vunpcklpd: both("Rv Vv Mv", "66.0f.wg", 0x14, "avx", "avx512f", "b64"),
  vunpckhpd: both("Rv Vv Mv", "66.0f.wg", 0x15, "avx", "avx512f", "b64"),
  vpunpcklbw: pair8(0x60), vpunpcklwd: pair8(0x61), vpunpckldq: pair32(0x62), vpunpcklqdq: pair64(0x6c),
  vpunpckhbw: pair8(0x68), vpunpckhwd: pair8(0x69), vpunpckhdq: pair32(0x6a), vpunpckhqdq: pair64(0x6d),
  vpacksswb: pair8(0x63), vpackuswb: pair8(0x67),
  vpackssdw: both("Rv Vv Mv", "66.0f.w0", 0x6b, "avx2", "avx512bw", "b32"),
  vpackusdw: both("Rv Vv Mv", "66.0f38.w0", 0x2b, "avx2", "avx512bw", "b32"),
  vshufps: both("Rv Vv Mv ib", "np.0f.w0", 0xc6, "avx", "avx512f", "b32"),
  vshufpd: both("Rv Vv Mv ib", "66.0f.wg", 0xc6, "avx", "avx512f", "b64"),
  vpshufd: both("Rv Mv ib", "66.0f.w0", 0x70, "avx2", "avx512f", "b32"),
  vpshufb: both("Rv Vv Mv", "66.0f38.w0", 0x00, "avx2", "avx512bw", "full"),
  vpshuflw: both("Rv Mv ib", "f2.0f.w0", 0x70, "avx2", "avx512bw", "full"),
  vpshufhw: both("Rv Mv ib", "f3.0f.w0", 0x70, "avx2", "avx512bw", "full"),
  vpermilps: [
    ...both("Rv Mv ib", "66.0f3a.w0", 0x04, "avx", "avx512f", "b32"),
    ...both("Rv Vv Mv", "66.0f38.w0", 0x0c, "avx", "avx512f", "b32"),
  ],
  vpermilpd: [
    ...both("Rv Mv ib", "66.0f3a.wg", 0x05, "avx", "avx512f", "b64"),
    ...both("Rv Vv Mv", "66.0f38.wg", 0x0d, "avx", "avx512f", "b64"),
  ],
  vperm2f128: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x06, "avx", wide256)],
  vperm2i128: [vex("Rv Vv Mv ib", "66.0f3a.w0", 0x46, "avx2", wide256)],
  vshuff32x4: blocks32(0x23), vshuff64x2: blocks64(0x23), vshufi32x4: blocks32(0x43), vshufi64x2: blocks64(0x43),
  vpermd: permute32(0x36), vpermps: permute32(0x16),
  vpermq: [
    ...both("Rv Mv ib", "66.0f3a.w1", 0x00, "avx2", "avx512f", "b64", { from: 256 }),
    evex("Rv Vv Mv", "66.0f38.w1", 0x36, "avx512f", "b64", { from: 256 }),
  ],
  vpermpd: [
    ...both("Rv Mv ib", "66.0f3a.w1", 0x01, "avx2", "avx512f", "b64", { from: 256 }),
    evex("Rv Vv Mv", "66.0f38.w1", 0x16, "avx512f", "b64", { from: 256 }),
  ],
  vpermw: [evex("Rv Vv Mv", "66.0f38.w1", 0x8d, "avx512bw", "full")],
  vpermi2w: [evex("Rv Vv Mv", "66.0f38.w1", 0x75, "avx512bw", "full")],
  vpermi2d: two32(0x76), vpermi2ps: two32(0x77), vpermi2q: two64(0x76), vpermi2pd: two64(0x77),
  vpermt2d: two32(0x7e), vpermt2ps: two32(0x7f), vpermt2q: two64(0x7e), vpermt2pd: two64(0x7f),
  valignd: [evex("Rv Vv Mv ib", "66.0f3a.w0", 0x03, "avx512f", "b32")],
  valignq: [evex("Rv Vv Mv ib", "66.0f3a.w1", 0x03, "avx512f", "b64")],
  vpalignr: both("Rv Vv Mv ib", "66.0f3a.w0", 0x0f, "avx2", "avx512bw", "full"),
  vpcompressd: [evex("Mv Rv", "66.0f38.w0", 0x8b, "avx512f", 4)],
  vcompressps: [evex("Mv Rv", "66.0f38.w0", 0x8a, "avx512f", 4)],
  vpexpandd: [evex("Rv Mv", "66.0f38.w0", 0x89, "avx512f", 4)],
  vexpandps: [evex("Rv Mv", "66.0f38.w0", 0x88, "avx512f", 4)],

  vextractf128: [vex("Mx Rv ib", "66.0f3a.w0", 0x19, "avx", wide256)],
  vextracti128: [vex("Mx Rv ib", "66.0f3a.w0", 0x39, "avx2", wide256)],
  vinsertf128: [vex("Rv Vv Mx ib", "66.0f3a.w0", 0x18, "avx", wide256)],
  vinserti128: [vex("Rv Vv Mx ib", "66.0f3a.w0", 0x38, "avx2", wide256)],
  vextractf32x4: [evex("Mx Rv ib", "66.0f3a.w0", 0x19, "avx512f", 16, { from: 256 })],
  vextracti32x4: [evex("Mx Rv ib", "66.0f3a.w0", 0x39, "avx512f", 16, { from: 256 })],
  vextractf64x2: [evex("Mx Rv ib", "66.0f3a.w1", 0x19, "avx512dq", 16, { from: 256 })],
  vextractf32x8: [evex("My Rv ib", "66.0f3a.w0", 0x1b, "avx512dq", 32, { from: 512 })],
  vextractf64x4: [evex("My Rv ib", "66.0f3a.w1", 0x1b, "avx512f", 32, { from: 512 })],
  vextracti64x4: [evex("My Rv ib", "66.0f3a.w1", 0x3b, "avx512f", 32, { from: 512 })],
  vinsertf32x4: [evex("Rv Vv Mx ib", "66.0f3a.w0", 0x18, "avx512f", 16, { from: 256 })],
  vinserti32x4: [evex("Rv Vv Mx ib", "66.0f3a.w0", 0x38, "avx512f", 16, { from: 256 })],
  vinsertf64x4: [evex("Rv Vv My ib", "66.0f3a.w1", 0x1a, "avx512f", 32, { from: 512 })],
  vinserti64x4: [evex("Rv Vv My ib", "66.0f3a.w1", 0x3a, "avx512f", 32, { from: 512 })],
  vextractps: both("Md Rx ib", "66.0f3a.w0", 0x17, "avx", "avx512f", 4, unmasked),
  vpextrb: both("Md Rx ib", "66.0f3a.w0", 0x14, "avx", "avx512bw", 1, unmasked),
  vpextrw: both("Mm Rx ib", "66.0f3a.w0", 0x15, "avx", "avx512bw", 2, unmasked),
  vpextrd: both("Md Rx ib", "66.0f3a.w0", 0x16, "avx", "avx512dq", 4, unmasked),
  vpextrq: both("Mp Rx ib", "66.0f3a.w1", 0x16, "avx", "avx512dq", 8, unmasked),
  vpinsrb: both("Rx Vx Md ib", "66.0f3a.w0", 0x20, "avx", "avx512bw", 1, unmasked),
  vpinsrw: both("Rx Vx Md ib", "66.0f.w0", 0xc4, "avx", "avx512bw", 2, unmasked),
  vpinsrd: both("Rx Vx Md ib", "66.0f3a.w0", 0x22, "avx", "avx512dq", 4, unmasked),
  vpinsrq: both("Rx Vx Mp ib", "66.0f3a.w1", 0x22, "avx", "avx512dq", 8, unmasked),
  vinsertps: both("Rx Vx Mx ib", "66.0f3a.w0", 0x21, "avx", "avx512f", 4, unmasked),

  vgatherdps: gather(0x92), vpgatherdd: gather(0x90), vgatherdpd: gather64(0x92), vpgatherdq: gather64(0x90),
  vscatterdps: [evex("Mz Rv", "66.0f38.w0", 0xa2, "avx512f", 4, { masked: "always" })],
  vpscatterdd: [evex("Mz Rv", "66.0f38.w0", 0xa0, "avx512f", 4, { masked: "always" })],
  vscatterdpd: [evex("Mj Rv", "66.0f38.w1", 0xa2, "avx512f", 8, { masked: "always" })],

  vpmovzxbw: widen("Rv Mh", 0x30, "half", "avx512bw"), vpmovsxbw: widen("Rv Mh", 0x20, "half", "avx512bw"),
  vpmovzxbd: widen("Rv Mq", 0x31, "quarter"), vpmovsxbd: widen("Rv Mq", 0x21, "quarter"),
  vpmovzxbq: widen("Rv Me", 0x32, "eighth"), vpmovsxbq: widen("Rv Me", 0x22, "eighth"),
  vpmovzxwd: widen("Rv Mh", 0x33, "half"), vpmovsxwd: widen("Rv Mh", 0x23, "half"),
  vpmovzxwq: widen("Rv Mq", 0x34, "quarter"), vpmovsxwq: widen("Rv Mq", 0x24, "quarter"),
  vpmovzxdq: widen("Rv Mh", 0x35, "half"), vpmovsxdq: widen("Rv Mh", 0x25, "half"),
  vpmovdb: narrow("Mq Rv", 0x31, "quarter"), vpmovsdb: narrow("Mq Rv", 0x21, "quarter"),
  vpmovusdb: narrow("Mq Rv", 0x11, "quarter"), vpmovdw: narrow("Mh Rv", 0x33, "half"),
  vpmovsdw: narrow("Mh Rv", 0x23, "half"), vpmovusdw: narrow("Mh Rv", 0x13, "half"),
  vpmovqd: narrow("Mh Rv", 0x35, "half"), vpmovwb: narrow("Mh Rv", 0x30, "half", "avx512bw"),

  vmovmskps: [vex("Rd Nv", "np.0f.w0", 0x50, "avx")],
  vmovmskpd: [vex("Rd Nv", "66.0f.w0", 0x50, "avx")],
  vpmovmskb: [vex("Rd Nv", "66.0f.w0", 0xd7, "avx2")],
  vpmovm2b: [evex("Rv Nk", "f3.0f38.w0", 0x28, "avx512bw", "full", unmasked)],
  vpmovm2w: [evex("Rv Nk", "f3.0f38.w1", 0x28, "avx512bw", "full", unmasked)],
  vpmovm2d: [evex("Rv Nk", "f3.0f38.w0", 0x38, "avx512dq", "full", unmasked)],
  vpmovm2q: [evex("Rv Nk", "f3.0f38.w1", 0x38, "avx512dq", "full", unmasked)],
  vpmovb2m: [evex("Rk Nv", "f3.0f38.w0", 0x29, "avx512bw", "full", unmasked)],
  vpmovw2m: [evex("Rk Nv", "f3.0f38.w1", 0x29, "avx512bw", "full", unmasked)],
  vpmovd2m: [evex("Rk Nv", "f3.0f38.w0", 0x39, "avx512dq", "full", unmasked)],
  vpmovq2m: [evex("Rk Nv", "f3.0f38.w1", 0x39, "avx512dq", "full", unmasked)],
  vzeroupper: [vex("", "np.0f.w0", 0x77, "avx")],

  kmovb: maskMoves("b", "d", "66.0f.w0"), kmovw: maskMoves("w", "d", "np.0f.w0"),
  kmovd: maskMoves("d", "d", "f2.0f.w0"), kmovq: maskMoves("q", "p", "f2.0f.w1"),
  kandb: ofTwo("b", 0x41), kandw: ofTwo("w", 0x41), kandd: ofTwo("d", 0x41), kandq: ofTwo("q", 0x41),
  kandnb: ofTwo("b", 0x42), kandnw: ofTwo("w", 0x42), kandnd: ofTwo("d", 0x42), kandnq: ofTwo("q", 0x42),
  korb: ofTwo("b", 0x45), korw: ofTwo("w", 0x45), kord: ofTwo("d", 0x45), korq: ofTwo("q", 0x45),
  kxnorb: ofTwo("b", 0x46), kxnorw: ofTwo("w", 0x46), kxnord: ofTwo("d", 0x46), kxnorq: ofTwo("q", 0x46),
  kxorb: ofTwo("b", 0x47), kxorw: ofTwo("w", 0x47), kxord: ofTwo("d", 0x47), kxorq: ofTwo("q", 0x47),
  kunpckbw: ofTwo("b", 0x4b, "avx512f"), kunpckwd: ofTwo("w", 0x4b, "avx512bw"),
  knotb: ofOne("b", 0x44), knotw: ofOne("w", 0x44), knotd: ofOne("d", 0x44), knotq: ofOne("q", 0x44),
  kortestb: ofOne("b", 0x98), kortestw: ofOne("w", 0x98), kortestd: ofOne("d", 0x98), kortestq: ofOne("q", 0x98),
  ktestb: ofOne("b", 0x99), ktestw: ofOne("w", 0x99, "avx512dq"), ktestd: ofOne("d", 0x99), ktestq: ofOne("q", 0x99),
  kshiftlb: shifted("w0", 0x32, "avx512dq"), kshiftlw: shifted("w1", 0x32, "avx512f"),
  kshiftrb: shifted("w0", 0x30, "avx512dq"), kshiftrw: shifted("w1", 0x30, "avx512f"),
  kshiftrd: shifted("w0", 0x31, "avx512bw"), kshiftrq: shifted("w1", 0x31, "avx512bw"),
} as const satisfies Record<string, readonly Row[]>;
