// The datasets by name.
import { cifar10, digits, mnist, subset, type Pictures } from "@weft/data";

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
  return { train: subset(train, { end: limit }), test: subset(test, { end: limit }), classes };
}
