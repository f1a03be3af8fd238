// Labels, jumps, constants, what routines save, and the messages for operands that an instruction does not take.
import {
  Assembler,
  Label,
  at,
  general,
  mask,
  merging,
  r12,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  routine,
  rsp,
  xmm,
  ymm,
  zeroing,
  zmm,
} from "@weft/x64";
import { describe, expect, test } from "vitest";
import { lacking, run } from "./opened.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const assembled = (body: (code: Assembler) => void): string => {
  const code = new Assembler();
  body(code);
  return hex(code.finish().bytes);
};

describe("jumps", () => {
  /** A jump over so many bytes. */
  const over = (bytes: number, name: "jmp" | "jcc") =>
    assembled((code) => {
      const end = code.label();
      if (name === "jmp") code.emit("jmp", end);
      else code.emit("jcc", "l", end);
      for (let i = 0; i < bytes; i++) code.emit("ret");
      code.bind(end);
    }).replace(/(c3)+$/, "");
  test("forward are short up to 127 bytes", () => {
    expect([over(0, "jmp"), over(127, "jmp"), over(128, "jmp")]).toEqual(["eb00", "eb7f", "e980000000"]);
    expect([over(0, "jcc"), over(127, "jcc"), over(128, "jcc")]).toEqual(["7c00", "7c7f", "0f8c80000000"]);
  });
  test("backward are short up to 128 bytes, their own among them", () => {
    const back = (bytes: number) =>
      assembled((code) => {
        const top = code.here();
        for (let i = 0; i < bytes; i++) code.emit("ret");
        code.emit("jmp", top);
      }).replace(/^(c3)+/, "");
    expect([back(126), back(127)]).toEqual(["eb80", "e97cffffff"]);
  });
  test("that become long make others long", () => {
    // The first reaches its label only as long as the second is short, and that does not reach.
    const code = assembled((code) => {
      const [near, far] = [code.label(), code.label()];
      code.emit("jmp", near);
      code.emit("jmp", far);
      for (let i = 0; i < 124; i++) code.emit("ret");
      code.bind(near);
      for (let i = 0; i < 10; i++) code.emit("ret");
      code.bind(far);
    });
    expect(code.slice(0, 20)).toBe("e981000000e986000000");
  });
  test("calls have four bytes", () => {
    expect(assembled((code) => code.emit("call", code.here()))).toBe("e8fbffffff");
  });
  test("go to labels that are bound once", () => {
    const code = new Assembler();
    const label = code.here("twice");
    expect(() => code.bind(label)).toThrow("x64: label twice is bound twice");
    code.emit("jmp", new Label("nowhere"));
    expect(() => code.finish()).toThrow("x64: label nowhere is used and not bound; bind it where it should lead");
  });
});

test("aligned code goes on at a multiple", () => {
  const code = assembled((code) => {
    code.emit("ret");
    code.align(16);
    code.emit("ret");
  });
  expect(code).toHaveLength(2 * 17);
  expect(code).toMatch(/^c3(660f1f840000000000)(660f1f440000)c3$/);
});

test("constants are behind the code, aligned, and equal ones once", () => {
  const code = new Assembler();
  code.emit("vmovups", xmm(0), code.f32(1, 2, 3, 4));
  code.emit("vmovss", xmm(1), code.f32(1.5));
  code.emit("vmovss", xmm(1), code.f32(1.5));
  code.emit("vaddps", zmm(0), zmm(0), code.f32(1.5).broadcast());
  code.emit("vpinsrd", xmm(1), xmm(1), code.i32(7), 1); // a number follows the displacement
  const { bytes, needs } = code.finish();
  expect(hex(bytes.subarray(0, 8))).toBe(`c5f81005${hex(Uint8Array.of(48 - 8, 0, 0, 0))}`);
  expect([...new Float32Array(bytes.buffer, 48, 5)]).toEqual([1, 2, 3, 4, 1.5]);
  expect([...new Int32Array(bytes.buffer, 68, 1)]).toEqual([7]);
  expect(bytes).toHaveLength(72);
  const words = new DataView(bytes.buffer);
  expect(words.getInt32(12, true) + 16).toBe(64);
  expect(words.getInt32(20, true) + 24).toBe(64);
  expect(words.getInt32(30, true) + 34).toBe(64);
  expect(words.getInt32(39, true) + 44).toBe(68);
  expect([...needs].toSorted()).toEqual(["avx", "avx512f"]);
});

test("code says what it needs", () => {
  const needs = (body: (code: Assembler) => void): string[] => [...routine(body).needs].toSorted();
  expect(needs((code) => code.emit("add", rax, 1))).toEqual([]);
  expect(needs((code) => code.emit("vpaddd", ymm(1), ymm(2), ymm(3)))).toEqual(["avx", "avx2"]);
  expect(needs((code) => code.emit("vpaddd", ymm(17), ymm(2), ymm(3)))).toEqual(["avx", "avx512f", "avx512vl"]);
  expect(needs((code) => code.emit("vpaddb", zmm(1), zmm(2), zmm(3)))).toEqual(["avx", "avx512bw"]);
});

