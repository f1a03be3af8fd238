// Instructions that work element by element, run on this machine at every width, with masks and broadcasts, against JavaScript.
import { at, mask, merging, rdi, routine, vector, zeroing, type Assembler, type Memory, type Vector } from "@weft/x64";
import { describe, expect, test } from "vitest";
import { generator, lacking, run } from "./opened.ts";

type Elements = "f32" | "f64" | "i32";
const kinds = { f32: Float32Array, f64: Float64Array, i32: Int32Array };
type Masks = ReturnType<typeof merging>;

/** An instruction with up to three vectors: what it does to the elements at one position (d is what was there before). */
interface Case {
  readonly name: string;
  readonly of: Elements;
  readonly emit: (code: Assembler, d: Vector, a: Vector, b: Vector | Memory, masks?: Masks) => void;
  readonly value: (a: number, b: number, d: number) => number;
  /** "vex" has no masks, "evex" nothing else. */
  readonly only?: "vex" | "evex";
}

type Binary = "vaddps" | "vsubps" | "vmulps" | "vdivps" | "vminps" | "vmaxps" | "vaddpd" | "vsubpd" | "vmulpd" | "vdivpd" | "vminpd" | "vmaxpd" | "vfmadd231ps" | "vfmadd213ps" | "vfmadd132ps" | "vfnmadd231ps" | "vfmsub231ps" | "vfmadd231pd" | "vpaddd" | "vpsubd" | "vpmulld" | "vpminsd" | "vpmaxsd" | "vpminud" | "vpmaxud" | "vpsllvd" | "vpsrlvd" | "vpsravd" | "vandps" | "vorps" | "vxorps" | "vandnps"; // prettier-ignore
const binary = (name: Binary, of: Elements, value: Case["value"]): Case => ({
  name,
  of,
  value,
  emit: (code, d, a, b, masks) => code.emit(name, d, a, b, masks),
});
type MaskedOnly = "vpandd" | "vpord" | "vpxord" | "vpandnd" | "vscalefps";
const maskedOnly = (name: MaskedOnly, of: Elements, value: Case["value"]): Case => ({
  name,
  of,
  value,
  only: "evex",
  emit: (code, d, a, b, masks) => code.emit(name, d, a, b, masks),
});
type Plain = "vpand" | "vpor" | "vpxor" | "vpandn";
const plain = (name: Plain, value: Case["value"]): Case => ({
  name,
  of: "i32",
  value,
  only: "vex",
  emit: (code, d, a, b) => code.emit(name, d, a, b),
});
type Unary = "vsqrtps" | "vsqrtpd" | "vpabsd";
const unary = (name: Unary, of: Elements, value: (b: number) => number): Case => ({
  name,
  of,
  value: (_, b) => value(b),
  emit: (code, d, _, b, masks) => code.emit(name, d, b, masks),
});
type Shift = "vpslld" | "vpsrld" | "vpsrad";
const shift = (name: Shift, n: number, value: (a: number) => number): Case => ({
  name: `${name} by ${n}`,
  of: "i32",
  value: (a) => value(a),
  emit: (code, d, a, _, masks) => code.emit(name, d, a, n, masks),
});

const words = new DataView(new ArrayBuffer(4));
/** The bits of an f32. */
const bits = (x: number): number => {
  words.setFloat32(0, x);
  return words.getInt32(0);
};
const onBits = (f: (a: number, b: number) => number) => (a: number, b: number) => {
  words.setInt32(0, f(bits(a), bits(b)));
  return words.getFloat32(0);
};
const even = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

