// Runs recorded nodes: finds or makes the plan of those that are needed, gives it storage, and has the driver run it.
import { ContextError } from "@weft/tensor";
import { Fault } from "../graph/fault.ts";
import type { Node, Storage } from "../graph/node.ts";
import { indicesOfCode } from "../graph/operation.ts";
import { PlanCache, Signature } from "../graph/signature.ts";
import type { Plan } from "../plan/plan.ts";
import { Planner } from "../plan/planner.ts";
import type { Driver, PlanRun } from "./driver.ts";
import type { Unowned } from "./unowned.ts";

interface Donor {
  readonly leaf: Node;
  readonly slot: number;
}

interface Cached<E> {
  readonly plan: Plan;
  readonly prepared: E;
  readonly launches: number;
}

type Counts = Record<"live" | "bytes" | "flushes" | "plans" | "launches", number>;

/** How nodes are run. */
export interface Manner {
  /** Whether boxes may be rolled back: their old values are not overwritten before all is known to be right. */
  readonly boxes: boolean;
  /** Whether a pending node has a fault already. */
  readonly faulty: boolean;
  /** Whether a pending call has indices that only its run can check. */
  readonly open: boolean;
  /** Whether boxes may be rolled back to versions of earlier runs. */
  readonly inDoubt: boolean;
  /** Whether other pending nodes may need the leaves of these. */
  readonly partly: boolean;
}

/** What plans may take in JavaScript's heap: some hundreds of the steps of a large model, ten thousand short ones. */
const PLAN_BYTES = 100e6;

export class Runner<S extends Storage, E> {
  readonly #driver: Driver<S, E>;
  readonly #counts: Counts;
  readonly #unowned: Unowned<S>;
  readonly #planner: Planner;
  readonly #plans: PlanCache<Cached<E>>;
  readonly #signature = new Signature();
  #epoch = 0;
  /** Whether memory is lent to host code (`borrow`). */
  lent = false;
  /** How many runs in a row had a known plan. */
  known = 0;
  /** For the next run: it stays empty most of the time, and making a map is slow. */
  #found = new Map<Node, Fault>();
  #unchecked: Fault | undefined;