describe("what an instruction does not take", () => {
  const refused = (body: (code: Assembler) => void) => expect(() => assembled(body));
  test("is said with what it takes", () => {
    refused((code) => code.emit("vaddps", zmm(1), ymm(2), zmm(3))).toThrow(
      "x64: vaddps does not take (zmm1, ymm2, zmm3); it takes (vector, vector, vector or memory) [128 to 256 bits, registers 0 to 15] or (vector, vector, vector or memory, masking if wanted) [128 to 512 bits, AVX-512]",
    );
    refused((code) => code.emit("add", rax, rcx.low)).toThrow("x64: add does not take (rax, ecx)");
    refused((code) => code.emit("add", rax, 2 ** 31)).toThrow("number of 32 bits with a sign");
    refused((code) => code.emit("shl", rax, 1.5)).toThrow("x64: shl does not take (rax, 1.5)");
    refused((code) => code.emit("vperm2f128", xmm(1), xmm(1), xmm(1), 0)).toThrow("[256 to 256 bits");
    refused((code) => code.emit("vroundps", ymm(16), ymm(1), 0)).toThrow("registers 0 to 15");
    refused((code) => code.emit("vpaddb", zmm(1), zmm(1), at(rdi).broadcast())).toThrow("{broadcast}");
    refused((code) => code.emit("vpgatherdd", zmm(1), at(rdi, 0, zmm(2), 4))).toThrow("masking");
    refused((code) => code.emit("vmovups", at(rdi), zmm(1), zeroing(mask(1)))).toThrow("{k1}{z}");
    refused((code) => code.emit("vcmpps", mask(2), zmm(1), zmm(1), 1, zeroing(mask(1)))).toThrow("{k1}{z}");
  });
  test("is a type error where types can say it", () => {
    // @ts-expect-error a mask is no vector
    refused((code) => code.emit("vaddps", mask(1), zmm(2), zmm(3))).toThrow(TypeError);
    // @ts-expect-error an operand is missing
    refused((code) => code.emit("vaddps", zmm(1), zmm(2))).toThrow(TypeError);
    // @ts-expect-error memory is stored to by another form
    refused((code) => code.emit("vaddps", at(rdi), zmm(2), zmm(3))).toThrow(TypeError);
    // @ts-expect-error it moves 32 bits
    refused((code) => code.emit("vmovd", xmm(1), rax)).toThrow("general register of 32 bits or memory");
    // @ts-expect-error there is no such condition
    refused((code) => code.emit("setcc", "zz", rax)).toThrow(TypeError);
    // @ts-expect-error what VEX encodes has no masks
    refused((code) => code.emit("vroundps", ymm(1), ymm(2), 8, merging(mask(1)))).toThrow(TypeError);
  });
  test("is refused by the operands themselves", () => {
    expect(() => at(rdi, 0, rsp)).toThrow("x64: rsp cannot be an index; use it as the base");
    expect(() => at(rdi, 2 ** 31)).toThrow("x64: a displacement is an integer of 32 bits, not 2147483648");
    expect(() => merging(mask(0))).toThrow("x64: k0 means that nothing is masked; use k1 to k7");
    expect(() => zmm(32)).toThrow("x64: there is no vector register 32; they go from 0 to 31");
    expect(() => general(16)).toThrow("x64: there is no general register 16; they go from 0 to 15");
  });
});

describe("a routine", () => {
  test("saves nothing that it need not", () => {
    expect(hex(routine((code) => code.emit("mov", rax, at(rdi)), { convention: "system-v" }).bytes)).toBe("488b07c3");
  });
  test("saves what the caller keeps, and leaves no upper halves behind", () => {
    const body = (code: Assembler): void => {
      code.emit("mov", rbx, rdi);
      code.emit("mov", r12, rdi);
      code.emit("vmovups", ymm(6), at(rbx));
    };
    const bytes = (convention: "system-v" | "windows") => hex(routine(body, { convention }).bytes);
    expect(bytes("system-v")).toBe(
      ["53", "4154", "4889fb", "4989fc", "c5fc1033", "415c", "5b", "c5f877", "c3"].join(""),
    );
    // Windows keeps rdi and the lower halves of xmm6 to xmm15, too, and passes the argument in rcx.
    const before = ["55", "4889e5", "53", "57", "4154", "4883ec10", "4883e4c0", "c5f8113424", "4889cf"];
    const inside = ["4889fb", "4989fc", "c5fc1033"];
    const after = ["c5f8103424", "488d65e8", "415c", "5f", "5b", "5d", "c5f877", "c3"];
    expect(bytes("windows")).toBe([...before, ...inside, ...after].join(""));
  });
  test("has aligned stack, and rbp for itself then", ({ skip }) => {
    expect(() => routine((code) => code.emit("mov", rbp, rdi), { stack: 64 })).toThrow(
      "x64: rbp holds the stack of this routine; use another register",
    );
    expect(() => routine(() => {}, { stack: 5000 })).toThrow("0 to 3584 bytes of stack, not 5000");
    const code = routine(
      (code) => {
        code.emit("mov", rax, at(rdi));
        code.emit("mov", at(rsp, 192), rax);
        code.emit("mov", rbx, 7);
        code.emit("mov", rcx, at(rsp, 192));
        code.emit("add", rcx, rbx);
        code.emit("mov", at(rdi), rcx);
        code.emit("mov", at(rdi, 8), rsp);
      },
      { stack: 200 },
    );
    skip(lacking([]) !== undefined, lacking([]));
    const words = BigInt64Array.of(35n, 0n);
    run(code, words);
    expect([words[0], words[1]! % 64n]).toEqual([42n, 0n]);
  });
});
