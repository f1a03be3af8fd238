// Executable memory: many routines, adding after a run, giving back, threads, and systems that refuse.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import {
  Assembler,
  at,
  callerCode,
  callerIn,
  openCodeMemory,
  rax,
  rdi,
  routine,
  type Code,
  type CodeMemory,
  type System,
} from "@weft/x64";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { added, memory, unavailable } from "./opened.ts";

/** Adds a number to the first of its arguments. */
const adding = (n: number): Code =>
  routine((code) => {
    code.emit("mov", rax, at(rdi));
    code.emit("add", rax, n);
    code.emit("mov", at(rdi), rax);
  });

async function opened(options?: Parameters<typeof openCodeMemory>[0]): Promise<CodeMemory> {
  const memory = openCodeMemory(options);
  if ("reason" in memory) throw new Error(memory.reason);
  return memory;
}

describe("memory of this machine", () => {
  beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable));

  test("holds many routines, and each does its own", async () => {
    using memory = await opened();
    const routines = Array.from({ length: 3000 }, (_, i) => added(adding(i), memory));
    const word = BigInt64Array.of(0n);
    const pointer = memory.addressOf(word);
    for (const r of routines) r.run(pointer);
    expect(word[0]).toBe(BigInt((2999 * 3000) / 2));
    expect(memory.stats()).toEqual({ bytes: expect.toSatisfy((bytes: number) => bytes <= 2 ** 19), routines: 3000 });
  });

  test("is written to after code in it has run, and runs that, too", async () => {
    using memory = await opened();
    const word = BigInt64Array.of(0n);
    const pointer = memory.addressOf(word);
    const routines = [];
    for (let i = 1; i <= 200; i++) {
      routines.push(added(adding(i), memory));
      for (const r of routines.slice(-2)) r.run(pointer);
    }
    expect(word[0]).toBe(BigInt(100 * 201 + (199 * 200) / 2));
  });

  test("has code longer than a block", async () => {
    using memory = await opened();
    const long = routine((code) => {
      code.emit("mov", rax, at(rdi));
      for (let i = 0; i < 50_000; i++) code.emit("inc", rax);
      code.emit("mov", at(rdi), rax);
    });
    const word = BigInt64Array.of(0n);
    added(adding(1), memory).run(memory.addressOf(word));
    added(long, memory).run(memory.addressOf(word));
    const after = word[0]!;
    expect(after).toBe(50_001n);
    added(adding(-1), memory).run(memory.addressOf(word));
    expect(word[0]).toBe(after - 1n);
  });

  test("is given back when nothing in a block is left, and when it is closed", async () => {
    const memory = await opened();
    const routines = Array.from({ length: 5000 }, () => added(adding(1), memory));
    const before = memory.stats().bytes;
    for (const r of routines.slice(0, 4900)) r.release();
    expect(memory.stats().bytes).toBeLessThan(before / 4);
    expect(memory.stats().routines).toBe(100);
    expect(() => routines[0]!.run(0)).toThrow(
      "x64: this routine was released, or its memory closed; add its code again",
    );
    expect(() => routines[0]!.address).toThrow("was released");
    routines[0]!.release(); // again: nothing happens
    const word = BigInt64Array.of(0n);
    routines.at(-1)!.run(memory.addressOf(word));
    expect(word[0]).toBe(1n);
    memory.close();
    expect(memory.stats()).toEqual({ bytes: 0, routines: 0 });
    expect(() => routines.at(-1)!.run(0)).toThrow("its memory closed");
    expect(memory.add(adding(1))).toEqual({ reason: "the memory for code was closed" });
  });

  test("says that its limit is reached, and goes on when something is released", async () => {
    using memory = await opened({ limit: 2 ** 17 });
    const big = new Assembler();
    for (let i = 0; i < 40_000; i++) big.emit("ret");
    const code = big.finish();
    const first = added(code, memory);
    added(code, memory);
    expect(memory.add(code)).toEqual({
      reason: "code takes 131072 bytes, and 65536 more would be above the limit of 131072",
    });
    first.release();
    expect(memory.add(code)).not.toHaveProperty("reason");
  });

  test("runs in another thread, by its address", async () => {
    const theirs = added(adding(1));
    const caller = added(callerCode());
    const words = new BigInt64Array(new SharedArrayBuffer(16));
    const rounds = 20_000;
    const worker = new Worker(
      `const { workerData: { koffi: path, caller, address, words, rounds }, parentPort } = require("node:worker_threads");
      const koffi = require(path);
      const call = (${callerIn})(koffi, caller, process.platform);
      const pointer = Number(koffi.address(words)) + 8;
      for (let i = 0; i < rounds; i++) call(pointer, address);
      parentPort.postMessage("done");`,
      {
        eval: true,
        workerData: {
          koffi: createRequire(import.meta.url).resolve("../node_modules/koffi"),
          caller: caller.address,
          address: theirs.address,
          words,
          rounds,
        },
      },
    );
    const done = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    const mine = added(adding(1)); // code is added here while it runs there
    const pointer = memory().addressOf(words);
    for (let i = 0; i < 200; i++) {
      mine.run(pointer);
      added(adding(0)).run(pointer);
    }
    await done;
    await worker.terminate();
    expect([...words]).toEqual([200n, BigInt(rounds)]);
    for (const r of [theirs, caller, mine]) r.release(); // what is garbage before might still run there
  });

  test("is given back when its routines are garbage", () => {
    const program = `
      import { Assembler, openCodeMemory } from "@weft/x64";
      const memory = openCodeMemory();
      const code = new Assembler();
      for (let i = 0; i < 4000; i++) code.emit("ret");
      const { bytes, needs } = code.finish();
      let most = 0;
      for (let i = 0; i < 200; i++) {
        memory.add({ bytes, needs }).run(0);
        most = Math.max(most, memory.stats().routines);
        if (i % 20 === 0) {
          gc();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(most < 100, memory.stats().routines < 20);`;
    const printed = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], {
      cwd: import.meta.dirname,
      encoding: "utf8",
    });
    expect(printed).toBe("true true\n");
  });
});

