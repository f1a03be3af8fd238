// The pool of workers by itself: pieces that fail or are lost, workers that cannot compile or end, more of everything than
// there is room for, and counters that go round.
import { Worker } from "node:worker_threads";
import { diff, param, scope } from "@weft/autograd";
import { sgd } from "@weft/optim";
import { add, matmul, relu, sum, WeftError, type Tensor } from "@weft/tensor";
import { afterEach, describe, expect, test, vi } from "vitest";
import { machineCode, routine } from "../src/calls/call.ts";
import { Heap } from "../src/heap.ts";
import { nativeCode, type Native } from "../src/native.ts";
import { make } from "../src/open.ts";
import type { PoolOptions } from "../src/threads/pool-options.ts";
import { Pool } from "../src/threads/worker-pool.ts";
import { Recording } from "../src/threads/recording.ts";
import { counter } from "../src/threads/worker.ts";
import { i32, type WriteModule } from "../src/wasm/emitter.ts";
import { codes, computingWith } from "./codes.ts";
import { EAGER, joined } from "./joined.ts";

/** Waits for something that other threads do. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((done) => setTimeout(done, 1));
}

const writeStore: WriteModule = (m) =>
  void routine(m, "store", (f, address, value) => f.do(i32.store(address, value, 0)));

/** A pool with so many workers, all there; its counters; a place for results, and what records stores there. */
async function opened(workers: number, options: PoolOptions = {}, native: Native = false) {
  const code = nativeCode(native);
  const heap = new Heap(undefined, () => ("reason" in code ? undefined : code));
  const pool = new Pool(heap, options);
  // The first that is allocated.
  const control = new Int32Array(heap.memory.buffer, 64, 1024);
  const at = heap.allocate(1 << 16).address;
  for (let i = 0; i < workers; i++) expect(pool.start()).toBe(true);
  await until(() => pool.begun === workers);
  const store = (): ((address: number, value: number) => void) => {
    const recording = new Recording(heap, pool, workers + 1);
    return machineCode<"store">(recording, "store", writeStore).store;
  };
  /** What pieces have left in words of the place. */
  const words = (n: number): number[] => [...heap.i32.subarray(at >>> 2, (at >>> 2) + n)];
  return { heap, pool, control, at, store, words };
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const name = (): string => "store";
/** An address that no heap has here. */
const NOWHERE = 0xffff_ff00;

/** Has backends start other workers. */
function startingWith(Other: new (text: string, options: object) => Worker): void {
  const { getBuiltinModule } = process;
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((id: string) =>
    id === "node:worker_threads" ? { Worker: Other } : getBuiltinModule.call(process, id)) as never);
}

/** Claims one piece and ends. */
class Thief extends Worker {
  constructor(_: string, options: object) {
    super(
      `const { heap, address, words, worker } = require("node:worker_threads").workerData;
      const control = new Int32Array(heap.buffer, address, words);
      Atomics.store(control, ${counter.present} + worker, 1);
      for (;;) {
        const mine = Atomics.load(control, ${counter.claimed});
        if (mine === Atomics.load(control, ${counter.offered})) continue;
        if (Atomics.compareExchange(control, ${counter.claimed}, mine, (mine + 1) | 0) === mine) break;
      }`,
      options,
    );
  }
}

