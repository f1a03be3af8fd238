// Values that no scope owns. The garbage collector releases their handles, but it reports that only when the event loop
// turns, which a synchronous loop prevents. So values that were not used for a while are evicted to JavaScript's own
// memory, which is collected in any case, and restored when they are used. Where values cannot be evicted
// synchronously, reads wait for the collector.
import type { Tensor } from "@weft/tensor";
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import type { Driver, Relief } from "./driver.ts";
import { nodeOf, type Evicted, type UnownedHandles, type Node, type Storage, type Watch } from "../graph/node.ts";

/** Bytes of unowned values before the first eviction: this, or 1 / SHARE of the limit if that is less. */
const AMPLE = 2 ** 26;
const SHARE = 8;
/** The most handles registered in one turn of the event loop: a loop must not pile them up. */
const TURN = 4096;
/** Bytes counted for a value beside its own: its JavaScript objects. */
const OBJECTS = 4096;

export class Unowned<S extends Storage> implements Relief {
  readonly #driver: Driver<S, unknown>;
  /** Whether values can be evicted synchronously. */
  readonly #canEvict: boolean;
  readonly #counts: { live: number; bytes: number };
  readonly #releaseHandle: (node: Node) => void;
  readonly #registry: FinalizationRegistry<UnownedHandles>;
  /** How many handles were registered in this turn of the event loop, and those beyond the bound. */
  #registered = 0;
  readonly #unregistered = new WeakSet<Tensor>();
  /** The storage of values that no scope owns, except evicted ones. */
  readonly #loose = new Set<S>();
  readonly #base: number;
  /** Bytes that pending values will take. */
  #pending = 0;
  #bytes = 0;
  /** Handles that were collected while their values were evicted: the flush that restores these still uses them. */
  #late: Node[] = [];
  /** Counts flushes and uploads: what is used in this one stays where it is. */
  #now = 1;
  /** When values were last evicted, and the weight at which that happens again. */
  #evictedAt = 0;
  #trigger: number;
  /** Evicted values that may still be referred to. */
  readonly #evicted: Watch[] = [];
  #evictedBytes = 0;
  /** Above this length, entries of collected values are removed from the list. */
  #most = TURN;
  /** Whether the last count was made after a garbage collection: it holds until more has run. */
  #sure = false;
  #since = 0;
  /** So many evicted bytes are not counted: none at first, more when many turned out to be garbage. */
  #slack = 0;
  /** Whether this engine does not collect garbage on request. */
  #blind = false;
  #found = false;
  /** Above so many bytes in memory, garbage is collected: twice what was left the last time. */
  #full: number;
  /** Bytes that have been evicted since the backend was opened. */
  moved = 0;

