// Windows of a text: what is read, and what comes after each part of it, cut out of the text on its device.
import { add, take, unsqueeze, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { minibatch, randomSampler, type Batches } from "@weft/data";

export interface WindowOptions {
  readonly backend: Backend & Creation;
  /** How many windows are in a batch. */
  readonly batchSize: number;
  /** How many parts of the text a window has. */
  readonly contextLength: number;
}

/** Two tensors `[batchSize, contextLength]`: the second is one part of the text ahead. */
export type Window = readonly [read: Tensor, wanted: Tensor];

/** A number of batches in each pass, from random places of the text. */
export const randomWindows = (
  ids: Int32Array,
  options: WindowOptions & { readonly batches: number; readonly seed: number },
): Batches<Window> => {
  const starts = startsOf(ids, options.contextLength, 1);
  const drawn = { count: options.batches * options.batchSize, replacement: true, seed: options.seed };
  return windowsFrom(starts, ids, options, { sampler: randomSampler(starts.length, drawn) });
};

/** All of the text, window after window; what is left over at the end is not used. */
export const allWindows = (ids: Int32Array, options: WindowOptions): Batches<Window> =>
  windowsFrom(startsOf(ids, options.contextLength, options.contextLength), ids, options, { partial: true });

const startsOf = (ids: Int32Array, contextLength: number, every: number): Int32Array =>
  Int32Array.from(
    { length: Math.max(0, Math.floor((ids.length - 1 - contextLength) / every) + 1) },
    (_, i) => i * every,
  );

function windowsFrom(
  starts: Int32Array,
  ids: Int32Array,
  { backend, batchSize, contextLength }: WindowOptions,
  order: { sampler?: ReturnType<typeof randomSampler>; partial?: boolean },
): Batches<Window> {
  const text = backend.tensor(ids);
  const steps = backend.arange(contextLength, { dtype: "i32" });
  const transform = (from: Tensor): Window => {
    const places = add(unsqueeze(from, 1), steps);
    return [take(text, places), take(text, add(places, 1))];
  };
  return minibatch(starts, batchSize, { backend, transform, ...order });
}
