// One call on one backend: its results, and the gradients of orders 1 and 2 along fixed directions. Everything is
// computed in one scope, read, and released, so that whatever is alive afterwards is a leak.
import { mul, scope, sum, type Backend, type Tensor } from "@weft/tensor";
import { isFloat } from "@weft/tensor/internals";
import type { Result } from "./comparison.ts";
import { gradients } from "./gradient.ts";
import { elementsOf } from "./reference/storage.ts";
import { stream, type Random } from "./sample.ts";

/** A call, and what to compute for it. */
export interface Question {
  readonly name: string;
  readonly upload: () => readonly Tensor[];
  readonly call: (...xs: Tensor[]) => readonly Tensor[];
  /** The numbers of the inputs whose gradients are wanted. */
  readonly asked: readonly number[];
  /** The highest order. */
  readonly order: 0 | 1 | 2;
  /** What each result is multiplied by before the sum that is differentiated; random numbers if left out. */
  readonly seeds?: (ys: readonly Tensor[]) => readonly (Tensor | undefined)[];
}

export interface Answer {
  readonly inputs: readonly Result[];
  readonly outputs: readonly Result[];
  readonly gradients: readonly Result[];
  readonly seconds: readonly Result[];
}

/** Numbers of the shape and dtype of x, between −1 and 1, that depend on `random` alone. */
export function like(x: Tensor, random: Random): Tensor {
  const data = Float32Array.from({ length: x.size }, () => 2 * random() - 1);
  return x.backend.upload(elementsOf(x.dtype, data), x.shape, x.dtype);
}

/** One direction for each floating result. */
const seedsOf = (name: string, ys: readonly Tensor[]): (Tensor | undefined)[] =>
  ys.map((y, i) => (isFloat(y.dtype) ? like(y, stream(`${name} seeds`, i)) : undefined));

/** Σ directions · gradients, as a function of the differentiated inputs: what order 2 differentiates. */
export function slope(
  call: Question["call"],
  inputs: readonly Tensor[],
  asked: readonly number[],
  seeds: readonly (Tensor | undefined)[],
  directions: readonly Tensor[],
): Tensor {
  const gs = gradients(call, inputs, asked, seeds);
  return gs.map((g, k) => sum(mul(g, directions[k]!))).reduce((a, b) => a.add(b));
}

const directionsOf = (name: string, inputs: readonly Tensor[], asked: readonly number[]): Tensor[] =>
  asked.map((i) => like(inputs[i]!, stream(`${name} directions`, i)));

interface Values {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly gradients: readonly Tensor[];
  readonly seconds: readonly Tensor[];
}

function compute({ name, upload, call, asked, order, seeds }: Question): Values {
  const inputs = upload();
  const outputs = call(...inputs);
  const given = seeds?.(outputs) ?? seedsOf(name, outputs);
  if (asked.length === 0 || order === 0 || given.every((seed) => seed === undefined))
    return { inputs, outputs, gradients: [], seconds: [] };
  const first = gradients(call, inputs, asked, given);
  if (order === 1) return { inputs, outputs, gradients: first, seconds: [] };
  const directions = directionsOf(name, inputs, asked);
  const along = (...xs: Tensor[]): readonly Tensor[] => [slope(call, xs, asked, given, directions)];
  return { inputs, outputs, gradients: first, seconds: gradients(along, inputs, asked) };
}

/** Computes the answer on a backend, and reads it. */
export async function answer(backend: Backend, question: Question): Promise<Answer> {
  const values = scope(() => compute(question));
  const read = async (list: readonly Tensor[]): Promise<Result[]> => {
    const found: Result[] = [];
    for (const x of list) found.push({ data: await backend.read(x), shape: x.shape, dtype: x.dtype });
    return found;
  };
  try {
    // The inputs last: anything that writes to them has run by then.
    const outputs = await read(values.outputs);
    const gradients = await read(values.gradients);
    const seconds = await read(values.seconds);
    return { inputs: await read(values.inputs), outputs, gradients, seconds };
  } finally {
    for (const list of Object.values(values)) for (const x of list as readonly Tensor[]) x.release();
  }
}
