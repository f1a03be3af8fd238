// Instructions that move elements, convert between widths, or work on masks and general registers: run on this machine.
import {
  at,
  cl,
  general,
  mask,
  merging,
  r8,
  r9,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  routine,
  rsi,
  xmm,
  ymm,
  zeroing,
  zmm,
  type Assembler,
  type Condition,
} from "@weft/x64";
import { expect, test } from "vitest";
import { generator, lacking, run } from "./opened.ts";

/** The arguments: input at 0 and 64, result at 128. */
const A = at(rdi);
const B = at(rdi, 64);
const OUT = at(rdi, 128);

interface Case {
  readonly name: string;
  readonly body: (code: Assembler) => void;
  /** What the result begins with, of 16 elements of a and b each. */
  readonly wanted: (a: Int32Array, b: Int32Array) => ArrayLike<number>;
  readonly of?: "i32" | "u8" | "i16" | "f32" | "f64";
}

const list = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
const bytesOf = (a: Int32Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, 64);
const shortsOf = (a: Int32Array): Int16Array => new Int16Array(a.buffer, a.byteOffset, 32);
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** Both inputs in ymm or zmm 1 and 2, one instruction into 0, the result stored. */
const two256 = (f: (code: Assembler) => void) => (code: Assembler) => {
  code.emit("vmovdqu", ymm(1), A);
  code.emit("vmovdqu", ymm(2), B);
  f(code);
  code.emit("vmovdqu", OUT, ymm(0));
};
const two512 = (f: (code: Assembler) => void) => (code: Assembler) => {
  code.emit("vmovdqu32", zmm(1), A);
  code.emit("vmovdqu32", zmm(2), B);
  f(code);
  code.emit("vmovdqu32", OUT, zmm(0));
};

