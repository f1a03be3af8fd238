// Losses and counts of a model over batches of data, as Knet's `nll(model, data)`: read while the next batch is
// computed, and added up in f64.
import { ArgumentError, isTensor, scope, type Operand, type Tensor } from "@weft/tensor";
import { boolean, describe, int32, readOptions, type OptionKinds } from "@weft/tensor/internals";

/** What is evaluated: a layer, or any function from what a batch begins with to scores. */
export type Model<X> = (x: X) => Tensor;

/** Batches of inputs and labels, such as those of `minibatch`. */
export type Data<X> = Iterable<readonly [X, Operand]> | AsyncIterable<readonly [X, Operand]>;

export interface DataOptions {
  /** Labels that do not count. */
  readonly ignoreIndex?: number;
  /** Whether the result is total / count (true), or both of them. */
  readonly average?: boolean;
}

/** Sums over all rows that count. */
export interface Totals {
  readonly total: number;
  readonly count: number;
}

const kinds: OptionKinds<DataOptions> = { ignoreIndex: int32, average: boolean };

/** The sum over a batch, and how many rows it is of. */
type Measure = (scores: Tensor, labels: Operand, ignoreIndex?: number) => readonly [Tensor, Tensor | number];

export async function overData<X>(
  op: string,
  model: Model<X>,
  data: Data<X>,
  options: DataOptions | undefined,
  measure: Measure,
): Promise<number | Totals> {
  const { average, ignoreIndex } = readOptions(op, options, kinds, { average: true });
  if (
    typeof data !== "object" ||
    data === null ||
    isTensor(data) ||
    !(Symbol.iterator in data || Symbol.asyncIterator in data)
  )
    throw new ArgumentError(`${op}: wanted batches [x, labels] to go with a model, got ${describe(data)}`);
  let sums: Totals = { total: 0, count: 0 };
  let reading: Promise<Totals> = Promise.resolve(sums);
  const add = async (): Promise<void> => {
    const { total, count } = await reading;
    sums = { total: sums.total + total, count: sums.count + count };
  };
  for await (const batch of data) {
    if (!Array.isArray(batch) || batch.length !== 2)
      throw new ArgumentError(`${op}: wanted batches [x, labels], got ${describe(batch)}`);
    const [x, labels] = batch as readonly [X, Operand];
    const next = read(scope(() => measure(model(x), labels, ignoreIndex)));
    next.catch(() => {}); // thrown when it is awaited, after the batch before it
    await add();
    reading = next;
  }
  await add();
  return average ? sums.total / sums.count : sums;
}

/** The numbers of a batch, whose tensors are released when they are read. */
async function read([total, count]: readonly [Tensor, Tensor | number]): Promise<Totals> {
  try {
    const numbers = await Promise.all([total.item(), typeof count === "number" ? count : count.item()]);
    return { total: Number(numbers[0]), count: Number(numbers[1]) };
  } finally {
    total.release();
    if (typeof count !== "number") count.release();
  }
}
