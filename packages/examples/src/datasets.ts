// The datasets by name, and parts of them.
import { digits, mnist, type HostArray, type Labeled, type Split } from "@weft/data";

const sources = {
  digits: async (): Promise<Split> => digits(),
  mnist: (): Promise<Split> => mnist(),
};

export type DataName = keyof typeof sources;
export const dataNames = Object.keys(sources) as DataName[];

/** A dataset, with at most `limit` pictures for training and for testing. */
export async function dataset(name: DataName, limit = Infinity): Promise<Split> {
  const { train, test } = await sources[name]();
  return { train: first(train, limit), test: first(test, limit) };
}

const first = ({ images, labels }: Labeled, limit: number): Labeled => ({
  images: rows(images, limit),
  labels: rows(labels, limit),
});

function rows<A extends Uint8Array | Int32Array>(array: HostArray<A>, limit: number): HostArray<A> {
  const [count, ...rest] = array.shape as [number, ...number[]];
  const kept = Math.min(count, limit);
  const data = array.data.subarray(0, kept * rest.reduce((n, d) => n * d, 1)) as A;
  return { ...array, data, shape: [kept, ...rest] };
}
