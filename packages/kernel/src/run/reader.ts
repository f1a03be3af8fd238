// Reading: what is pending runs, then the elements of a value are copied from where they lie, or lent there, unless it
// is lost or has a fault.
import { ContextError, type Tensor, type TypedArray } from "@weft/tensor";
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import type { Fault } from "../graph/fault.ts";
import { Node, nodeOf, type Storage } from "../graph/node.ts";
import { codeOf } from "../graph/operation.ts";
import { isRowMajor } from "../graph/view.ts";
import type { Driver } from "./driver.ts";
import type { Flusher } from "./flush.ts";
import { pointTo } from "./journal.ts";
import { lostError } from "./lost.ts";
import type { Pending } from "./pending.ts";
import type { Unowned } from "./unowned.ts";

export class Reader<S extends Storage, E> {
  readonly #driver: Driver<S, E>;
  readonly #flusher: Flusher<S, E>;
  readonly #pending: Pending<S, E>;
  readonly #unowned: Unowned<S>;

  constructor(driver: Driver<S, E>, flusher: Flusher<S, E>, pending: Pending<S, E>, unowned: Unowned<S>) {
    this.#flusher = flusher;
    this.#driver = driver;
    this.#pending = pending;
    this.#unowned = unowned;
  }

  async read(x: Tensor): Promise<TypedArray> {
    const { storage, lost } = nodeOf(x);
    const data = await (storage === undefined && lost === undefined ? this.#patiently(x) : this.#elements(x));
    if (this.#unowned.told) await this.#unowned.wait();
    return data;
  }

  /** The elements. If garbage fills the memory, waits for the collector, which may have to run twice. */
  async #patiently(x: Tensor): Promise<TypedArray> {
    const node = nodeOf(x);
    node.handles++;
    try {
      for (let i = 0; i < 2 && node.storage === undefined; i++) {
        const failure = this.#pending.run(true);
        if (failure?.crowded !== true) {
          this.#pending.tell(node, failure);
          break;
        }
        await this.#unowned.search();
      }
      return await this.#elements(x);
    } finally {
      this.#pending.releaseHandle(node);
    }
  }

  /** Like `read`, where the driver answers at once. */
  now(x: Tensor): TypedArray {
    return this.#elements(x) as TypedArray;
  }

  /** The elements, if they are in storage in row-major order: nothing runs. */
  stored(x: Tensor): TypedArray | Promise<TypedArray> | undefined {
    const { storage, lost, fault, shape, strides } = nodeOf(x);
    const sound = storage !== undefined && lost === undefined && fault?.now()?.wrong !== true;
    return sound && isRowMajor(shape, strides) ? this.#stored(nodeOf(x)) : undefined;
  }

  /** Lends the elements of a value, in storage of its own, for drivers whose memory is the host's. */
  lend<R>(x: Tensor, f: (elements: TypedArray) => R): R {
    let node = this.#computed("borrow", x);
    if (node.handles > 1 || node.storage!.refs > 1 || !isRowMajor(node.shape, node.strides)) {
      const copy = this.#rowByRow(node);
      const unowned = this.#unowned.remove(x);
      pointTo(x, copy);
      if (unowned) this.#unowned.add(x);
      this.#pending.releaseHandle(node);
      node = copy;
    }
    const storage = this.#unowned.storageOf(node)!;
    this.#unowned.use(storage);
    if (storage.evicted !== undefined) this.#unowned.restore(storage);
    node.range = undefined; // of indices: they may be written to
    const { runner } = this.#flusher;
    const { lent } = runner;
    runner.lent = true;
    try {
      const result = f(this.#driver.view!(storage, node.offset, sizeOf(node.shape), node.dtype));
      if (!(result instanceof Promise)) return result;
    } finally {
      runner.lent = lent;
    }
    throw new ContextError("borrow: memory is lent until the function returns, and it must not wait");
  }

  /** The node of a value that has been computed, without a wrong index. */
  #computed(op: string, x: Tensor): Node {
    const node = nodeOf(x);
    if (node.storage === undefined || this.#pending.size > 0) this.#pending.tell(node, this.#pending.run());
    const { fault } = node;
    if (fault?.now()?.wrong === true) throw this.#pending.heard(fault);
    if (node.storage === undefined || node.lost !== undefined) {
      this.#driver.check?.();
      throw lostError(op, node);
    }
    return node;
  }

  /** A copy of the value in row-major storage of its own. */
  #rowByRow(node: Node): Node {
    const copy = new Node("cast", codeOf("cast"), [node], { dtype: node.dtype }, node.shape, node.dtype);
    this.#pending.add(copy);
    this.#pending.tell(copy, this.#pending.run());
    return copy;
  }

  #elements(x: Tensor): TypedArray | Promise<TypedArray> {
    const node = this.#computed("data", x);
    const { fault } = node;
    if (isRowMajor(node.shape, node.strides)) return this.#copied(node, fault);
    const copy = this.#rowByRow(node);
    try {
      return this.#copied(copy, fault);
    } finally {
      this.#pending.releaseHandle(copy);
    }
  }

  #stored(node: Node): TypedArray | Promise<TypedArray> {
    const { offset, shape, dtype } = node;
    const storage = this.#unowned.storageOf(node)!;
    const { evicted } = storage;
    const size = sizeOf(shape);
    if (evicted === undefined) return this.#driver.read(storage, offset, size, dtype);
    const begin = offset * dtypeInfo[dtype].bytes;
    return new dtypeInfo[dtype].array(evicted.data.slice(begin, begin + size * dtypeInfo[dtype].bytes).buffer);
  }

  /** The elements, unless it turns out while they are copied that an index was wrong or memory was missing. */
  #copied(node: Node, fault: Fault | undefined): TypedArray | Promise<TypedArray> {
    const data = this.#stored(node);
    if (!(data instanceof Promise)) return data;
    return data.then((elements) => {
      if (node.lost !== undefined) throw lostError("data", node);
      if (fault?.now()?.wrong === true) throw this.#pending.heard(fault!);
      return elements;
    });
  }
}