describe.each(codes)("%s", (_, native) => {
  computingWith(native);
  afterEach(() => vi.restoreAllMocks());

  test.each([0, 2 ** 31 - 700, -3])("workers carry out pieces, counted from %i on", async (offered) => {
    const { pool, at, store, words, control } = await opened(2, { offered, pieces: 8 }, native);
    const put = store();
    for (let round = 0; round < 200; round++)
      for (let i = 0; i < 7; i++) expect(pool.piece(name, () => put(at + 4 * i, round + i))).toBe(true);
    pool.finish();
    expect(words(7)).toEqual(upTo(7).map((i) => 199 + i));
    expect(control[counter.done]).toBe((offered + 1400) | 0);
    // Work that the main thread does not claim is done by others.
    const before = pool.helped;
    for (let i = 0; i < 5; i++) pool.piece(name, () => put(at + 4 * i, -i));
    await until(() => pool.helped === before + 5);
    pool.finish();
    expect(words(5)).toEqual(upTo(5).map((i) => 0 - i));
    pool.end();
  });

  test("commands move to more memory as they come, and a piece that has too many is refused", async () => {
    const { pool, heap, at, store, words } = await opened(0, { commands: 64, mostCommands: 1024 }, native);
    const put = store();
    const bytes = pool.bytes;
    const many = (n: number, first?: boolean): boolean =>
      pool.piece(name, () => upTo(n).forEach((i) => put(at + 4 * i, i + n)), first);
    expect(many(100)).toBe(true);
    expect(pool.bytes).toBeGreaterThan(bytes);
    expect(many(200, true)).toBe(false); // more than half of what there may be
    expect(many(200)).toBe(true);
    expect(many(1000)).toBe(false);
    pool.finish();
    expect(words(200)).toEqual(upTo(200).map((i) => i + 200));
    expect(many(100)).toBe(true);
    pool.finish();
    expect(words(100)).toEqual(upTo(100).map((i) => i + 100));
    const { reserved } = heap;
    pool.end();
    expect(heap.allocate(4096).address).toBeLessThan(reserved); // what it had is free
  });

  test("a full pool refuses modules until the next generation, which its workers follow", async () => {
    const { pool, at, store, words } = await opened(1, { modules: 3 }, native);
    for (let generation = 0; generation < 20; generation++) {
      for (let i = 0; i < 3; i++) {
        const put = store();
        const before = pool.helped;
        pool.piece(name, () => put(at + 4 * i, generation));
        if (generation % 2 === 0) await until(() => pool.helped > before);
        pool.finish();
      }
      expect(words(3)).toEqual([generation, generation, generation]);
      expect(pool.full).toBe(false);
      expect(store).toThrow();
      expect(pool.full).toBe(true);
      pool.renew();
    }
    expect(pool.begun).toBe(1);
    pool.end();
  });

  test("a piece that was claimed and is never done ends in an error", async () => {
    const { pool, control, at, store } = await opened(0, { silence: 20 }, native);
    const put = store();
    pool.piece(name, () => put(at, 1));
    pool.piece(name, () => put(at, 2));
    Atomics.add(control, counter.claimed, 1);
    expect(() => pool.finish()).toThrow(
      new WeftError(
        "tensor-cpu: wanted all pieces of work that threads have claimed done, but 1 never were: a worker has ended or hangs; the backend goes on with one thread",
      ),
    );
    expect(pool.lost).toBe(true);
    pool.finish(); // waits no more
  });

  test("a worker that is ended is not counted, and not waited for", async () => {
    const workers: Worker[] = [];
    startingWith(
      class extends Worker {
        constructor(text: string, options: object) {
          super(text, options);
          workers.push(this);
        }
      },
    );
    const b = await joined(make({ threads: 3 }, EAGER));
    await workers[0]!.terminate();
    expect(b.info()).toMatchObject({ threads: 3, running: 2 });
    const x = b.ones([40, 40]);
    for (let i = 0; i < 100; i++) expect(scope(() => sum(matmul(x, x))).itemSync()).toBe(64_000);
    b.destroy();
  });

  test("when a worker has ended in the middle of a piece, that is an error, and one thread goes on", async () => {
    startingWith(Thief);
    const b = make({ threads: 2 }, EAGER, { silence: 50 });
    const [x, y] = [b.ones([300, 40]), b.ones([40, 40])];
    let failed: unknown;
    while (failed === undefined)
      try {
        scope(() => matmul(x, y)).dataSync();
        await new Promise((done) => setTimeout(done, 1));
      } catch (error) {
        failed = error;
      }
    expect(failed).toBeInstanceOf(WeftError);
    expect((failed as WeftError).message).toMatch(/a worker has ended or hangs; the backend goes on with one thread$/);
    expect(b.info()).toMatchObject({ threads: 1, running: 1 });
    expect(sum(matmul(x, y)).itemSync()).toBe(480_000);
  });

  test("a step whose pieces were lost is repeated", async () => {
    startingWith(Thief);
    const b = make({ threads: 2 }, EAGER, { silence: 50 });
    const [w, unit] = [param(b.ones([300, 40])), b.eye(40)];
    const rule = sgd({ lr: 1 });
    let steps = 0;
    for (; b.info().threads > 1; steps++) {
      scope(() => rule.update(diff(() => sum(matmul(w, unit)))));
      expect(new Set(w.value.dataSync())).toEqual(new Set([-steps]));
      await new Promise((done) => setTimeout(done, 1));
    }
  });

  test("more kernels than workers may know at a time: all are divided all the same", async () => {
    const b = make({ threads: 2, seed: 1 }, EAGER, { modules: 4 });
    await joined(b);
    const programs: ((x: Tensor) => Tensor)[] = [
      (x) => add(x, 1),
      (x) => relu(matmul(x, x)),
      (x) => sum(x, { axis: 1 }),
      (x) => add(relu(x), x),
      (x) => matmul(x, add(x, 2)),
    ];
    const one = make({ threads: 1 });
    const x = [b, one].map((each) => each.full([64, 64], 0.5));
    for (let round = 0; round < 3; round++)
      for (const program of programs) {
        const [found, wanted] = x.map((each) => scope(() => program(each)).dataSync());
        expect(found).toEqual(wanted);
        const before = b.stats().helped;
        for (let i = 0; b.stats().helped === before; i++) {
          expect(i).toBeLessThan(100_000);
          scope(() => program(x[0]!)).dataSync();
        }
      }
    b.destroy();
  });

  test("a routine that is called after the heap was given back writes nothing elsewhere", async () => {
    const { heap, pool, at } = await opened(0, {}, native);
    const put = machineCode<"store">(heap, "store", writeStore).store;
    put(at, 1);
    expect(heap.i32[at >>> 2]).toBe(1);
    pool.end();
    heap.destroy();
    if (native === false) put(at, 2); // into the memory that it holds
    else expect(() => put(at, 2)).toThrow("the backend was destroyed");
    expect(heap.i32).toHaveLength(0);
  });
});