// oxfmt-ignore
const cases: readonly Case[] = [
  { name: "vunpcklps", body: two256((c) => c.emit("vunpcklps", ymm(0), ymm(1), ymm(2))), wanted: (a, b) => [0, 1, 4, 5].flatMap((i) => [a[i]!, b[i]!]) },
  { name: "vunpckhps", body: two256((c) => c.emit("vunpckhps", ymm(0), ymm(1), ymm(2))), wanted: (a, b) => [2, 3, 6, 7].flatMap((i) => [a[i]!, b[i]!]) },
  { name: "vunpcklpd of 512 bits", body: two512((c) => c.emit("vunpcklpd", zmm(0), zmm(1), zmm(2))), wanted: (a, b) => [0, 4, 8, 12].flatMap((i) => [a[i]!, a[i + 1]!, b[i]!, b[i + 1]!]) },
  { name: "vshufps", body: two256((c) => c.emit("vshufps", ymm(0), ymm(1), ymm(2), 0b11_10_01_00)), wanted: (a, b) => [0, 4].flatMap((i) => [a[i]!, a[i + 1]!, b[i + 2]!, b[i + 3]!]) },
  { name: "vpshufd", body: two256((c) => c.emit("vpshufd", ymm(0), ymm(1), 0b00_01_10_11)), wanted: (a) => [3, 2, 1, 0, 7, 6, 5, 4].map((i) => a[i]!) },
  { name: "vpermilps", body: two256((c) => c.emit("vpermilps", ymm(0), ymm(1), 0b10_11_00_01)), wanted: (a) => [1, 0, 3, 2, 5, 4, 7, 6].map((i) => a[i]!) },
  { name: "vperm2f128", body: two256((c) => c.emit("vperm2f128", ymm(0), ymm(1), ymm(2), 0x31)), wanted: (a, b) => [...a.slice(4, 8), ...b.slice(4, 8)] },
  { name: "vshuff32x4", body: two512((c) => c.emit("vshuff32x4", zmm(0), zmm(1), zmm(2), 0b11_10_01_00)), wanted: (a, b) => [...a.slice(0, 8), ...b.slice(8)] },
  { name: "vpermd", body: two256((c) => c.emit("vpermd", ymm(0), ymm(2), ymm(1))), wanted: (a, b) => list(8, (i) => a[b[i]! & 7]!) },
  { name: "vpermps of 512 bits", body: two512((c) => c.emit("vpermps", zmm(0), zmm(2), zmm(1))), wanted: (a, b) => list(16, (i) => a[b[i]! & 15]!) },
  { name: "vpermq", body: two256((c) => c.emit("vpermq", ymm(0), ymm(1), 0b00_01_10_11)), wanted: (a) => [6, 7, 4, 5, 2, 3, 0, 1].map((i) => a[i]!) },
  { name: "vpermi2d", body: two512((c) => { c.emit("vmovdqu32", zmm(0), c.i32(...list(16, (i) => 31 - 2 * i).map((i) => Math.abs(i)))); c.emit("vpermi2d", zmm(0), zmm(1), zmm(2)); }), wanted: (a, b) => list(16, (i) => [...a, ...b][Math.abs(31 - 2 * i)]!) },
  { name: "valignd", body: two512((c) => c.emit("valignd", zmm(0), zmm(1), zmm(2), 3)), wanted: (a, b) => [...b.slice(3), ...a.slice(0, 3)] },
  { name: "vpalignr", body: two256((c) => c.emit("vpalignr", ymm(0), ymm(1), ymm(2), 4)), wanted: (a, b) => [b[1]!, b[2]!, b[3]!, a[0]!, b[5]!, b[6]!, b[7]!, a[4]!] },
  { name: "vextractf128 and vinsertf128", body: two256((c) => { c.emit("vextractf128", xmm(3), ymm(1), 1); c.emit("vinsertf128", ymm(0), ymm(2), xmm(3), 0); }), wanted: (a, b) => [...a.slice(4, 8), ...b.slice(4, 8)] },
  { name: "vextractf64x4 and vinsertf32x4", body: two512((c) => { c.emit("vextractf64x4", ymm(20), zmm(1), 1); c.emit("vinsertf32x4", zmm(0), zmm(2), xmm(20), 2); }), wanted: (a, b) => [...b.slice(0, 8), ...a.slice(8, 12), ...b.slice(12)] },
  { name: "vbroadcastss", body: two512((c) => c.emit("vbroadcastss", zmm(0), at(rdi, 20))), wanted: (a) => list(16, () => a[5]!) },
  { name: "vbroadcastf32x4", body: two512((c) => c.emit("vbroadcastf32x4", zmm(0), at(rdi, 16))), wanted: (a) => list(16, (i) => a[4 + (i & 3)]!) },
  { name: "vpbroadcastd of a general register", body: two512((c) => { c.emit("mov", r9.low, at(rdi, 8)); c.emit("vpbroadcastd", zmm(0), r9.low); }), wanted: (a) => list(16, () => a[2]!) },
  { name: "vblendps", body: two256((c) => c.emit("vblendps", ymm(0), ymm(1), ymm(2), 0b1010_0101)), wanted: (a, b) => list(8, (i) => ((0b1010_0101 >> i) & 1 ? b : a)[i]!) },
  { name: "vblendvps", body: two256((c) => c.emit("vblendvps", ymm(0), ymm(1), ymm(2), ymm(2))), wanted: (a, b) => list(8, (i) => (b[i]! < 0 ? b : a)[i]!) },
  { name: "vblendmps with a compared mask", body: two512((c) => { c.emit("vpcmpd", mask(2), zmm(1), zmm(2), 1); c.emit("vblendmps", zmm(0), zmm(1), zmm(2), merging(mask(2))); }), wanted: (a, b) => list(16, (i) => Math.max(a[i]!, b[i]!)) },
  { name: "vpcmpeqd to a mask, knotw, vpmovm2d", body: two512((c) => { c.emit("vpcmpeqd", mask(1), zmm(1), zmm(2)); c.emit("knotw", mask(1), mask(1)); c.emit("vpmovm2d", zmm(0), mask(1)); }), wanted: (a, b) => list(16, (i) => (a[i] === b[i] ? 0 : -1)) },
  { name: "vpmovd2m and kmovw", body: two512((c) => { c.emit("vpxord", zmm(0), zmm(0), zmm(0)); c.emit("vpmovd2m", mask(5), zmm(1)); c.emit("kmovw", rax.low, mask(5)); c.emit("vmovd", xmm(0), rax.low); }), wanted: (a) => [list(16, (i) => Number(a[i]! < 0) << i).reduce((x, y) => x | y), ...list(15, () => 0)] },
  { name: "vmovmskps", body: two256((c) => { c.emit("vmovmskps", rax.low, ymm(1)); c.emit("vmovd", xmm(0), rax.low); }), wanted: (a) => [list(8, (i) => Number(a[i]! < 0) << i).reduce((x, y) => x | y), ...list(7, () => 0)] },
  { name: "vgatherdps", body: two256((c) => { c.emit("vpsrld", ymm(2), ymm(2), 28); c.emit("vpcmpeqd", ymm(3), ymm(3), ymm(3)); c.emit("vgatherdps", ymm(0), at(rdi, 0, ymm(2), 4), ymm(3)); }), wanted: (a, b) => list(8, (i) => a[b[i]! >>> 28]!) },
  { name: "vpgatherdd with a mask", body: two512((c) => { c.emit("vpxord", zmm(0), zmm(0), zmm(0)); c.emit("vpsrld", zmm(18), zmm(2), 28); c.emit("mov", rax, 0x5555); c.emit("kmovw", mask(1), rax.low); c.emit("vpgatherdd", zmm(0), at(rdi, 0, zmm(18), 4), merging(mask(1))); }), wanted: (a, b) => list(16, (i) => (i % 2 === 0 ? a[b[i]! >>> 28]! : 0)) },
  { name: "vpcompressd", body: two512((c) => { c.emit("vpmovd2m", mask(1), zmm(2)); c.emit("vpcompressd", zmm(0), zmm(1), zeroing(mask(1))); }), wanted: (a, b) => { const kept = a.filter((_, i) => b[i]! < 0); return [...kept, ...list(16 - kept.length, () => 0)]; } },
  { name: "vmaskmovps", body: two256((c) => { c.emit("vmaskmovps", ymm(0), ymm(2), A); }), wanted: (a, b) => list(8, (i) => (b[i]! < 0 ? a[i]! : 0)) },
  { name: "vpmovzxbd", body: two512((c) => c.emit("vpmovzxbd", zmm(0), A)), wanted: (a) => list(16, (i) => bytesOf(a)[i]!) },
  { name: "vpmovsxwd", body: two256((c) => c.emit("vpmovsxwd", ymm(0), xmm(1))), wanted: (a) => list(8, (i) => shortsOf(a)[i]!) },
  { name: "vpmovdb", body: (c) => { c.emit("vmovdqu32", zmm(1), A); c.emit("vpmovdb", OUT, zmm(1)); }, of: "u8", wanted: (a) => list(16, (i) => a[i]! & 255) },
  { name: "vpmovusdb", body: (c) => { c.emit("vmovdqu32", zmm(1), A); c.emit("vpmovusdb", OUT, zmm(1)); }, of: "u8", wanted: (a) => list(16, (i) => clamp(a[i]! >>> 0, 0, 255)) },
  { name: "vpackssdw", body: two256((c) => c.emit("vpackssdw", ymm(0), ymm(1), ymm(2))), of: "i16", wanted: (a, b) => [0, 4].flatMap((i) => [...a.slice(i, i + 4), ...b.slice(i, i + 4)]).map((x) => clamp(x, -32768, 32767)) },
  { name: "vcvtps2pd", body: (c) => { c.emit("vcvtdq2ps", xmm(1), A); c.emit("vcvtps2pd", ymm(0), xmm(1)); c.emit("vmovupd", OUT, ymm(0)); }, of: "f64", wanted: (a) => list(4, (i) => Math.fround(a[i]!)) },
  { name: "vcvtdq2pd and vcvtpd2ps", body: (c) => { c.emit("vcvtdq2pd", zmm(1), A); c.emit("vcvtpd2ps", ymm(0), zmm(1)); c.emit("vmovups", OUT, ymm(0)); }, of: "f32", wanted: (a) => list(8, (i) => Math.fround(a[i]!)) },
  { name: "vcvtdq2pd and vcvttpd2dq", body: (c) => { c.emit("vcvtdq2pd", ymm(1), A); c.emit("vcvttpd2dq", xmm(0), ymm(1)); c.emit("vmovdqu", OUT, xmm(0)); }, wanted: (a) => a.slice(0, 4) },
  { name: "vcvtph2ps and vcvtps2ph", body: (c) => { c.emit("vmovups", ymm(1), c.f32(1, -2, 0.5, 65504, 3, 4, 5, 6)); c.emit("vcvtps2ph", xmm(2), ymm(1), 0); c.emit("vcvtph2ps", ymm(0), xmm(2)); c.emit("vmovups", OUT, ymm(0)); }, of: "f32", wanted: () => [1, -2, 0.5, 65504, 3, 4, 5, 6] },
  { name: "vmovss, vextractps, vinsertps and vpextrd", body: (c) => { c.emit("vmovups", xmm(1), A); c.emit("vmovss", xmm(2), at(rdi, 64)); c.emit("vinsertps", xmm(2), xmm(2), xmm(1), 0b00_01_0000); c.emit("vmovups", OUT, xmm(2)); c.emit("vextractps", at(rdi, 144), xmm(1), 2); c.emit("vpextrd", rax.low, xmm(1), 3); c.emit("mov", at(rdi, 148), rax.low); }, wanted: (a, b) => [b[0]!, a[0]!, 0, 0, a[2]!, a[3]!] },
  { name: "vcvtsi2ss and vcvttss2si", body: (c) => { c.emit("movsxd", rax, A); c.emit("vcvtsi2ss", xmm(1), xmm(1), rax); c.emit("vcvttss2si", rcx, xmm(1)); c.emit("mov", OUT, rcx); }, wanted: (a) => [Math.fround(a[0]!) | 0, a[0]! >> 31] },
  { name: "mov8, mov16, movzx and movsx", body: (c) => { c.emit("mov", rsi.low, A); for (const i of [0, 4, 8, 12]) c.emit("mov", at(rdi, 128 + i), rax.low); c.emit("movzx8", rax.low, rsi); c.emit("movsx16", rcx, A); c.emit("mov", OUT, rax.low); c.emit("mov", at(rdi, 132), rcx.low); c.emit("xor", rax.low, rax.low); c.emit("mov", at(rdi, 136), rax); c.emit("mov8", at(rdi, 136), rsi); c.emit("mov16", at(rdi, 140), rsi); }, wanted: (a) => [a[0]! & 255, (a[0]! << 16) >> 16, a[0]! & 255, a[0]! & 65535] },
  { name: "lea, imul, shl, sar and bzhi", body: (c) => { c.emit("movsxd", rax, A); c.emit("mov", rcx, 3); c.emit("lea", rdx.low, at(rax, 7, rcx, 8)); c.emit("mov", OUT, rdx.low); c.emit("imul", rdx.low, rax.low, -1000); c.emit("mov", at(rdi, 132), rdx.low); c.emit("shl", rax.low, cl); c.emit("sar", rax.low, 1); c.emit("mov", at(rdi, 136), rax.low); c.emit("mov", r8, -1); c.emit("bzhi", r9.low, r8.low, rcx.low); c.emit("mov", at(rdi, 140), r9.low); }, wanted: (a) => [(a[0]! + 31) | 0, Math.imul(a[0]!, -1000), (a[0]! << 3) >> 1, 7] },
  { name: "constants behind code that saves registers", body: (c) => { const end = c.label(); c.emit("mov", rbx, c.i32(5, 0)); c.emit("mov", general(15), c.i32(6, 0)); c.align(32); c.emit("add", rbx, general(15)); c.emit("jmp", end); for (let i = 0; i < 200; i++) c.emit("inc", rbx); c.bind(end); c.emit("mov", OUT, rbx); }, wanted: () => [11, 0] },
  { name: "a loop with a call, and registers that the caller keeps", body: (c) => { const add = c.label("add"); const over = c.label("over"); c.emit("mov", rbx, A); c.emit("xor", general(12).low, general(12).low); c.emit("mov", rcx, 1000); const top = c.here(); c.emit("call", add); c.emit("dec", rcx); c.emit("jcc", "ne", top); c.emit("mov", OUT, general(12).low); c.emit("jmp", over); c.bind(add); c.emit("add", general(12), rbx); c.emit("ret"); c.bind(over); }, wanted: (a) => [Math.imul(a[0]!, 1000)] },
];

