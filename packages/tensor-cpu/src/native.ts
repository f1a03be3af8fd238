// Machine code of the processor, from @weft/x64 where that is installed and the processor is one of its own.
import type { NativeCode, Refusal } from "@weft/kernel/machine";

/** What `open({ native })` may say: whether to use machine code, or with vectors of which kind. */
export type Native = boolean | "avx2" | "avx512";

/** What is used of Node and of the package. */
interface Host {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    getBuiltinModule?(name: "node:module"): { createRequire(from: string): (name: string) => unknown } | undefined;
  };
}
interface Package {
  nativeCode(vectors?: "avx2" | "avx512"): NativeCode | Refusal;
}

const known = new Map<Native, NativeCode | Refusal>();

/** Machine code, or why there is none. What is there is found once. */
export function nativeCode(wanted: Native): NativeCode | Refusal {
  let found = known.get(wanted);
  if (found === undefined) known.set(wanted, (found = find(wanted)));
  return found;
}

function find(wanted: Native): NativeCode | Refusal {
  const { process } = globalThis as Host;
  if (wanted === false) return { reason: "native: false" };
  if (wanted === true && process?.env?.["WEFT_NATIVE"] === "0") return { reason: "WEFT_NATIVE=0" };
  const node = process?.getBuiltinModule?.("node:module");
  if (node === undefined) return { reason: "machine code runs in Node alone" };
  try {
    // Required when the first code is compiled, which does not wait; and so that no bundler of pages meets the name.
    const { nativeCode } = node.createRequire((import.meta as unknown as { readonly url: string }).url)(
      "@weft/x64",
    ) as Package;
    return nativeCode(wanted === true ? undefined : wanted);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const missing = code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
    return { reason: missing ? "@weft/x64 is not installed" : `@weft/x64 could not be loaded (${message})` };
  }
}
