// A search for the first NaN or infinity, for debugging: every result is checked where it is computed.
import { untaped } from "./apply.ts";
import { calledAs, context } from "./context.ts";
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

/** A result that is checked: where it was computed, and how many of its elements are wrong. */
interface Check {
  readonly op: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly backward: boolean;
  readonly stack: string;
  readonly wrong: Tensor;
}

/** Lines of a stack in Weft's own files, in the repository and in installed packages. */
const ours = /[\\/](?:@weft|packages)[\\/](?:tensor|autograd|nn|optim)[\\/](?:src|dist)[\\/]/;

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

/** The first line that is not ours. */
function siteIn(stack: string): string {
  const lines = stack.split("\n").slice(1);
  const line = lines.find((line) => !ours.test(line));
  return line === undefined ? "" : `, called ${line.trim()}`;
}

/** Calls `f` as if nothing watched the operations. */
function unwatched<T>(f: () => T): T {
  const { ran } = context;
  context.ran = undefined;
  try {
    return f();
  } finally {
    context.ran = ran;
  }
}

/** Notes a check for each floating-point result that has none. */
function watcher(checks: Check[], infinity: boolean): NonNullable<typeof context.ran> {
  const seen = new WeakSet<object>();
  return (op, results) =>
    unwatched(() => {
      for (const result of results) {
        const y = untaped(result);
        const { shape, dtype, payload } = y;
        if ((dtype !== "f32" && dtype !== "f64") || seen.has(payload as object)) continue;
        seen.add(payload as object);
        const count = () => sum(cast(infinity ? not(isFinite(y)) : isNaN(y), "f32"));
        const wrong = keep(context.scope === undefined ? resultOf(count) : scope(count));
        checks.push({ op: calledAs(op), shape, dtype, backward: context.backward, stack: stackHere(), wrong });
      }
    });
}

/** Throws an error about the first check, in the order of the operations, that found something. */
async function judge(checks: readonly Check[], what: string): Promise<void> {
  for (let i = 0; i < checks.length; i += TOGETHER) {
    const part = checks.slice(i, i + TOGETHER);
    const backends = new Set(part.map(({ wrong }) => wrong.interpreter));
    const counts = new Map<Check, number>();
    for (const backend of backends) {
      const own = part.filter(({ wrong }) => wrong.interpreter === backend);
      const all = unwatched(() => keep(resultOf(() => concat(own.map(({ wrong }) => reshape(wrong, [1]))))));
      const data = await all.data();
      all.release();
      own.forEach((check, k) => counts.set(check, data[k]!));
    }
    const first = part.find((check) => counts.get(check)! > 0);
    if (first === undefined) continue;
    const { op, shape, dtype, backward, stack } = first;
    const size = shape.reduce((a, b) => a * b, 1);
    throw new NonFiniteError(
      `${op}: gave ${what} in ${counts.get(first)} of ${size} elements of its result ${dtype}[${shape.join(", ")}]` +
        `${backward ? ", in a backward pass" : ""}${siteIn(stack)}`,
    );
  }
}

/**
 * Calls f, which may be asynchronous, and returns a promise of its result. If an operation in it gives NaN or an
 * infinity, the promise is rejected by a `NonFiniteError` that names the first such operation and where it was called;
 * an operation in a backward pass says so. Parts that are not selected count, too, as in `where(mask, log(x), 0)`. For
 * debugging: every result is checked and nothing that is checked is merged away, so it is slow. What else runs before
 * the promise settles is checked as well.
 *
 * @example
 * await finite(() => div(tensor([1, 0]), tensor([2, 0]))); // throws NonFiniteError
 * await finite(() => exp(tensor([1000])), { infinity: false }); // [Infinity]
 */
export async function finite<R>(f: () => R, options?: FiniteOptions): Promise<Awaited<R>> {
  readValue("finite", "what is called", f, callable);
  const { infinity } = readOptions("finite", options, { infinity: boolean }, { infinity: true });
  const checks: Check[] = [];
  const { ran } = context;
  const mine = watcher(checks, infinity);
  try {
    context.ran = mine;
    let result: Awaited<R>;
    try {
      result = await f();
    } finally {
      if (context.ran === mine) context.ran = ran;
    }
    await judge(checks, infinity ? "NaN or an infinity" : "NaN");
    return result;
  } finally {
    for (const { wrong } of checks) wrong.release();
  }
}
