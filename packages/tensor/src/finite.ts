// A search for the first NaN or infinity, for debugging: every result is checked where it is computed.
import { untaped } from "./apply.ts";
import { calledAs, context, type Watcher } from "./context.ts";
import { isFloat } from "./dtype.ts";
import { cast, isFinite, isNaN, not } from "./elementwise.ts";
import { WeftError } from "./errors.ts";
import { concat, reshape } from "./movement.ts";
import { boolean, callable, readOptions, readValue } from "./options.ts";
import { sum } from "./reduce.ts";
import { keep, resultOf, scope } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/**
 * An operation gave NaN or an infinity: see `finite`.
 *
 * @example
 * await finite(() => log(tensor([1, -1]))); // throws NonFiniteError
 */
export class NonFiniteError extends WeftError {
  static override readonly name: string = "NonFiniteError";
}

export interface FiniteOptions {
  /** Whether infinities are errors, too, and not only NaN: by default they are. */
  readonly infinity?: boolean;
}

/** How many elements of a value are NaN or infinite, and how many are NaN. */
interface Count {
  /** As a tensor `[2]`. */
  readonly pending: Tensor;
  /** When they have been read. */
  read?: readonly [wrong: number, nan: number];
}

/** A result of an operation, where it was computed, and from what. */
interface Check {
  readonly op: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly backward: boolean;
  readonly stack: string;
  readonly result: Count;
  readonly operands: readonly Count[];
  /** Whether a number that it was given is not finite. */
  readonly endless: boolean;
}

/** Lines of a stack in Weft's own files, in the repository and in installed packages. */
const ours = /[\\/](?:@weft|packages)[\\/](?:tensor|autograd|nn|optim|data|train)[\\/](?:src|dist)[\\/]/;

/** So many counts are read together. */
const TOGETHER = 64;

/** The lines of the stack here, innermost first. */
function stackHere(): string {
  const limits = Error as { stackTraceLimit?: number };
  const { stackTraceLimit } = limits;
  limits.stackTraceLimit = 50;
  const { stack = "" } = new Error("here");
  limits.stackTraceLimit = stackTraceLimit;
  return stack;
}

/** The first line that is neither ours nor of a built-in function that calls ours. */
function siteIn(stack: string): string {
  const lines = stack.split("\n").slice(1);
  const line = lines.find((line) => !ours.test(line) && !line.endsWith("(<anonymous>)"));
  return line === undefined ? "" : `, called ${line.trim()}`;
}

/** Calls `f` as if nothing watched the operations. */
function unwatched<T>(f: () => T): T {
  const { watch } = context;
  context.watch = undefined;
  try {
    return f();
  } finally {
    context.watch = watch;
  }
}

/** Has a watcher told of operations, too; returns what ends that. Several may watch, and end in any order. */
function watching(watcher: Watcher): () => void {
  const all = context.watch?.all ?? new Set<Watcher>();
  all.add(watcher);
  context.watch ??= Object.assign(
    (...call: Parameters<Watcher>) => {
      const told = [...all].map((watch) => watch(...call));
      return (results: readonly Tensor[]) => told.forEach((tell) => tell?.(results));
    },
    { all },
  );
  return () => {
    all.delete(watcher);
    if (all.size === 0 && context.watch?.all === all) context.watch = undefined;
  };
}

const endless = (x: unknown): boolean => typeof x === "number" && !Number.isFinite(x);

/** The results of operations, in order, and how many elements of each value are not finite. */
class Findings {
  readonly #checks: Check[] = [];
  readonly #counts: Count[] = [];
  readonly #known: WeakMap<object, Count> = new WeakMap();

