// Values that no scope owns. Their handles end with the garbage collector, which tells so only when the event loop turns, and a
// loop may never let it. So what nobody has used for a while moves to JavaScript's own memory, which is collected in any case, and
// comes back when it is used. Where values cannot be moved at once, reads wait for the collector.
import type { Tensor } from "@weft/tensor";
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import type { Driver, Relief } from "./driver.ts";
import { nodeOf, type Evicted, type Net, type Node, type Storage, type Watch } from "../graph/node.ts";

/** Bytes that values of no scope may take before the first look at them: this, or a share of all there is. */
const AMPLE = 2 ** 26;
const SHARE = 8;
/** So many handles are registered in one turn of the event loop: it tells of none before the next, and a loop must not grow for it. */
const TURN = 4096;
/** What a value weighs beside its bytes: the objects that stand for it, and that the collector may look for later than it could. */
const OBJECTS = 4096;

export class Unowned<S extends Storage> implements Relief {
  readonly #driver: Driver<S, unknown>;
  /** Whether values can be moved at once. */
  readonly #canEvict: boolean;
  readonly #counts: { live: number; bytes: number };
  /** Ends one handle of a node. */
  readonly #releaseHandle: (node: Node) => void;
  readonly #registry: FinalizationRegistry<Net>;
  /** Handles registered in this turn of the event loop, and those that came after too many. */
  #registered = 0;
  readonly #unregistered = new WeakSet<Tensor>();
  /** Where values that no scope owns lie, but for those in JavaScript's memory. */
  readonly #loose = new Set<S>();
  readonly #base: number;
  /** Bytes that pending values will take. */
  #pending = 0;
  #bytes = 0;
  /** Handles that were collected while their values were evicted: the flush that restores these still uses them. */
  #late: Node[] = [];
  /** Counts flushes and uploads: what is used in this one stays where it is. */
  #now = 1;
  /** When values were last looked through, and how much they may weigh until the next time. */
  #looked = 0;
  #trigger: number;
  /** Evicted values that may still be referred to. */
  readonly #evicted: Watch[] = [];
  #evictedBytes = 0;
  /** With so many of them those that are garbage are left out: a loop must not grow for them. */
  #most = TURN;
  /** Whether garbage need not be collected to know that all of it lives: as long as nothing more has run. */
  #sure = false;
  #since = 0;
  /** So many evicted bytes are not counted: none at first, more when many turned out to be garbage. */
  #slack = 0;
  /** Whether this engine does not tell. */
  #blind = false;
  #found = false;
  /** With so many bytes in memory the collector looks. */
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
    this.#registry = new FinalizationRegistry((net) => {
      const { node } = net;
      if (node === undefined) net.missed++;
      else this.#collected(node);
    });
    this.#canEvict = driver.evict !== undefined;
    this.#full = driver.limit / 2;
    this.#base = this.#trigger = Math.min(driver.limit / SHARE, this.#canEvict ? AMPLE : 4 * AMPLE);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Where a value lies: all storage of nodes comes from the driver. */
  storageOf(node: Node): S | undefined {
    return node.storage as S | undefined;
  }

  /** A handle that no scope owns from now on. */
  add(x: Tensor): void {
    const node = nodeOf(x);
    const net = (node.net ??= { node, handles: 0, missed: 0 });
    net.handles++;
    if (!this.#canEvict || ++this.#registered < TURN) this.#registry.register(x, net, x);
    else {
      if (this.#registered === TURN) host.setTimeout?.(() => (this.#registered = 0), 0);
      this.#unregistered.add(x);
    }
    if (node.storage !== undefined) this.settled(node);
    else if (net.handles === 1) {
      const bytes = sizeOf(node.shape) * dtypeInfo[node.dtype].bytes;
      // What is larger is mostly merged into its reader, and never stored.
      if (bytes <= this.#base) this.#pending += bytes;
    }
  }

  /** Whether values that no scope owns and that nobody has computed yet would take as much as is looked through at once. */
  get full(): boolean {
    return this.#pending > this.#base;
  }

  /** Nothing is pending any more. */
  computed(): void {
    this.#pending = 0;
  }

  /** A handle that ends, or that a scope owns from now on. Whether it was here. */
  remove(x: Tensor): boolean {
    const node = nodeOf(x);
    const here = node.net !== undefined && (this.#registry.unregister(x) || this.#unregistered.delete(x));
    if (here) this.#removeHandle(node);
    return here;
  }

  #collected(node: Node): void {
    this.#removeHandle(node);
    this.#releaseHandle(node);
  }

  #removeHandle(node: Node): void {
    const net = node.net!;
    if (--net.handles > 0) return;
    const storage = this.storageOf(node);
    if (storage?.loose?.delete(node) === true && storage.loose.size === 0) this.#removeStorage(storage);
  }

  /** The value of a node lies in storage now. */
  settled(node: Node): void {
    const net = node.net!;
    if (net.handles <= 0) return;
    const storage = this.storageOf(node)!;
    (storage.loose ??= new Set()).add(node);
    if (storage.evicted !== undefined) net.node = undefined;
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

  /** A storage that nothing refers to any more. Returns whether it was evicted: then the driver has nothing to free. */
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

  /** Says that a flush uses a value. */
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
      const net = node.net!;
      net.node = node;
      for (; net.missed > 0; net.missed--) this.#late.push(node);
    }
    this.#addStorage(storage);
  }

  /** After a flush: if there is much, moves what was not used since the last look, or has the garbage collector look. */
  afterFlush(): void {
    this.#now++;
    if (this.#late.length > 0) {
      const late = this.#late;
      this.#late = [];
      for (const node of late) this.#collected(node);
    }
    // What lay in boxes is found by nothing but the collector, which does not know how much they weigh.
    if (this.#canEvict && this.#counts.bytes > this.#full && !this.#found) {
      collect();
      this.#found = true;
    }
    if (this.#weight() <= this.#trigger) return;
    if (this.#canEvict) this.#evict(this.#looked);
    else {
      collect();
      this.#found = true;
    }
    this.#look();
  }

  #look(): void {
    this.#looked = this.#now;
    this.#trigger = this.#base + this.#weight() * 1.25;
  }

  #weight(): number {
    return this.#bytes + this.#loose.size * OBJECTS;
  }

  /** Evicted values that are still referred to count as if they were in memory. */
  get evictedBytes(): number {
    return Math.max(0, this.#evictedBytes - this.#slack);
  }

  /** Moves everything but what the flush that runs now uses. No more may live than the memory holds. */
  spare(more: number, used: number): boolean {
    const { limit } = this.#driver;
    // It tells later: the next read waits for it.
    if (!this.#canEvict && this.#bytes > 0 && !this.#found) {
      collect();
      this.#found = true;
    }
    if (!this.#canEvict || used - this.#bytes + more > limit) return false;
    const { moved } = this;
    this.#evict(this.#now);
    this.#look();
    const room = limit - more - used + this.moved - moved;
    if (this.#evictedBytes <= room) return this.moved > moved;
    this.#count();
    if (this.#evictedBytes > room && !(this.#sure && this.#now === this.#since)) this.#collect();
    // Where much of it was garbage it need not be counted as often.
    this.#slack = this.#evictedBytes < limit / 4 ? Math.min(Math.max(2 * this.#slack, limit), SHARE * limit, AMPLE) : 0;
    return this.#evictedBytes <= room;
  }

  /** Moves what was used last before a time. What a scope or a box owns, too, stays. */
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
      for (const node of storage.loose!) node.net!.node = undefined;
      const mark = {};
      storage.evicted = { data, mark, watch: this.#watch(mark, storage.bytes) };
    }
    if (this.#evicted.length > this.#most) {
      this.#count();
      this.#most = TURN + 2 * this.#evicted.length;
    }
    letGo();
  }

  /** Counts once more when garbage has been collected. A canary tells whether it has. */
  #collect(): void {
    const canary = lost();
    letGo();
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
    letGo();
  }

  /** Where there is no memory: lets the garbage collector look and tell. It finds what lay in boxes, too. */
  async search(): Promise<void> {
    collect();
    if (host.setTimeout !== undefined) await this.wait();
  }

  /** Whether the garbage collector has looked, and may have something to tell. */
  get told(): boolean {
    return this.#found && host.setTimeout !== undefined;
  }

  /** Lets the garbage collector tell what it has found. */
  async wait(): Promise<void> {
    this.#found = false;
    for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => void host.setTimeout!(resolve, 0));
    const { bytes } = this.#counts;
    this.#full = Math.max(this.#driver.limit / 2, bytes + (this.#driver.limit - bytes) / 4);
    this.#look();
  }

  /** For the message when there is no memory. */
  advice(): string {
    const bytes = this.#bytes + this.#evictedBytes;
    if (bytes < this.#driver.limit / SHARE) return "";
    const count = this.#loose.size + this.#evicted.filter((watch) => watch.bytes > 0).length;
    return `. ${count} values that no scope owns hold ${bytes} of them: make them inside scope(() => …), which ends what it does not return, or release() them`;
  }
}

/** Whether every handle on what lies in a storage is one that no scope owns. */
function alone({ refs, loose }: Storage): boolean {
  if (refs !== loose!.size) return false;
  for (const { handles, net } of loose!) if (handles !== net!.handles) return false;
  return true;
}

/** A reference to what nothing else refers to: not even the frame of a function that still runs. */
const lost = (): WeakRef<object> => new WeakRef({});

/** Has garbage collected: V8 does so before it refuses an array, and this one no machine has room for. A page may ask for less. */
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

/** Whether it can be known, without waiting, what lives: in Node, not in a page. */
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
 * What a WeakRef was made of lives until the current job ends. The end of a job in a context with a queue of its own is one, too:
 * nothing of the program's runs in it.
 */
function letGo(): void {
  if (watching()) machine!.vm.runInContext("0", machine!.context);
}