/** A system whose memory is made up. What it is asked for is noted. */
function simulated(changes: Partial<System> = {}) {
  const calls: string[] = [];
  const system: System = {
    page: 4096,
    reserve: (bytes) => (calls.push(`reserve ${bytes}`), 2 ** 20),
    execute: (address, bytes) => (calls.push(`execute ${address - 2 ** 20} ${bytes}`), true),
    release: (address, bytes) => void calls.push(`release ${address - 2 ** 20} ${bytes}`),
    write: (address, bytes) => void calls.push(`write ${address - 2 ** 20} ${bytes.length}`),
    routine: () => () => void calls.push("run"),
    addressOf: () => 0,
    fault: () => "mprotect failed with EACCES",
    ...changes,
  };
  return { calls, system };
}

function fail(message: string): never {
  throw new Error(message);
}

describe("a system that refuses", () => {
  test("machine code, since its engine was told to make none", async () => {
    vi.stubGlobal("WebAssembly", undefined); // as with node --jitless
    expect(openCodeMemory()).toHaveProperty("reason", expect.stringMatching(/--jitless|this processor/));
  });
  test.each([
    ["arm64", "darwin", "machine code of x86-64 does not run on this processor (arm64)"],
    ["x64", "freebsd", "executable memory is made on Linux, macOS and Windows only, not on freebsd"],
  ])("code of x86-64 on %s, %s", async (arch, platform, reason) => {
    vi.stubGlobal("process", { arch, platform });
    const opening = openCodeMemory();
    vi.unstubAllGlobals();
    expect(opening).toEqual({ reason });
  });
  test.each([
    [
      () => fail("Cannot find module 'koffi'\nRequire stack:"),
      "koffi, which calls functions of the system, is not installed",
    ],
    [
      () => fail("Cannot find the native Koffi module\nmore"),
      "koffi, which calls functions of the system, could not be loaded (Cannot find the native Koffi module)",
    ],
    [
      () => ({ load: () => fail("no symbol mmap") }),
      "koffi did not find the functions of linux for executable memory (no symbol mmap)",
    ],
  ])("without koffi, or with one that does not work: %#", (koffi, reason) => {
    const getBuiltinModule = () => ({ createRequire: () => koffi });
    vi.stubGlobal("process", { arch: "x64", platform: "linux", getBuiltinModule });
    const opening = openCodeMemory();
    vi.unstubAllGlobals();
    expect(opening).toEqual({ reason });
  });
  test("memory", async () => {
    const { system } = simulated({ reserve: () => 0, fault: () => "mmap failed with ENOMEM" });
    expect(openCodeMemory({ system })).toEqual({
      reason: "the system gives no memory for code: mmap failed with ENOMEM",
    });
  });
  test("that memory becomes executable: it gets it back, and nothing is run", async () => {
    const { system, calls } = simulated({ execute: () => false });
    expect(openCodeMemory({ system })).toEqual({
      reason: "the system does not make memory executable: mprotect failed with EACCES",
    });
    expect(calls).toEqual(["reserve 65536", expect.stringMatching(/^write 0 /), "release 0 65536"]);
  });
  test("nothing, but code does not do what it should", async () => {
    const { system, calls } = simulated();
    expect(openCodeMemory({ system })).toEqual({ reason: "code that was run did not do what it should" });
    expect(calls.at(-1)).toBe("release 0 65536");
  });
});

describe("pages", () => {
  /** A system on which the trial of `openCodeMemory` succeeds. */
  const working = (changes: Partial<System> = {}) => {
    let argument: ArrayBufferView | ArrayBufferLike | undefined;
    const made = simulated({
      addressOf: (memory) => ((argument = memory), 0),
      routine: () => () => {
        made.calls.push("run");
        if (argument instanceof Uint32Array) argument[0] = 42;
      },
      ...changes,
    });
    return made;
  };
  const short: Code = { bytes: new Uint8Array(100), needs: new Set() };

  test("are executable from when they are needed, and are not written to afterwards", async () => {
    const { system, calls } = working();
    const memory = await opened({ system });
    calls.length = 0;
    const [a, b] = [added(short, memory), added(short, memory)];
    a.run(0);
    b.run(0);
    a.run(0);
    const c = added(short, memory);
    expect(memory.seal()).toBeUndefined();
    expect(memory.seal()).toBeUndefined();
    c.run(0);
    expect(calls).toEqual([
      "reserve 65536",
      "write 0 100",
      "write 128 100",
      "execute 0 4096",
      "run",
      "run",
      "run",
      "write 4096 100",
      "execute 4096 4096",
      "run",
    ]);
  });
  test("may be refused later: a value from seal, an error from a run", async () => {
    let refuses = false;
    const { system } = working({ execute: () => !refuses });
    const memory = await opened({ system });
    refuses = true;
    const r = added(short, memory);
    const reason = "the system does not make memory executable: mprotect failed with EACCES";
    expect(memory.seal()).toEqual({ reason });
    expect(() => r.run(0)).toThrow(`x64: ${reason}`);
    refuses = false;
    r.run(0);
  });
});
