// Instructions that compute with vectors: arithmetic, bits, comparisons, conversions.
import { both, evex, vex, type Row } from "./row.ts";

/** Packed and single floating-point numbers of 32 and 64 bits, with one opcode. */
const ps = (opcode: number) => both("Rv Vv Mv", "np.0f.w0", opcode, "avx", "avx512f", "b32");
const pd = (opcode: number) => both("Rv Vv Mv", "66.0f.wg", opcode, "avx", "avx512f", "b64");
const ss = (opcode: number) => both("Rx Vx Mx", "f3.0f.w0", opcode, "avx", "avx512f", 4);
const sd = (opcode: number) => both("Rx Vx Mx", "f2.0f.wg", opcode, "avx", "avx512f", 8);
/** Bits of floating-point numbers. */
const bitsPs = (opcode: number) => both("Rv Vv Mv", "np.0f.w0", opcode, "avx", "avx512dq", "b32");
const bitsPd = (opcode: number) => both("Rv Vv Mv", "66.0f.wg", opcode, "avx", "avx512dq", "b64");
/** Multiplications with an addition. */
const fmaPs = (opcode: number) => both("Rv Vv Mv", "66.0f38.w0", opcode, "fma", "avx512f", "b32");
const fmaPd = (opcode: number) => both("Rv Vv Mv", "66.0f38.w1", opcode, "fma", "avx512f", "b64");
const fmaSs = (opcode: number) => both("Rx Vx Mx", "66.0f38.w0", opcode, "fma", "avx512f", 4);
const fmaSd = (opcode: number) => both("Rx Vx Mx", "66.0f38.w1", opcode, "fma", "avx512f", 8);
/** Integers of 32 and 64, and of 8 and 16 bits, in the maps 0F and 0F 38. */
const int32 = (opcode: number) => both("Rv Vv Mv", "66.0f.w0", opcode, "avx2", "avx512f", "b32");
const int64 = (opcode: number) => both("Rv Vv Mv", "66.0f.wg", opcode, "avx2", "avx512f", "b64");
const small = (opcode: number) => both("Rv Vv Mv", "66.0f.w0", opcode, "avx2", "avx512bw", "full");
const int32Later = (opcode: number) => both("Rv Vv Mv", "66.0f38.w0", opcode, "avx2", "avx512f", "b32");
const smallLater = (opcode: number) => both("Rv Vv Mv", "66.0f38.w0", opcode, "avx2", "avx512bw", "full");
/** What only AVX-512 has, of 32 and 64 bits. */
const new32 = (opcode: number) => [evex("Rv Vv Mv", "66.0f38.w0", opcode, "avx512f", "b32")] as const;
const new64 = (opcode: number) => [evex("Rv Vv Mv", "66.0f38.w1", opcode, "avx512f", "b64")] as const;
/** Bits of a whole vector: without elements in VEX, with elements for the mask in EVEX. */
const whole = (opcode: number) => [vex("Rv Vv Mv", "66.0f.w0", opcode, "avx2")] as const;
const whole32 = (opcode: number) => [evex("Rv Vv Mv", "66.0f.w0", opcode, "avx512f", "b32")] as const;
const whole64 = (opcode: number) => [evex("Rv Vv Mv", "66.0f.w1", opcode, "avx512f", "b64")] as const;
/** Shifts of all elements by one number: known, or the lowest 64 bits of a vector. */
const shift32 = (ext: number, opcode: number) =>
  [
    ...both("Vv Nv ib", "66.0f.w0", 0x72, "avx2", "avx512f", "b32", { ext }),
    ...both("Rv Vv Mx", "66.0f.w0", opcode, "avx2", "avx512f", 16),
  ] as const;
const shift64 = (ext: number, opcode: number) =>
  [
    ...both("Vv Nv ib", "66.0f.wg", 0x73, "avx2", "avx512f", "b64", { ext }),
    ...both("Rv Vv Mx", "66.0f.wg", opcode, "avx2", "avx512f", 16),
  ] as const;
const shift16 = (ext: number, opcode: number) =>
  [
    ...both("Vv Nv ib", "66.0f.w0", 0x71, "avx2", "avx512bw", "full", { ext }),
    ...both("Rv Vv Mx", "66.0f.w0", opcode, "avx2", "avx512bw", 16),
  ] as const;