// oxfmt-ignore
const cases: readonly Case[] = [
  binary("vaddps", "f32", (a, b) => a + b), binary("vsubps", "f32", (a, b) => a - b),
  binary("vmulps", "f32", (a, b) => a * b), binary("vdivps", "f32", (a, b) => a / b),
  binary("vminps", "f32", (a, b) => (a < b ? a : b)), binary("vmaxps", "f32", (a, b) => (a > b ? a : b)),
  binary("vaddpd", "f64", (a, b) => a + b), binary("vsubpd", "f64", (a, b) => a - b),
  binary("vmulpd", "f64", (a, b) => a * b), binary("vdivpd", "f64", (a, b) => a / b),
  binary("vminpd", "f64", (a, b) => (a < b ? a : b)), binary("vmaxpd", "f64", (a, b) => (a > b ? a : b)),
  binary("vfmadd231ps", "f32", (a, b, d) => a * b + d), binary("vfmadd213ps", "f32", (a, b, d) => a * d + b),
  binary("vfmadd132ps", "f32", (a, b, d) => d * b + a), binary("vfnmadd231ps", "f32", (a, b, d) => d - a * b),
  binary("vfmsub231ps", "f32", (a, b, d) => a * b - d), binary("vfmadd231pd", "f64", (a, b, d) => a * b + d),
  binary("vandps", "f32", onBits((a, b) => a & b)), binary("vorps", "f32", onBits((a, b) => a | b)),
  binary("vxorps", "f32", onBits((a, b) => a ^ b)), binary("vandnps", "f32", onBits((a, b) => ~a & b)),
  binary("vpaddd", "i32", (a, b) => a + b), binary("vpsubd", "i32", (a, b) => a - b),
  binary("vpmulld", "i32", (a, b) => Math.imul(a, b)),
  binary("vpminsd", "i32", (a, b) => Math.min(a, b)), binary("vpmaxsd", "i32", (a, b) => Math.max(a, b)),
  binary("vpminud", "i32", (a, b) => Math.min(a >>> 0, b >>> 0)), binary("vpmaxud", "i32", (a, b) => Math.max(a >>> 0, b >>> 0)),
  binary("vpsllvd", "i32", (a, b) => (b >>> 0 > 31 ? 0 : a << b)), binary("vpsrlvd", "i32", (a, b) => (b >>> 0 > 31 ? 0 : a >>> b)),
  binary("vpsravd", "i32", (a, b) => a >> (b >>> 0 > 31 ? 31 : b)),
  plain("vpand", (a, b) => a & b), plain("vpor", (a, b) => a | b), plain("vpxor", (a, b) => a ^ b), plain("vpandn", (a, b) => ~a & b),
  maskedOnly("vpandd", "i32", (a, b) => a & b), maskedOnly("vpord", "i32", (a, b) => a | b),
  maskedOnly("vpxord", "i32", (a, b) => a ^ b), maskedOnly("vpandnd", "i32", (a, b) => ~a & b),
  maskedOnly("vscalefps", "f32", (a, b) => a * 2 ** Math.floor(b)),
  unary("vsqrtps", "f32", Math.sqrt), unary("vsqrtpd", "f64", Math.sqrt), unary("vpabsd", "i32", Math.abs),
  shift("vpslld", 5, (a) => a << 5), shift("vpsrld", 7, (a) => a >>> 7), shift("vpsrad", 9, (a) => a >> 9),
  { name: "vroundps to even", of: "f32", only: "vex", value: (_, b) => even(b), emit: (code, d, _, b) => code.emit("vroundps", d, b, 8) },
  { name: "vroundps down", of: "f32", only: "vex", value: (_, b) => Math.floor(b), emit: (code, d, _, b) => code.emit("vroundps", d, b, 9) },
  { name: "vrndscaleps up", of: "f32", only: "evex", value: (_, b) => Math.ceil(b), emit: (code, d, _, b, m) => code.emit("vrndscaleps", d, b, 10, m) },
  { name: "vcmpps less, to a vector", of: "i32", only: "vex", value: (a, b) => -Number(asFloat(a) < asFloat(b)), emit: (code, d, a, b) => code.emit("vcmpps", d, a, b, 17) },
  { name: "vpcmpgtd, to a vector", of: "i32", only: "vex", value: (a, b) => -Number(a > b), emit: (code, d, a, b) => code.emit("vpcmpgtd", d, a, b) },
  { name: "vpternlogd: a if d, else b", of: "i32", only: "evex", value: (a, b, d) => (d & a) | (~d & b), emit: (code, d, a, b, m) => code.emit("vpternlogd", d, a, b, 0xca, m) },
  { name: "vcvtdq2ps", of: "i32", value: (_, b) => bits(b), emit: (code, d, _, b, m) => code.emit("vcvtdq2ps", d, b, m) },
  { name: "vcvttps2dq", of: "f32", value: (_, b) => asFloat(Math.trunc(b)), emit: (code, d, _, b, m) => code.emit("vcvttps2dq", d, b, m) },
  { name: "vcvtps2dq", of: "f32", value: (_, b) => asFloat(even(b)), emit: (code, d, _, b, m) => code.emit("vcvtps2dq", d, b, m) },
];