const results = { i32: Int32Array, u8: Uint8Array, i16: Int16Array, f32: Float32Array, f64: Float64Array };

test.for(cases)("$name", ({ name, body, wanted, of = "i32" }, { skip }) => {
  const code = routine(body);
  const lacks = lacking(code.needs);
  skip(lacks !== undefined, lacks);
  const n = generator(name.length);
  const block = new ArrayBuffer(192);
  const a = new Int32Array(block, 0, 16).map(() => n(2 ** 32));
  const b = new Int32Array(block, 64, 16).map((_, i) => (n(8) === 0 ? a[i]! : n(2 ** 32)));
  new Int32Array(block).set([...a, ...b]);
  run(code, new Uint8Array(block));
  const expected = Array.from(wanted(a, b));
  expect(Array.from(new results[of](block, 128, expected.length))).toEqual(expected);
});

const compared: readonly (readonly [Condition, (a: number, b: number) => boolean])[] = [
  ["e", (a, b) => a === b],
  ["ne", (a, b) => a !== b],
  ["l", (a, b) => a < b],
  ["le", (a, b) => a <= b],
  ["g", (a, b) => a > b],
  ["ge", (a, b) => a >= b],
  ["b", (a, b) => a >>> 0 < b >>> 0],
  ["be", (a, b) => a >>> 0 <= b >>> 0],
  ["a", (a, b) => a >>> 0 > b >>> 0],
  ["ae", (a, b) => a >>> 0 >= b >>> 0],
];

test.for(compared)("%s is one condition for setcc, cmovcc and jcc", ([condition, holds], { skip }) => {
  const code = routine((c, exit) => {
    c.emit("mov", rax.low, A);
    c.emit("cmp", rax.low, at(rdi, 4));
    c.emit("mov", rcx.low, 0);
    c.emit("setcc", condition, rcx);
    c.emit("mov", rdx.low, 0);
    c.emit("mov", rsi.low, 1);
    c.emit("cmovcc", condition, rdx.low, rsi.low);
    c.emit("mov", at(rdi, 8), rcx.low);
    c.emit("mov", at(rdi, 12), rdx.low);
    c.emit("jcc", condition, exit);
    c.emit("mov", at(rdi, 16), rsi.low);
  });
  skip(lacking([]) !== undefined, lacking([]));
  for (const [a, b] of [
    [1, 2],
    [2, 1],
    [2, 2],
    [-1, 1],
    [1, -1],
  ] as const) {
    const block = Int32Array.of(a, b, 9, 9, 0);
    run(code, block);
    expect(Array.from(block.subarray(2))).toEqual([Number(holds(a, b)), Number(holds(a, b)), Number(!holds(a, b))]);
  }
});
