// The check of derivatives: compares the rules with central differences, in double precision.
import {
  cast,
  mul,
  readTensor,
  add,
  scope,
  sum,
  UnsupportedError,
  WeftError,
  type Backend,
  type Box,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { callable, isFloat, readValue } from "@weft/tensor/internals";
import { Param } from "./box.ts";
import { Overlay } from "./box-replay.ts";
import { gathered, Session } from "./gradient-run.ts";
import { RowSparse } from "./sparse.ts";
import { leavesOf, mapTree } from "./tree.ts";

/**
 * A gradient differs from central differences.
 *
 * @example
 * const wrong = customGradient((x) => ({ value: square(x), pullback: (g) => g }));
 * await gradCheck(wrong, tensor([3])); // throws GradientError
 */
export class GradientError extends WeftError {
  static override readonly name: string = "GradientError";
}

const STEP = 1e-5;
const ELEMENTS = 10;
const RELATIVE = 1e-4;
const ABSOLUTE = 1e-6;

/** Numbers in [−1, 1], the same in every run: a linear congruential generator (Numerical Recipes). */
function sequence(): () => number {
  let n = 1;
  return () => {
    n = (Math.imul(n, 1664525) + 1013904223) >>> 0;
    return n / 2 ** 31 - 1;
  };
}

const isChecked = (x: Tensor | Box): boolean => "interpreter" in x && isFloat(x.dtype);

/** A value whose gradient is checked: an argument of the function, or a parameter that it uses. */
interface CheckedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float64Array<ArrayBuffer>;
}

/**
 * Compares the gradient of f with central differences, in f64: with respect to every floating-point tensor among the
 * inputs (also in trees) and to every parameter that f uses. A result that is not a scalar is summed with fixed
 * weights. Of large tensors ten elements and one direction are checked. f draws the same random numbers in every run.
 * Returns true, or throws a GradientError that names the element, or an UnsupportedError on a backend without f64.
 *
 * @example
 * await gradCheck((a, b) => matmul(a, b), randn([2, 3]), randn([3, 2]));
 */
export async function gradCheck<Args extends any[]>(f: (...args: Args) => unknown, ...inputs: Args): Promise<true> {
  readValue("gradCheck", "what is differentiated", f, callable);
  const given = leavesOf(inputs).filter(isChecked);
  const params = usedBy(f, inputs);
  const [first] = [...given, ...params];
  if (first === undefined)
    throw new UnsupportedError("gradCheck: wanted a tensor or a parameter to differentiate with respect to");
  const backend = scope(() => readTensor(first, "gradCheck").interpreter.backend);
  const checked: CheckedInput[] = [];
  for (const [k, x] of given.entries()) checked.push(await read(`input ${k}`, x, backend));
  for (const [k, p] of params.entries()) checked.push(await read(`parameter ${k}`, p, backend));

  const { counter } = backend.stream;
  /** Runs f on these values, each uploaded and passed through `lift`: the weighted sum of what it returns. */
  const run = (all: readonly Float64Array<ArrayBuffer>[], lift: (x: Tensor, k: number) => Tensor): Tensor => {
    backend.stream.counter = counter;
    const uploaded = all.map((values, k) => lift(backend.upload(values, checked[k]!.shape, "f64"), k));
    const over = new Overlay();
    for (const [k, p] of params.entries()) over.put(p, uploaded[given.length + k]!);
    let k = 0;
    const args = mapTree(inputs, (x) => (isChecked(x) ? uploaded[k++]! : x)) as Args;
    return over.during(() => weighted(f(...args)));
  };
  const value = async (all: readonly Float64Array<ArrayBuffer>[]): Promise<number> => {
    const y = scope(() => run(all, (x) => x));
    const [n] = await backend.read(y);
    y.release();
    return n!;
  };

  const session = new Session(f, "gradCheck", false);
  const gradients = (() => {
    try {
      const leaves: Tensor[] = [];
      const lift = (x: Tensor): Tensor => {
        const leaf = session.recorder.leaf(x);
        leaves.push(leaf);
        return leaf;
      };
      const y = session.during(() =>
        run(
          checked.map((input) => input.values),
          lift,
        ),
      );
      session.backward("gradCheck", y).release();
      return session.below(() =>
        leaves.map((leaf) => {
          const g = gathered([leaf]);
          return g === undefined ? undefined : session.handOut(g instanceof RowSparse ? g.dense() : g);
        }),
      );
    } finally {
      session.close();
    }
  })();

  const random = sequence();
  const originals = checked.map((input) => input.values);
  for (const [k, { name, shape, values }] of checked.entries()) {
    const size = values.length;
    const g = gradients[k];
    const slopes = g === undefined ? new Float64Array(size) : await backend.read(g);
    g?.release();
    const check = async (direction: Float64Array, where: string): Promise<void> => {
      const moved = (h: number) =>
        originals.with(
          k,
          values.map((v, i) => v + h * direction[i]!),
        );
      const wanted = ((await value(moved(STEP))) - (await value(moved(-STEP)))) / (2 * STEP);
      const got = direction.reduce((s, d, i) => (d === 0 ? s : s + d * slopes[i]!), 0);
      if (Math.abs(got - wanted) <= ABSOLUTE + RELATIVE * Math.max(Math.abs(got), Math.abs(wanted))) return;
      throw new GradientError(
        `gradCheck: ${name} of shape [${shape}], ${where}: the rules give ${got}, central differences give ${wanted}`,
      );
    };
    const step = Math.max(1, Math.floor(size / ELEMENTS));
    for (let i = 0; i < size; i += step) {
      const unit = new Float64Array(size);
      unit[i] = 1;
      await check(unit, `element ${i}`);
    }
    if (size > 1) await check(Float64Array.from({ length: size }, random), "in a random direction");
  }
  backend.stream.counter = counter;
  return true;
}

/** The parameters that f reads. */
function usedBy<Args extends any[]>(f: (...args: Args) => unknown, inputs: Args): Param[] {
  const session = new Session(f, "gradCheck", true);
  try {
    const streams = leavesOf(inputs).map((x) => ("interpreter" in x ? x.interpreter.backend.stream : undefined));
    const counters = streams.map((stream) => stream?.counter);
    session.during(() => new Overlay().during(() => f(...inputs)));
    for (const [k, stream] of streams.entries()) if (stream !== undefined) stream.counter = counters[k]!;
    return [...session.recorder.leaves.keys()];
  } finally {
    session.close();
  }
}

async function read(name: string, x: Operand, backend: Backend): Promise<CheckedInput> {
  let y: Tensor;
  try {
    y = scope(() => cast(x, "f64"));
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    throw new UnsupportedError(
      `gradCheck: ${backend.name} has no f64, which central differences need. Check on the CPU backend.`,
      { cause: error },
    );
  }
  const values = Float64Array.from(await backend.read(y));
  return { name, shape: y.shape, values };
}

/** Σ u·y over all tensors of a result, with fixed weights u. */
function weighted(result: unknown): Tensor {
  const random = sequence();
  let total: Tensor | undefined;
  for (const leaf of leavesOf(result)) {
    const y = readTensor(leaf, "gradCheck");
    if (!isFloat(y.dtype)) continue;
    const u = Float64Array.from({ length: y.size }, random);
    const part = sum(mul(y, y.interpreter.backend.upload(u, y.shape, "f64")));
    total = total === undefined ? part : add(total, part);
  }
  if (total === undefined) throw new UnsupportedError("gradCheck: the function returned no floating-point tensor");
  return total;
}