  constructor(driver: Driver<S, E>, fuse: boolean, counts: Counts, unowned: Unowned<S>) {
    this.#driver = driver;
    this.#counts = counts;
    this.#unowned = unowned;
    this.#planner = new Planner({
      fuse,
      traits: (op) => driver.traits(op)!,
      mayThrow: driver.mayThrow?.bind(driver),
      reductions: driver.reductionEpilogues ?? false,
      arrange: driver.arrange,
      largest: driver.largest ?? Infinity,
    });
    this.#plans = new PlanCache(PLAN_BYTES, (cached) => driver.drop(cached.prepared));
  }

  /** Kernels generated. */
  get kernels(): number {
    return this.#planner.kernels.made;
  }

  /** The number of the last allocation, if the device has not reported yet whether there was memory. */
  get doubt(): number {
    return this.#driver.doubt?.() ?? 0;
  }

  /** The last call whose indices the device has not reported about yet. */
  get unchecked(): Fault | undefined {
    return this.#unchecked?.wrong === undefined ? this.#unchecked : undefined;
  }

  /** Nothing may run, move or grow while memory is lent to host code. */
  refuseLent(): void {
    if (this.lent) throw new ContextError("borrow: nothing can run or be read while memory is lent");
  }

  allocate(bytes: number): S {
    this.refuseLent();
    const storage = this.#driver.allocate(bytes);
    this.#counts.live++;
    this.#counts.bytes += storage.bytes;
    return storage;
  }

  /** Frees storage. */
  free(storage: S): void {
    if (this.#unowned.freed(storage)) return;
    this.#counts.live--;
    this.#counts.bytes -= storage.bytes;
    this.#driver.free(storage);
  }

  settle(node: Node, storage: S, offset: number, strides: readonly number[]): void {
    node.storage = storage;
    node.offset = offset;
    node.strides = strides;
    storage.refs++;
    if (node.unowned !== undefined) this.#unowned.settled(node);
  }

  /** The last handle of a computed node was released: frees its storage, if no other node lies in it. */
  freeNode(node: Node): void {
    const storage = this.#unowned.storageOf(node)!;
    if (--storage.refs === 0) this.free(storage);
  }

  /** Those pending nodes that the roots need (by default: the nodes with handles), in order of recording. */
  needed(pending: readonly Node[], roots?: ReadonlySet<Node>): readonly Node[] {
    const epoch = ++this.#epoch;
    let count = 0;
    for (let i = pending.length - 1; i >= 0; i--) {
      const node = pending[i]!;
      if (node.epoch !== epoch && !(roots === undefined ? node.handles > 0 : roots.has(node))) continue;
      node.epoch = epoch;
      count++;
      const { inputs } = node;
      for (let k = 0; k < inputs.length; k++) {
        const x = inputs[k]!;
        if (typeof x !== "number" && x.storage === undefined) x.epoch = epoch;
      }
    }
    return count === pending.length ? pending : pending.filter((node) => node.epoch === epoch);
  }

  #planOf(needed: readonly Node[], leaves: Node[]): Cached<E> {
    const signature = this.#signature;
    signature.read(needed, leaves, ++this.#epoch);
    let cached = this.#plans.find(signature);
    if (cached !== undefined) {
      this.known++;
      return cached;
    }
    this.known = 0;
    const { hash } = signature;
    const words = signature.copy();
    const plan = this.#planner.plan(needed, leaves);
    const launches = plan.levels.reduce((n, l) => n + l.length, 0);
    cached = { plan, prepared: this.#driver.prepare(plan), launches };
    this.#plans.add(hash, words, cached);
    this.#counts.plans++;
    return cached;
  }

  /** Drops all plans. */
  forget(): void {
    this.#plans.clear();
  }

  /** Runs nodes, each after what it needs. Returns whether one of them has, or may have, a fault. */
  run(needed: readonly Node[], { boxes, faulty, open: unchecked, inDoubt, partly }: Manner): boolean {
    const leaves: Node[] = [];
    const { plan, prepared, launches } = this.#planOf(needed, leaves);
    let anyFault = faulty;
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i]!;
      if (leaf.lost !== undefined) throw leaf.lost;
      if (leaf.fault !== undefined && (leaf.fault = leaf.fault.now()) !== undefined) anyFault = true;
    }
    const atOnce = this.#driver.findsAtOnce === true;
    const open = unchecked && boxes && atOnce;
    if (this.#found.size > 0) this.#found = new Map();
    const run: PlanRun<S> = {
      needed,
      leaves,
      storages: [],
      careful: false,
      open,
      overwritten: false,
      found: this.#found,
    };
    const { storages, found } = run;
    /** Leaves whose storage is reused by outputs, and the slots of these. */
    const donors: Donor[] = [];
    try {
      // What boxes may be rolled back to is not overwritten.
      const unsure = anyFault || inDoubt || (unchecked && !atOnce) || this.doubt > 0;
      this.#gather(plan, run, partly || (unsure && boxes) ? undefined : donors);
      run.careful = boxes && donors.length > 0;
      this.#driver.run(prepared, plan, run);
      if (run.careful && !run.overwritten) {
        // It stopped early: run again, with storage of their own for the outputs.
        for (const { slot } of donors) delete storages[slot];
        donors.length = 0;
        this.#gather(plan, run, undefined);
        run.careful = false;
        this.#driver.run(prepared, plan, run);
      }
    } catch (error) {
      for (const slot of plan.kept) if (storages[slot]?.refs === 0) this.free(storages[slot]!);
      if (run.overwritten) for (const { leaf } of donors) leaf.lost = error as Error;
      throw error;
    }
    this.#counts.flushes++;
    this.#counts.launches += launches;
    for (let i = 0; i < plan.outputs.length; i++) {
      const { node, slot, offset, strides } = plan.outputs[i]!;
      this.settle(needed[node]!, storages[slot]!, offset, strides);
    }
    anyFault ||= found.size > 0;
    if (found.size > 0) this.#unchecked = [...found.values()].at(-1);
    if (anyFault) spread(needed, found);
    return anyFault;
  }

  /**
   * Finds storage for leaves and outputs, by slot. With `donors`, an output may reuse the storage of a leaf that
   * nothing refers to.
   */
  #gather(plan: Plan, { leaves, storages, open }: PlanRun<S>, donors: Donor[] | undefined): void {
    // All leaves are marked as used before any is restored: restoring may evict others.
    for (let i = 0; i < leaves.length; i++)
      this.#unowned.use((storages[plan.leaves[i]!] = this.#unowned.storageOf(leaves[i]!)!));
    for (const slot of plan.leaves) {
      const storage = storages[slot]!;
      if (storage.evicted !== undefined) this.#unowned.restore(storage);
    }
    for (let i = 0; donors !== undefined && i < plan.donations.length; i++) {
      const { slot, leaf, early } = plan.donations[i]!;
      if (early && open) continue;
      const donor = leaves[leaf]!;
      const { handles, offset } = donor;
      const storage = storages[plan.leaves[leaf]!]!;
      // Not storage of which it is a small part: all of that would live as long as the output.
      if (handles === 0 && offset === 0 && storage.refs === 1 && storage.bytes < 2 * plan.slots[slot]!.bytes + 64) {
        storages[slot] = storage;
        donors.push({ leaf: donor, slot });
      }
    }
    for (let i = 0; i < plan.kept.length; i++) {
      const slot = plan.kept[i]!;
      if (storages[slot] === undefined) storages[slot] = this.allocate(plan.slots[slot]!.bytes);
    }
  }
}

/** Gives each value the faults of its operands and of its own call. */
function spread(needed: readonly Node[], found: ReadonlyMap<Node, Fault>): void {
  for (const node of needed) {
    let fault: Fault | undefined;
    for (const x of node.inputs) if (typeof x !== "number" && x.fault !== undefined) fault = Fault.both(fault, x.fault);
    node.fault = indicesOfCode(node.code) === undefined ? fault : Fault.both(fault, node.fault ?? found.get(node));
  }
}
