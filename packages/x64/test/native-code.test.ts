// Machine code for kernels: what this processor has must work, and what does not work is passed over.
import { I32, i32, type Local, type WriteModule } from "@weft/kernel/machine";
import { machines, nativeCode, openCodeMemory, type CodeMemory, type System } from "@weft/x64";
import { beforeEach, describe, expect, test } from "vitest";
import { codesIn } from "../src/native-code.ts";
import { loadSystem } from "../src/memory/system.ts";
import { lacking, unavailable } from "./opened.ts";

const kinds = ["avx512", "avx2"] as const;

// Other tests are skipped where code cannot run: that must not hide that it can run no more.
test.runIf(process.arch === "x64" && process.platform === "linux")("code runs on x86-64 and Linux", () => {
  expect(unavailable).toBeUndefined();
});

test.each(kinds)("code for %s passes its trial on a processor that has it", (kind) => {
  const lacks = lacking(machines[kind].target.needs);
  const code = nativeCode(kind);
  if (lacks === undefined) expect(code).toMatchObject({ machine: machines[kind].machine });
  else expect(code).toEqual({ reason: expect.any(String) });
});

/** Code in a memory of its own, on a system that can be changed later. */
function opened(limit?: number) {
  const real = loadSystem();
  if ("reason" in real) throw new Error(real.reason);
  const system: { -readonly [K in keyof System]: System[K] } = { ...real };
  const memory = openCodeMemory({ system, ...(limit === undefined ? {} : { limit }) }) as CodeMemory;
  const codes = codesIn(memory);
  if ("reason" in codes) throw new Error(codes.reason);
  return { system, real, codes };
}

/** Has the next so many pieces of code do nothing. */
function spoil({ system, real }: ReturnType<typeof opened>, times: number): void {
  system.write = (address, bytes) => real.write(address, times-- > 0 ? new Uint8Array(bytes.length).fill(0xc3) : bytes);
}
/** Refuses so many times to make memory executable. */
function refuse({ system, real }: ReturnType<typeof opened>, times: number): void {
  system.execute = (address, bytes) => times-- <= 0 && real.execute(address, bytes);
  system.fault = () => "mprotect failed with EACCES";
}
const wrong = (name: string) => `x86-64 ${name}: code that was run did not give what it should`;
const refused = (name: string) =>
  `x86-64 ${name}: the system does not make memory executable: mprotect failed with EACCES`;

describe("the widest vectors that work", () => {
  const lacks = lacking(kinds.flatMap((kind) => machines[kind].target.needs));
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks));

  test("are those of AVX-512, and nothing was refused", () => {
    const code = opened().codes();
    expect(code).toMatchObject({ machine: machines.avx512.machine });
    expect(code).not.toHaveProperty("refused");
  });
  test.each([
    ["does nothing", spoil, wrong],
    ["has no memory", refuse, refused],
  ] as const)("are those of AVX2 where code for AVX-512 %s", (_, spoiling, reason) => {
    const one = opened();
    spoiling(one, 1);
    expect(one.codes()).toMatchObject({ machine: machines.avx2.machine, refused: reason("AVX-512") });
    expect(one.codes()).toBe(one.codes());
    expect(one.codes("avx512")).toEqual({ reason: reason("AVX-512") });
    expect(one.codes("avx2")).not.toHaveProperty("refused");
  });
  test.each([
    [spoil, wrong],
    [refuse, refused],
  ] as const)("are none where both fail, and each says why", (spoiling, reason) => {
    const one = opened();
    spoiling(one, 2);
    expect(one.codes()).toEqual({ reason: `${reason("AVX-512")}; ${reason("AVX2")}` });
  });
});

describe.each(kinds)("memory for code of %s that is full", (kind) => {
  const lacks = lacking(machines[kind].target.needs);
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks));
  const write: WriteModule = (module) => {
    const f = module.func("store", [I32]);
    f.do(i32.store(f.params[0] as Local<typeof I32>, i32.const(7)));
  };

  test("is a reason, and what was compiled before stays", () => {
    const code = opened(1 << 16).codes(kind);
    if ("reason" in code) throw new Error(code.reason);
    const first = code.compile("0", write);
    let n = 1;
    let last = first;
    for (; !("reason" in last); n++) last = code.compile(String(n), write);
    expect(last).toEqual({
      reason: expect.stringMatching(/^code takes 65536 bytes, and 65536 more would be above the limit/),
    });
    expect(n).toBeGreaterThan(5);
    expect(code.compile("0", write)).toBe(first);
  });
  test("that cannot be made executable is a reason, and no error", () => {
    const one = opened();
    const code = one.codes(kind);
    if ("reason" in code) throw new Error(code.reason);
    refuse(one, 1);
    expect(code.compile("store", write)).toEqual({ reason: refused("").replace(/^.*?: /, "") });
    expect(code.compile("store", write)).toMatchObject({ entries: ["store"] });
  });
});
