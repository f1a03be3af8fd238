// What a backend may compute with, for tests that run for each: WebAssembly, and machine code for the processor's widest vectors.
import { beforeEach, vi } from "vitest";
import { nativeCode, type Native } from "../src/native.ts";

const widest: Native = "reason" in nativeCode("avx512") ? "avx2" : "avx512";

export const codes = [
  ["WebAssembly", false],
  ["machine code", widest],
] as const;

/** Why there is no such code here; undefined if there is. */
export function lacking(native: Native): string | undefined {
  const code = native === false ? undefined : nativeCode(native);
  return code !== undefined && "reason" in code ? code.reason : undefined;
}

/** Has the backends that tests open without the option, also in other processes, compute with this code, or skips the tests. */
export function computingWith(native: Native): void {
  beforeEach(({ skip }) => {
    const reason = lacking(native);
    skip(reason !== undefined, reason);
    vi.stubEnv("WEFT_NATIVE", String(native));
  });
}