function asFloat(word: number): number {
  words.setInt32(0, word);
  return words.getFloat32(0);
}

/** Values on which sums of products are exact, so that it does not matter how often they are rounded; halves among them. */
const value = (of: Elements, n: (below: number) => number): number =>
  of === "i32" ? (n(4) === 0 ? n(40) : n(2 ** 32) | 0) : (n(2001) - 1000) / 2 || 1;

/** The vectors a, b and d, then the result, at these offsets of the arguments. */
const place = { a: 0, b: 64, d: 128, result: 192 };

const forms = [
  ...([128, 256] as const).map((width) => ({ width, how: "vex" })),
  ...([128, 256, 512] as const).flatMap((width) =>
    ["merging", "zeroing", "broadcast", "high registers"].map((how) => ({ width, how })),
  ),
];

describe.each(cases)("$name", ({ name, of, emit, value: wanted, only }) => {
  test.for(forms.filter(({ how }) => only === undefined || (how === "vex") === (only === "vex")))(
    "$width bits, $how",
    ({ width, how }, { skip }) => {
      const n = generator(name.length + width);
      const high = how === "vex" ? 8 : 16;
      const [d, a, b] = [1, 2, 3].map((i) => vector(high + i, width)) as [Vector, Vector, Vector];
      const masks = how === "merging" ? merging(mask(3)) : how === "zeroing" ? zeroing(mask(3)) : undefined;
      const selected = n(65536);
      const load = how === "vex" ? "vmovups" : "vmovdqu32";
      const code = routine((code) => {
        code.emit(load, d, at(rdi, place.d));
        code.emit(load, a, at(rdi, place.a));
        code.emit(load, b, at(rdi, place.b));
        if (masks !== undefined) code.emit("kmovw", mask(3), code.i32(selected));
        emit(code, d, a, how === "broadcast" ? at(rdi, place.b).broadcast() : b, masks);
        code.emit(load, at(rdi, place.result), d);
      });
      const lacks = lacking(code.needs);
      skip(lacks !== undefined, lacks);

      const Kind = kinds[of];
      const block = new ArrayBuffer(256);
      const at64 = (offset: number) => new Kind(block, offset, width / 8 / Kind.BYTES_PER_ELEMENT);
      for (const offset of [place.a, place.b, place.d]) at64(offset).forEach((_, i, all) => (all[i] = value(of, n)));
      if (name.includes("sqrt")) at64(place.b).forEach((x, i, all) => (all[i] = Math.abs(x)));
      if (name === "vscalefps") at64(place.b).forEach((x, i, all) => (all[i] = x % 20));
      const expected = at64(place.d).map((d, i) => {
        const one = at64(place.b)[how === "broadcast" ? 0 : i]!;
        if (masks !== undefined && ((selected >> i) & 1) === 0) return masks.zero ? 0 : d;
        return wanted(at64(place.a)[i]!, one, d);
      });
      run(code, new Uint8Array(block));
      expect(at64(place.result)).toEqual(expected);
    },
  );
});