  /** Notes what an operation is given, and what it gives. */
  readonly watch: Watcher = (op, values, attrs) => {
    // Only the results of a fused operation count, and not those of its parts: on most backends it has none.
    if (context.caller?.op !== undefined) return undefined;
    const numbers = [...values, ...Object.values(attrs ?? {})].some(endless);
    const operands = values.flatMap((x) => (typeof x === "number" ? [] : (this.#countOf(x) ?? [])));
    return (results) => {
      for (const result of results) this.#note(op, result, operands, numbers);
    };
  };

  #note(op: string, x: Tensor, operands: readonly Count[], endless: boolean): void {
    const { shape, dtype, payload } = untaped(x);
    if (this.#known.has(payload as object)) return; // an interpreter below has told it
    const result = this.#countOf(x);
    if (result === undefined) return;
    const { backward } = context;
    this.#checks.push({ op: calledAs(op), shape, dtype, backward, stack: stackHere(), result, operands, endless });
  }

  /** Undefined for integers, and for tensors that have no values, as in `shapes`. */
  #countOf(x: Tensor): Count | undefined {
    const y = untaped(x);
    if (!isFloat(y.dtype) || y.payload === undefined) return undefined;
    const known = this.#known.get(y.payload as object);
    if (known !== undefined) return known;
    const counted = (): Tensor =>
      concat([not(isFinite(y)), isNaN(y)].map((mask) => reshape(sum(cast(mask, "f32")), [1])));
    const count = { pending: unwatched(() => keep(context.scope === undefined ? resultOf(counted) : scope(counted))) };
    this.#counts.push(count);
    this.#known.set(y.payload as object, count);
    return count;
  }

  /** Throws an error about the first operation that is to blame. */
  async judge(infinity: boolean): Promise<void> {
    await this.#read();
    for (const { op, shape, dtype, backward, stack, result, operands, endless } of this.#checks) {
      const [wrong, nan] = result.read!;
      const both = infinity && !endless && operands.every(({ read }) => read![0] === 0);
      const found = both ? wrong : nan;
      if (found === 0) continue;
      const size = shape.reduce((a, b) => a * b, 1);
      const passed = operands.some(({ read }) => read![1] > 0);
      throw new NonFiniteError(
        `${op}: gave ${both ? "NaN or an infinity" : "NaN"} in ${found} of ${size} elements of its result ` +
          `${dtype}[${shape.join(", ")}]${passed ? ", from operands with NaN" : ""}` +
          `${backward ? ", in a backward pass" : ""}${siteIn(stack)}`,
      );
    }
  }

  async #read(): Promise<void> {
    const backends = new Set(this.#counts.map(({ pending }) => pending.interpreter));
    for (const backend of backends) {
      const own = this.#counts.filter(({ pending }) => pending.interpreter === backend);
      for (let i = 0; i < own.length; i += TOGETHER) {
        const part = own.slice(i, i + TOGETHER);
        const all = unwatched(() => keep(resultOf(() => concat(part.map(({ pending }) => pending)))));
        const data = await all.data();
        all.release();
        part.forEach((count, k) => (count.read = [data[2 * k]!, data[2 * k + 1]!]));
      }
    }
  }

  release(): void {
    for (const { pending } of this.#counts) pending.release();
  }
}

/**
 * Calls f, which may be asynchronous, and returns a promise of its result. If an operation in it gives NaN, or an
 * infinity though all that it was given is finite, the promise is rejected by a `NonFiniteError` that names the first
 * such operation and where it was called; an operation in a backward pass says so. So an infinity that is given (a mask
 * of −∞, a number, data) may pass, as in `softmax(where(mask, x, -Infinity))`, while NaN made of it is found. Parts that
 * are not selected count, too, as in `where(mask, log(x), 0)`. For debugging: every result is checked and nothing that
 * is checked is merged away, so it is slow. What else runs before the promise settles is checked as well.
 *
 * @example
 * await finite(() => div(tensor([1, 0]), tensor([2, 0]))); // throws NonFiniteError
 * await finite(() => exp(tensor([1000])), { infinity: false }); // [Infinity]
 */
export async function finite<R>(f: () => R, options?: FiniteOptions): Promise<Awaited<R>> {
  readValue("finite", "what is called", f, callable);
  const { infinity } = readOptions("finite", options, { infinity: boolean }, { infinity: true });
  const findings = new Findings();
  const end = watching(findings.watch);
  try {
    const result = await f();
    end();
    await findings.judge(infinity);
    return result;
  } finally {
    end();
    findings.release();
  }
}
