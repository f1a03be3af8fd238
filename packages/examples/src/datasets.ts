// The datasets by name, and parts of them.
import { cifar10, digits, mnist, type HostArray, type Labeled, type Pictures } from "@weft/data";

const sources = {
  digits: async (): Promise<Pictures> => digits(),
  mnist: (): Promise<Pictures> => mnist(),
  cifar10: (): Promise<Pictures> => cifar10(),
};

export type DataName = keyof typeof sources;
export const dataNames = Object.keys(sources) as DataName[];
/** Those with pictures of digits, 28 × 28 and gray. */
export const digitNames: readonly DataName[] = ["digits", "mnist"];

/** A dataset, with at most `limit` pictures for training and for testing. */
export async function dataset(name: DataName, limit = Infinity): Promise<Pictures> {
  const { train, test, classes } = await sources[name]();
  return { train: first(train, limit), test: first(test, limit), classes };
}

const first = ({ images, labels }: Labeled, limit: number): Labeled => ({
  images: firstRows(images, limit),
  labels: firstRows(labels, limit),
});

/** The first rows of an array, at most `limit`. */
export function firstRows<A extends Uint8Array | Int32Array>(array: HostArray<A>, limit: number): HostArray<A> {
  const [count, ...rest] = array.shape as [number, ...number[]];
  const kept = Math.min(count, limit);
  const data = array.data.subarray(0, kept * rest.reduce((n, d) => n * d, 1)) as A;
  return { ...array, data, shape: [kept, ...rest] };
}
