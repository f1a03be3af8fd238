// The functions of the operating system for executable memory, through koffi. Tests put others in their place.
import type { Refusal } from "@weft/kernel/machine";

/** Memory as the system has it: addresses are numbers, since they have 47 bits. */
export interface System {
  /** Bytes of a page. */
  readonly page: number;
  /** Memory that can be written and not executed; 0 if there is none. */
  reserve(bytes: number): number;
  /** Makes whole pages executable, and no longer writable. */
  execute(address: number, bytes: number): boolean;
  release(address: number, bytes: number): void;
  /** Copies bytes to an address. */
  write(address: number, bytes: Uint8Array): void;
  /** A function that calls the code at an address with so many numbers. */
  routine(address: number, count: 1 | 2): (...numbers: number[]) => void;
  /** Where the memory of a view or a buffer begins. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number;
  /** Why the last call of `reserve` or `execute` failed. */
  fault(): string;
}

type Koffi = typeof import("koffi");

/** What is used of Node's `process`. */
interface Host {
  readonly process?: {
    readonly platform?: string;
    readonly arch?: string;
    getBuiltinModule(name: "node:module"): { createRequire(from: string): Require };
  };
  readonly WebAssembly?: object;
}
type Require = ((name: "koffi") => Koffi) & { resolve(name: "koffi"): string };

/** Where koffi lies, for threads that load it themselves. */
export const koffiAt = (): string => required().resolve("koffi");
/** A package of CommonJS that compiled code waits for: so it is required, not imported. */
const required = (): Require =>
  (globalThis as Host)
    .process!.getBuiltinModule("node:module")
    .createRequire((import.meta as unknown as { readonly url: string }).url);

/** The functions of this system, or why code cannot run here. */
export function loadSystem(): System | Refusal {
  const { process, WebAssembly } = globalThis as Host;
  if (process?.arch !== "x64")
    return { reason: `machine code of x86-64 does not run on this processor (${process?.arch ?? "unknown"})` };
  if (process.platform !== "linux" && process.platform !== "darwin" && process.platform !== "win32")
    return { reason: `executable memory is made on Linux, macOS and Windows only, not on ${process.platform}` };
  // An engine that runs without a compiler of its own (--jitless) has no WebAssembly: whoever wants that wants none here.
  if (WebAssembly === undefined)
    return { reason: "the JavaScript engine was told to make no machine code (--jitless)" };
  const koffi = loadKoffi();
  if ("reason" in koffi) return koffi;
  try {
    return process.platform === "win32" ? windows(koffi) : unix(koffi, process.platform);
  } catch (error) {
    return {
      reason: `koffi did not find the functions of ${process.platform} for executable memory (${firstLine(error)})`,
    };
  }
}

function loadKoffi(): Koffi | Refusal {
  const what = "koffi, which calls functions of the system,";
  try {
    return required()("koffi");
  } catch (error) {
    const why = firstLine(error);
    return {
      reason:
        why === "Cannot find module 'koffi'" ? `${what} is not installed` : `${what} could not be loaded (${why})`,
    };
  }
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message.split("\n")[0]! : String(error));

/** What does not differ between systems: a pointer is passed as a number, which costs less than a BigInt. */
const shared = (koffi: Koffi) => {
  const protos = { 1: koffi.proto("void", ["uintptr_t"]), 2: koffi.proto("void", ["uintptr_t", "uintptr_t"]) };
  return {
    routine: (address: number, count: 1 | 2) =>
      koffi.decode(BigInt(address), protos[count]) as (...numbers: number[]) => void,
    addressOf: (memory: ArrayBufferView | ArrayBufferLike) => Number(koffi.address(memory)),
  };
};

const READ = 1;
const WRITE = 2;
const EXECUTE = 4;

function unix(koffi: Koffi, platform: "linux" | "darwin"): System {
  // The C library that the process has already, whatever its name (glibc, musl).
  const c = koffi.load(null);
  const mmap = c.func("mmap", "uintptr_t", ["uintptr_t", "size_t", "int", "int", "int", "int64_t"]);
  const mprotect = c.func("mprotect", "int", ["uintptr_t", "size_t", "int"]);
  const munmap = c.func("munmap", "int", ["uintptr_t", "size_t"]);
  const memmove = c.func("memmove", "uintptr_t", ["uintptr_t", "const uint8_t *", "size_t"]);
  const pageSize = c.func("getpagesize", "int", []);
  const PRIVATE_ANONYMOUS = platform === "darwin" ? 0x1002 : 0x22;
  let failed = "";
  const fault = (name: string): void => {
    const code = koffi.errno();
    const known = Object.entries(koffi.os.errno).find(([, value]) => value === code);
    failed = `${name} failed with ${known?.[0] ?? code}`;
  };
  return {
    ...shared(koffi),
    page: Number(pageSize()),
    reserve(bytes) {
      const address: unknown = mmap(0, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
      if (typeof address === "number") return address;
      fault("mmap"); // it returns -1, as an address
      return 0;
    },
    execute(address, bytes) {
      if (mprotect(address, bytes, READ | EXECUTE) === 0) return true;
      fault("mprotect");
      return false;
    },
    release: (address, bytes) => void munmap(address, bytes),
    write: (address, bytes) => void memmove(address, bytes, bytes.length),
    fault: () => failed,
  };
}

function windows(koffi: Koffi): System {
  const kernel = koffi.load("kernel32.dll");
  const virtualAlloc = kernel.func("VirtualAlloc", "uintptr_t", ["uintptr_t", "size_t", "uint32_t", "uint32_t"]);
  const virtualProtect = kernel.func("VirtualProtect", "int", ["uintptr_t", "size_t", "uint32_t", "uint8_t *"]);
  const virtualFree = kernel.func("VirtualFree", "int", ["uintptr_t", "size_t", "uint32_t"]);
  const copy = kernel.func("RtlMoveMemory", "void", ["uintptr_t", "const uint8_t *", "size_t"]);
  const lastError = kernel.func("GetLastError", "uint32_t", []);
  const COMMIT_RESERVE = 0x3000;
  const RELEASE = 0x8000;
  const READ_WRITE = 0x04;
  const EXECUTE_READ = 0x20;
  const before = new Uint8Array(4); // the old protection, which it insists on saying
  let failed = "";
  return {
    ...shared(koffi),
    page: 4096,
    reserve(bytes) {
      const address = Number(virtualAlloc(0, bytes, COMMIT_RESERVE, READ_WRITE));
      if (address === 0) failed = `VirtualAlloc failed with error ${lastError()}`;
      return address;
    },
    execute(address, bytes) {
      if (virtualProtect(address, bytes, EXECUTE_READ, before) !== 0) return true;
      failed = `VirtualProtect failed with error ${lastError()}`;
      return false;
    },
    release: (address) => void virtualFree(address, 0, RELEASE),
    write: (address, bytes) => void copy(address, bytes, bytes.length),
    fault: () => failed,
  };
}