test.each([0, 1])("a piece that fails in a process with %i workers says which operation, and why", async (workers) => {
  const { pool, at, store, words } = await opened(workers);
  const put = store();
  pool.piece(name, () => put(at, 1));
  pool.piece(
    () => "matmul",
    () => put(NOWHERE, 2),
  );
  pool.piece(name, () => put(at + 4, 3));
  if (workers > 0) await until(() => pool.helped === 3);
  let error: unknown;
  try {
    pool.finish();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(WeftError);
  expect((error as WeftError).message).toBe(
    `matmul: tensor-cpu divided it among threads and wanted each to carry out its pieces, got RuntimeError: memory access out of bounds${workers > 0 ? " in a worker" : ""}`,
  );
  expect(String((error as WeftError).cause)).toContain("memory access out of bounds");
  expect(words(2)).toEqual([1, 3]);
  pool.piece(name, () => put(at, 5));
  pool.finish();
  expect(words(1)).toEqual([5]);
  pool.end();
});

test("a worker that cannot compile leaves, and the others do its work", async () => {
  const { heap, pool, control, at, store, words } = await opened(1);
  const put = store();
  const entry = 512 + 2 * 256;
  const code = new Int32Array(heap.memory.buffer, 64, entry + 2)[entry]!;
  heap.u8.fill(0, code, code + 8);
  pool.piece(name, () => put(at, 7));
  await until(() => pool.begun === 0);
  expect(control[counter.claimed]).toBe(control[counter.offered]! - 1);
  pool.finish();
  expect(words(1)).toEqual([7]);
  pool.end();
});