  constructor(
    driver: Driver<S, unknown>,
    counts: { live: number; bytes: number },
    releaseHandle: (node: Node) => void,
  ) {
    this.#driver = driver;
    this.#counts = counts;
    this.#releaseHandle = releaseHandle;
    this.#registry = new FinalizationRegistry((unowned) => {
      const { node } = unowned;
      if (node === undefined) unowned.missed++;
      else this.#collected(node);
    });
    this.#canEvict = driver.evict !== undefined;
    this.#base = this.#trigger = Math.min(driver.limit / SHARE, this.#canEvict ? AMPLE : 4 * AMPLE);
    this.#full = 4 * this.#base;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The storage of a node, with its type: all of it comes from the driver. */
  storageOf(node: Node): S | undefined {
    return node.storage as S | undefined;
  }

  /** Adds a handle that no scope owns. */
  add(x: Tensor): void {
    const node = nodeOf(x);
    const unowned = (node.unowned ??= { node, handles: 0, missed: 0 });
    unowned.handles++;
    if (!this.#canEvict || ++this.#registered < TURN) this.#registry.register(x, unowned, x);
    else {
      if (this.#registered === TURN) host.setTimeout?.(() => (this.#registered = 0), 0);
      this.#unregistered.add(x);
    }
    if (node.storage !== undefined) this.settled(node);
    else if (unowned.handles === 1) {
      const bytes = sizeOf(node.shape) * dtypeInfo[node.dtype].bytes;
      // Larger values are usually merged into their readers, and never stored.
      if (bytes <= this.#base) this.#pending += bytes;
    }
  }

  /** Whether pending values that no scope owns would take so much memory that they should be computed now. */
  get full(): boolean {
    return this.#pending > this.#base;
  }

  /** Nothing is pending any more. */
  computed(): void {
    this.#pending = 0;
  }

  /** Removes a handle that is released, or that a scope owns from now on. Returns whether it was here. */
  remove(x: Tensor): boolean {
    const node = nodeOf(x);
    const here = node.unowned !== undefined && (this.#registry.unregister(x) || this.#unregistered.delete(x));
    if (here) this.#removeHandle(node);
    return here;
  }

  #collected(node: Node): void {
    this.#removeHandle(node);
    this.#releaseHandle(node);
  }

  #removeHandle(node: Node): void {
    const unowned = node.unowned!;
    if (--unowned.handles > 0) return;
    const storage = this.storageOf(node);
    if (storage?.loose?.delete(node) === true && storage.loose.size === 0) this.#removeStorage(storage);
  }

  /** Called when the value of a node was stored. */
  settled(node: Node): void {
    const unowned = node.unowned!;
    if (unowned.handles <= 0) return;
    const storage = this.storageOf(node)!;
    (storage.loose ??= new Set()).add(node);
    if (storage.evicted !== undefined) unowned.node = undefined;
    else this.#addStorage(storage);
  }

  #addStorage(storage: S): void {
    storage.used = this.#now;
    if (this.#loose.has(storage)) return;
    this.#loose.add(storage);
    this.#bytes += storage.bytes;
  }

  #removeStorage(storage: S): void {
    if (this.#loose.delete(storage)) this.#bytes -= storage.bytes;
  }

  /** Called for storage in which no node lies any more. If it was evicted (true), the driver has nothing to free. */
  freed(storage: S): boolean {
    this.#removeStorage(storage);
    if (storage.evicted === undefined) return false;
    this.#unwatch(storage.evicted);
    return true;
  }

  #watch(mark: object, bytes: number): Watch | undefined {
    if (this.#blind || !watching()) return undefined;
    const watch = { bytes, mark: new WeakRef(mark) };
    this.#evicted.push(watch);
    this.#evictedBytes += bytes;
    this.#sure = false;
    return watch;
  }

  #unwatch({ watch }: Evicted): void {
    if (watch === undefined) return;
    this.#evictedBytes -= watch.bytes;
    watch.bytes = 0;
  }

  /** Notes that a flush uses a value. */
  use(storage: S): void {
    storage.used = this.#now;
  }

  /** Restores an evicted value. */
  restore(storage: S): void {
    const evicted = storage.evicted!;
    this.#unwatch(evicted);
    try {
      this.#driver.restore!(storage, evicted.data);
    } catch (error) {
      evicted.watch = this.#watch(evicted.mark, storage.bytes);
      throw error;
    }
    storage.evicted = undefined;
    this.#counts.live++;
    this.#counts.bytes += storage.bytes;
    for (const node of storage.loose!) {
      const unowned = node.unowned!;
      unowned.node = node;
      for (; unowned.missed > 0; unowned.missed--) this.#late.push(node);
    }
    this.#addStorage(storage);
  }

  /** After a flush: if unowned values take much memory, evicts those not used lately, or collects garbage. */
  afterFlush(): void {
    this.#now++;
    if (this.#late.length > 0) {
      const late = this.#late;
      this.#late = [];
      for (const node of late) this.#collected(node);
    }
    // Only the collector finds the values of collected boxes, and it does not know their size.
    if (this.#counts.bytes > this.#full) this.#seek();
    if (this.#weight() <= this.#trigger) return;
    if (this.#canEvict) this.#evict(this.#evictedAt);
    else this.#seek();
    this.#noteWeight();
  }

  /** Collects garbage, unless there are reports of it to wait for. */
  #seek(): void {
    if (this.#found) return;
    endJob(); // boxes that this job has looked at through WeakRefs would live on
    collect();
    this.#found = true;
    // The next read waits for the reports. A loop that reads nothing has them when its event loop turns.
    host.setTimeout?.(() => void (this.#found && this.wait()), 0);
  }

  #noteWeight(): void {
    this.#evictedAt = this.#now;
    this.#trigger = this.#base + this.#weight() * 1.25;
  }

  #weight(): number {
    return this.#bytes + this.#loose.size * OBJECTS;
  }

  /** Evicted values that are still referred to count as if they were in memory. */
  get evictedBytes(): number {
    return Math.max(0, this.#evictedBytes - this.#slack);
  }

  /** Evicts everything that the current flush does not use. Living values together stay within the limit. */
  spare(more: number, used: number): boolean {
    const { limit } = this.#driver;
    // The collector reports later: the next read waits for it.
    if (!this.#canEvict) this.#seek();
    if (!this.#canEvict || used - this.#bytes + more > limit) return false;
    const { moved } = this;
    this.#evict(this.#now);
    this.#noteWeight();
    const room = limit - more - used + this.moved - moved;
    if (this.#evictedBytes <= room) return this.moved > moved;
    this.#count();
    if (this.#evictedBytes > room && !(this.#sure && this.#now === this.#since)) this.#collect();
    // If much of it was garbage, count less often.
    this.#slack = this.#evictedBytes < limit / 4 ? Math.min(Math.max(2 * this.#slack, limit), SHARE * limit, AMPLE) : 0;
    return this.#evictedBytes <= room;
  }

  /** Evicts what was last used before a time, except what a scope or a box owns, too. */
  #evict(before: number): void {
    for (const storage of this.#loose) {
      if (storage.used >= before || !alone(storage)) continue;
      let data: Uint8Array;
      try {
        data = this.#driver.evict!(storage);
      } catch {
        break; // JavaScript has no memory for it either
      }
      this.#removeStorage(storage);
      this.#counts.live--;
      this.#counts.bytes -= storage.bytes;
      this.moved += storage.bytes;
      for (const node of storage.loose!) node.unowned!.node = undefined;
      const mark = {};
      storage.evicted = { data, mark, watch: this.#watch(mark, storage.bytes) };
    }
    if (this.#evicted.length > this.#most) {
      this.#count();
      this.#most = TURN + 2 * this.#evicted.length;
    }
    endJob();
  }

  /** Collects garbage and counts again. A canary tells whether garbage was collected. */
  #collect(): void {
    const canary = canaryOf();
    endJob();
    collect();
    if (canary.deref() === undefined) this.#count();
    else {
      this.#blind = true;
      for (const watch of this.#evicted) watch.bytes = 0;
      this.#evicted.length = this.#evictedBytes = 0;
    }
    this.#sure = true;
    this.#since = this.#now;
  }

  #count(): void {
    let [count, bytes] = [0, 0];
    for (const watch of this.#evicted) {
      if (watch.bytes === 0 || watch.mark.deref() === undefined) continue;
      this.#evicted[count++] = watch;
      bytes += watch.bytes;
    }
    this.#evicted.length = count;
    this.#evictedBytes = bytes;
    endJob();
  }

  /** When memory is full: collects garbage and waits for the reports. */
  async search(): Promise<void> {
    collect();
    if (host.setTimeout !== undefined) await this.wait();
  }

  /** Whether garbage was collected and the collector may have handles to report. */
  get told(): boolean {
    return this.#found && host.setTimeout !== undefined;
  }

  /** Waits for the garbage collector to report what it has found. */
  async wait(): Promise<void> {
    this.#found = false;
    for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => void host.setTimeout!(resolve, 0));
    const { bytes } = this.#counts;
    this.#full = Math.max(4 * this.#base, Math.min(2 * bytes, this.#driver.limit / 4 + 0.75 * bytes));
    this.#noteWeight();
  }

  /** Advice for the message of a MemoryError. */
  advice(): string {
    const bytes = this.#bytes + this.#evictedBytes;
    if (bytes < this.#driver.limit / SHARE) return "";
    const count = this.#loose.size + this.#evicted.filter((watch) => watch.bytes > 0).length;
    return `. ${count} values that no scope owns hold ${bytes} of them: make them inside scope(() => …), which releases what it does not return, or release() them`;
  }
}

/** Whether every handle on what lies in a storage is one that no scope owns. */
function alone({ refs, loose }: Storage): boolean {
  if (refs !== loose!.size) return false;
  for (const { handles, unowned } of loose!) if (handles !== unowned!.handles) return false;
  return true;
}

/** A reference to an object that nothing else refers to, not even a stack frame. */
const canaryOf = (): WeakRef<object> => new WeakRef({});

/** Collects garbage: V8 does so before it refuses an array, and this one fits nowhere. Pages allow less. */
function collect(): void {
  try {
    void new ArrayBuffer(2 ** (host.process === undefined ? 33 : 46));
  } catch {
    // as expected
  }
}

interface VirtualMachines {
  createContext(globals: object, options: { readonly microtaskMode: "afterEvaluate" }): object;
  runInContext(code: string, context: object): unknown;
}
const host = globalThis as unknown as {
  setTimeout?(f: () => void, ms: number): unknown;
  readonly process?: { getBuiltinModule?(name: "node:vm"): VirtualMachines | undefined };
};
let machine: { readonly vm: VirtualMachines; readonly context: object } | null | undefined;

/** Whether it can be known synchronously which objects live: in Node, not in a page. */
function watching(): boolean {
  if (machine === undefined) {
    machine = null;
    try {
      const vm = host.process?.getBuiltinModule?.("node:vm");
      if (vm !== undefined) machine = { vm, context: vm.createContext({}, { microtaskMode: "afterEvaluate" }) };
    } catch {
      // a platform that only resembles Node
    }
  }
  return machine !== null;
}

/**
 * Lets the targets of WeakRefs be collected: they live until the current job ends. The end of a job in a VM context
 * with a queue of its own counts, and runs nothing of the program.
 */
function endJob(): void {
  if (watching()) machine!.vm.runInContext("0", machine!.context);
}