/** Comparisons for equal and greater give a vector in VEX, a mask in EVEX. */
const compare32 = (opcode: number) =>
  [vex("Rv Vv Mv", "66.0f.w0", opcode, "avx2"), evex("Rk Vv Mv", "66.0f.w0", opcode, "avx512f", "b32")] as const;
const compare64 = (opcode: number) =>
  [vex("Rv Vv Mv", "66.0f38.w0", opcode, "avx2"), evex("Rk Vv Mv", "66.0f38.w1", opcode, "avx512f", "b64")] as const;
const compareSmall = (opcode: number) =>
  [vex("Rv Vv Mv", "66.0f.w0", opcode, "avx2"), evex("Rk Vv Mv", "66.0f.w0", opcode, "avx512bw", "full")] as const;

// oxfmt-ignore
export const vectorArithmetic = {
  vaddps: ps(0x58), vaddpd: pd(0x58), vaddss: ss(0x58), vaddsd: sd(0x58),
  vmulps: ps(0x59), vmulpd: pd(0x59), vmulss: ss(0x59), vmulsd: sd(0x59),
  vsubps: ps(0x5c), vsubpd: pd(0x5c), vsubss: ss(0x5c), vsubsd: sd(0x5c),
  vminps: ps(0x5d), vminpd: pd(0x5d), vminss: ss(0x5d), vminsd: sd(0x5d),
  vdivps: ps(0x5e), vdivpd: pd(0x5e), vdivss: ss(0x5e), vdivsd: sd(0x5e),
  vmaxps: ps(0x5f), vmaxpd: pd(0x5f), vmaxss: ss(0x5f), vmaxsd: sd(0x5f),
  vsqrtps: both("Rv Mv", "np.0f.w0", 0x51, "avx", "avx512f", "b32"),
  vsqrtpd: both("Rv Mv", "66.0f.wg", 0x51, "avx", "avx512f", "b64"),
  vsqrtss: ss(0x51), vsqrtsd: sd(0x51),
  vandps: bitsPs(0x54), vandnps: bitsPs(0x55), vorps: bitsPs(0x56), vxorps: bitsPs(0x57),
  vandpd: bitsPd(0x54), vandnpd: bitsPd(0x55), vorpd: bitsPd(0x56), vxorpd: bitsPd(0x57),

  vfmadd132ps: fmaPs(0x98), vfmadd213ps: fmaPs(0xa8), vfmadd231ps: fmaPs(0xb8),
  vfmadd132pd: fmaPd(0x98), vfmadd213pd: fmaPd(0xa8), vfmadd231pd: fmaPd(0xb8),
  vfmadd132ss: fmaSs(0x99), vfmadd213ss: fmaSs(0xa9), vfmadd231ss: fmaSs(0xb9),
  vfmadd132sd: fmaSd(0x99), vfmadd213sd: fmaSd(0xa9), vfmadd231sd: fmaSd(0xb9),
  vfmsub132ps: fmaPs(0x9a), vfmsub213ps: fmaPs(0xaa), vfmsub231ps: fmaPs(0xba),
  vfmsub132pd: fmaPd(0x9a), vfmsub213pd: fmaPd(0xaa), vfmsub231pd: fmaPd(0xba),
  vfnmadd132ps: fmaPs(0x9c), vfnmadd213ps: fmaPs(0xac), vfnmadd231ps: fmaPs(0xbc),
  vfnmadd132pd: fmaPd(0x9c), vfnmadd213pd: fmaPd(0xac), vfnmadd231pd: fmaPd(0xbc),
  vfnmadd231ss: fmaSs(0xbd), vfnmadd231sd: fmaSd(0xbd),
  vfnmsub132ps: fmaPs(0x9e), vfnmsub213ps: fmaPs(0xae), vfnmsub231ps: fmaPs(0xbe),
  vfnmsub132pd: fmaPd(0x9e), vfnmsub213pd: fmaPd(0xae), vfnmsub231pd: fmaPd(0xbe),

  /** Rounding: AVX-512 has it under another name. */
  vroundps: [vex("Rv Mv ib", "66.0f3a.w0", 0x08, "avx")],
  vroundpd: [vex("Rv Mv ib", "66.0f3a.w0", 0x09, "avx")],
  vroundss: [vex("Rx Vx Mx ib", "66.0f3a.w0", 0x0a, "avx")],
  vroundsd: [vex("Rx Vx Mx ib", "66.0f3a.w0", 0x0b, "avx")],
  vrndscaleps: [evex("Rv Mv ib", "66.0f3a.w0", 0x08, "avx512f", "b32")],
  vrndscalepd: [evex("Rv Mv ib", "66.0f3a.w1", 0x09, "avx512f", "b64")],
  vrndscaless: [evex("Rx Vx Mx ib", "66.0f3a.w0", 0x0a, "avx512f", 4)],
  vrndscalesd: [evex("Rx Vx Mx ib", "66.0f3a.w1", 0x0b, "avx512f", 8)],
  vrcpps: [vex("Rv Mv", "np.0f.w0", 0x53, "avx")],
  vrsqrtps: [vex("Rv Mv", "np.0f.w0", 0x52, "avx")],
  vrcp14ps: [evex("Rv Mv", "66.0f38.w0", 0x4c, "avx512f", "b32")],
  vrcp14pd: [evex("Rv Mv", "66.0f38.w1", 0x4c, "avx512f", "b64")],
  vrsqrt14ps: [evex("Rv Mv", "66.0f38.w0", 0x4e, "avx512f", "b32")],
  vrsqrt14pd: [evex("Rv Mv", "66.0f38.w1", 0x4e, "avx512f", "b64")],
  /** The first operand times 2 to the power of the second; exponents and fractions apart. */
  vscalefps: new32(0x2c), vscalefpd: new64(0x2c),
  vgetexpps: [evex("Rv Mv", "66.0f38.w0", 0x42, "avx512f", "b32")],
  vgetexppd: [evex("Rv Mv", "66.0f38.w1", 0x42, "avx512f", "b64")],
  vgetmantps: [evex("Rv Mv ib", "66.0f3a.w0", 0x26, "avx512f", "b32")],
  vgetmantpd: [evex("Rv Mv ib", "66.0f3a.w1", 0x26, "avx512f", "b64")],

  vcmpps: [
    vex("Rv Vv Mv ib", "np.0f.w0", 0xc2, "avx"),
    evex("Rk Vv Mv ib", "np.0f.w0", 0xc2, "avx512f", "b32"),
  ],
  vcmppd: [
    vex("Rv Vv Mv ib", "66.0f.w0", 0xc2, "avx"),
    evex("Rk Vv Mv ib", "66.0f.w1", 0xc2, "avx512f", "b64"),
  ],
  vcmpss: [
    vex("Rx Vx Mx ib", "f3.0f.w0", 0xc2, "avx"),
    evex("Rk Vx Mx ib", "f3.0f.w0", 0xc2, "avx512f", 4),
  ],
  vcmpsd: [
    vex("Rx Vx Mx ib", "f2.0f.w0", 0xc2, "avx"),
    evex("Rk Vx Mx ib", "f2.0f.w1", 0xc2, "avx512f", 8),
  ],
  vucomiss: both("Rx Mx", "np.0f.w0", 0x2e, "avx", "avx512f", 4, { masked: "never" }),
  vucomisd: both("Rx Mx", "66.0f.wg", 0x2e, "avx", "avx512f", 8, { masked: "never" }),
  vpcmpeqb: compareSmall(0x74), vpcmpeqw: compareSmall(0x75), vpcmpeqd: compare32(0x76), vpcmpeqq: compare64(0x29),
  vpcmpgtb: compareSmall(0x64), vpcmpgtw: compareSmall(0x65), vpcmpgtd: compare32(0x66), vpcmpgtq: compare64(0x37),
  vpcmpd: [evex("Rk Vv Mv ib", "66.0f3a.w0", 0x1f, "avx512f", "b32")],
  vpcmpud: [evex("Rk Vv Mv ib", "66.0f3a.w0", 0x1e, "avx512f", "b32")],
  vpcmpq: [evex("Rk Vv Mv ib", "66.0f3a.w1", 0x1f, "avx512f", "b64")],
  vpcmpuq: [evex("Rk Vv Mv ib", "66.0f3a.w1", 0x1e, "avx512f", "b64")],
  vpcmpb: [evex("Rk Vv Mv ib", "66.0f3a.w0", 0x3f, "avx512bw", "full")],
  vpcmpub: [evex("Rk Vv Mv ib", "66.0f3a.w0", 0x3e, "avx512bw", "full")],
  vpcmpw: [evex("Rk Vv Mv ib", "66.0f3a.w1", 0x3f, "avx512bw", "full")],
  vpcmpuw: [evex("Rk Vv Mv ib", "66.0f3a.w1", 0x3e, "avx512bw", "full")],
  vptestmd: [evex("Rk Vv Mv", "66.0f38.w0", 0x27, "avx512f", "b32")],
  vptestmq: [evex("Rk Vv Mv", "66.0f38.w1", 0x27, "avx512f", "b64")],
  vptestnmd: [evex("Rk Vv Mv", "f3.0f38.w0", 0x27, "avx512f", "b32")],
  vptestnmq: [evex("Rk Vv Mv", "f3.0f38.w1", 0x27, "avx512f", "b64")],
  vptest: [vex("Rv Mv", "66.0f38.w0", 0x17, "avx")],
  vtestps: [vex("Rv Mv", "66.0f38.w0", 0x0e, "avx")],

  vpaddb: small(0xfc), vpaddw: small(0xfd), vpaddd: int32(0xfe), vpaddq: int64(0xd4),
  vpsubb: small(0xf8), vpsubw: small(0xf9), vpsubd: int32(0xfa), vpsubq: int64(0xfb),
  vpmullw: small(0xd5), vpmulld: int32Later(0x40), vpmuludq: int64(0xf4),
  vpmuldq: both("Rv Vv Mv", "66.0f38.wg", 0x28, "avx2", "avx512f", "b64"),
  vpmullq: [evex("Rv Vv Mv", "66.0f38.w1", 0x40, "avx512dq", "b64")],
  vpmaddwd: small(0xf5), vpmaddubsw: smallLater(0x04),
  vpminsd: int32Later(0x39), vpminud: int32Later(0x3b), vpmaxsd: int32Later(0x3d), vpmaxud: int32Later(0x3f),
  vpminsq: new64(0x39), vpminuq: new64(0x3b), vpmaxsq: new64(0x3d), vpmaxuq: new64(0x3f),
  vpminub: small(0xda), vpmaxub: small(0xde), vpminsw: small(0xea), vpmaxsw: small(0xee),
  vpabsb: both("Rv Mv", "66.0f38.w0", 0x1c, "avx2", "avx512bw", "full"),
  vpabsw: both("Rv Mv", "66.0f38.w0", 0x1d, "avx2", "avx512bw", "full"),
  vpabsd: both("Rv Mv", "66.0f38.w0", 0x1e, "avx2", "avx512f", "b32"),
  vpabsq: [evex("Rv Mv", "66.0f38.w1", 0x1f, "avx512f", "b64")],

  vpand: whole(0xdb), vpandn: whole(0xdf), vpor: whole(0xeb), vpxor: whole(0xef),
  vpandd: whole32(0xdb), vpandnd: whole32(0xdf), vpord: whole32(0xeb), vpxord: whole32(0xef),
  vpandq: whole64(0xdb), vpandnq: whole64(0xdf), vporq: whole64(0xeb), vpxorq: whole64(0xef),
  vpternlogd: [evex("Rv Vv Mv ib", "66.0f3a.w0", 0x25, "avx512f", "b32")],
  vpternlogq: [evex("Rv Vv Mv ib", "66.0f3a.w1", 0x25, "avx512f", "b64")],

  vpsllw: shift16(6, 0xf1), vpsrlw: shift16(2, 0xd1), vpsraw: shift16(4, 0xe1),
  vpslld: shift32(6, 0xf2), vpsrld: shift32(2, 0xd2), vpsrad: shift32(4, 0xe2),
  vpsllq: shift64(6, 0xf3), vpsrlq: shift64(2, 0xd3),
  vpsraq: [
    evex("Vv Nv ib", "66.0f.w1", 0x72, "avx512f", "b64", { ext: 4 }),
    evex("Rv Vv Mx", "66.0f.w1", 0xe2, "avx512f", 16),
  ],
  vpslldq: both("Vv Nv ib", "66.0f.w0", 0x73, "avx2", "avx512bw", "full", { ext: 7, masked: "never" }),
  vpsrldq: both("Vv Nv ib", "66.0f.w0", 0x73, "avx2", "avx512bw", "full", { ext: 3, masked: "never" }),
  vpsllvd: int32Later(0x47), vpsrlvd: int32Later(0x45), vpsravd: int32Later(0x46),
  vpsllvq: both("Rv Vv Mv", "66.0f38.w1", 0x47, "avx2", "avx512f", "b64"),
  vpsrlvq: both("Rv Vv Mv", "66.0f38.w1", 0x45, "avx2", "avx512f", "b64"),
  vpsravq: new64(0x46),
  vprold: [evex("Vv Nv ib", "66.0f.w0", 0x72, "avx512f", "b32", { ext: 1 })],
  vprord: [evex("Vv Nv ib", "66.0f.w0", 0x72, "avx512f", "b32", { ext: 0 })],
  vprolvd: new32(0x15), vprorvd: new32(0x14),

  vcvtdq2ps: both("Rv Mv", "np.0f.w0", 0x5b, "avx", "avx512f", "b32"),
  vcvtps2dq: both("Rv Mv", "66.0f.w0", 0x5b, "avx", "avx512f", "b32"),
  vcvttps2dq: both("Rv Mv", "f3.0f.w0", 0x5b, "avx", "avx512f", "b32"),
  vcvtps2pd: both("Rv Mh", "np.0f.w0", 0x5a, "avx", "avx512f", "h32"),
  vcvtdq2pd: both("Rv Mh", "f3.0f.w0", 0xe6, "avx", "avx512f", "h32"),
  vcvtpd2ps: both("Rh Nv", "66.0f.wg", 0x5a, "avx", "avx512f", "b64"),
  vcvtpd2dq: both("Rh Nv", "f2.0f.wg", 0xe6, "avx", "avx512f", "b64"),
  vcvttpd2dq: both("Rh Nv", "66.0f.wg", 0xe6, "avx", "avx512f", "b64"),
  vcvtudq2ps: [evex("Rv Mv", "f2.0f.w0", 0x7a, "avx512f", "b32")],
  vcvtps2udq: [evex("Rv Mv", "np.0f.w0", 0x79, "avx512f", "b32")],
  vcvttps2udq: [evex("Rv Mv", "np.0f.w0", 0x78, "avx512f", "b32")],
  vcvtudq2pd: [evex("Rv Mh", "f3.0f.w0", 0x7a, "avx512f", "h32")],
  vcvttpd2udq: [evex("Rh Nv", "np.0f.w1", 0x78, "avx512f", "b64")],
  vcvtqq2pd: [evex("Rv Mv", "f3.0f.w1", 0xe6, "avx512dq", "b64")],
  vcvttpd2qq: [evex("Rv Mv", "66.0f.w1", 0x7a, "avx512dq", "b64")],
  vcvtph2ps: both("Rv Mh", "66.0f38.w0", 0x13, "f16c", "avx512f", "half"),
  vcvtps2ph: both("Mh Rv ib", "66.0f3a.w0", 0x1d, "f16c", "avx512f", "half"),
  vcvtsi2ss: both("Rx Vx Ng", "f3.0f.wr", 0x2a, "avx", "avx512f", 4, { masked: "never" }),
  vcvtsi2sd: both("Rx Vx Ng", "f2.0f.wr", 0x2a, "avx", "avx512f", 8, { masked: "never" }),
  vcvtss2si: both("Rg Mx", "f3.0f.wr", 0x2d, "avx", "avx512f", 4, { masked: "never" }),
  vcvtsd2si: both("Rg Mx", "f2.0f.wr", 0x2d, "avx", "avx512f", 8, { masked: "never" }),
  vcvttss2si: both("Rg Mx", "f3.0f.wr", 0x2c, "avx", "avx512f", 4, { masked: "never" }),
  vcvttsd2si: both("Rg Mx", "f2.0f.wr", 0x2c, "avx", "avx512f", 8, { masked: "never" }),
  vcvtss2sd: both("Rx Vx Mx", "f3.0f.w0", 0x5a, "avx", "avx512f", 4),
  vcvtsd2ss: both("Rx Vx Mx", "f2.0f.wg", 0x5a, "avx", "avx512f", 8),
} as const satisfies Record<string, readonly Row[]>;
