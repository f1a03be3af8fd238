// Machine code of the processor, from @weft/x64 where that is installed and the processor is one of its own.
import type { NativeCode, Refusal } from "@weft/kernel/machine";

/** What `open({ native })` may say: whether to use machine code, or with vectors of which kind. */
export type Native = boolean | "avx2" | "avx512";

/** What is used of Node (Bun and Deno have it, too), of Deno, and of the package. */
interface Host {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    getBuiltinModule?(name: "node:module"): { createRequire(from: string): (name: string) => unknown } | undefined;
  };
  readonly Deno?: { readonly permissions: { querySync(what: Permission): { readonly state: string } } };
}
interface Permission {
  readonly name: "env" | "ffi" | "read";
  readonly variable?: string;
}
interface Package {
  nativeCode(vectors?: "avx2" | "avx512"): NativeCode | Refusal;
}

/** Thrown while a call is prepared, where there is no more memory for machine code: it is then prepared for WebAssembly. */
export class NoMachineCode extends Error {}

/** What the environment variable WEFT_NATIVE may be. */
const settings: Readonly<Record<string, Native>> = {
  "": true, 1: true, true: true, 0: false, false: false, avx2: "avx2", avx512: "avx512",
}; // prettier-ignore

const known = new Map<Native, NativeCode | Refusal>();

/** Machine code, or why there is none. What is there is found once. */
export function nativeCode(option: Native): NativeCode | Refusal {
  const wanted = option === true ? fromEnvironment() : option;
  if (typeof wanted === "object") return wanted;
  let found = known.get(wanted);
  if (found === undefined) known.set(wanted, (found = find(wanted)));
  return found;
}

/** Whether it may be done without asking anybody: Deno asks, unless the permission was given. */
const granted = (what: Permission): boolean => {
  const { Deno } = globalThis as Host;
  return Deno === undefined || Deno.permissions.querySync(what).state === "granted";
};

function fromEnvironment(): Native | Refusal {
  const { process } = globalThis as Host;
  const text = granted({ name: "env", variable: "WEFT_NATIVE" }) ? (process?.env?.["WEFT_NATIVE"] ?? "") : "";
  const setting = Object.hasOwn(settings, text) ? settings[text]! : undefined;
  if (setting === undefined) return { reason: `WEFT_NATIVE=${text}: wanted 0, 1, false, true, avx2 or avx512` };
  return setting === false ? { reason: `WEFT_NATIVE=${text}` } : setting;
}

function find(wanted: Native): NativeCode | Refusal {
  if (wanted === false) return { reason: "native: false" };
  const node = (globalThis as Host).process?.getBuiltinModule?.("node:module");
  if (node === undefined) return { reason: "machine code runs in Node, Bun and Deno alone" };
  for (const name of ["read", "ffi"] as const)
    if (!granted({ name })) return { reason: `machine code needs Deno's permission --allow-${name}` };
  let loaded: Package;
  try {
    // Required when the first code is compiled, which does not wait; and so that no bundler of pages meets the name.
    loaded = node.createRequire((import.meta as unknown as { readonly url: string }).url)("@weft/x64") as Package;
  } catch (error) {
    const why = firstLine(error);
    const missing = /^Cannot find (module|package) '@weft\/x64'/.test(why);
    return { reason: missing ? "@weft/x64 is not installed" : `@weft/x64 could not be loaded (${why})` };
  }
  try {
    return loaded.nativeCode(wanted === true ? undefined : wanted);
  } catch (error) {
    return { reason: `@weft/x64 has a fault (${firstLine(error)})` };
  }
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
