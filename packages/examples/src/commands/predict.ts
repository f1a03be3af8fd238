// `weft predict`: loads a saved model and classifies pictures of the test set.
import { ArgumentError } from "@weft/tensor";
import { printable } from "@weft/tensor/internals";
import { load, readMetadata } from "@weft/nn";
import type { Labeled } from "@weft/data";
import { openBackend, type BackendName } from "../backends.ts";
import { dataNames, dataset, type DataName } from "../datasets.ts";
import { accuracyOf, answers } from "../evaluation.ts";
import { isRecipe, recipeNames, recipes, type RecipeName } from "../recipes.ts";
import { count, percent, type Print } from "../words.ts";

export interface PredictOptions {
  /** Which model it is, if the file does not say. */
  readonly model?: RecipeName | undefined;
  /** The dataset; by default the one that the model was trained on. */
  readonly data?: DataName | undefined;
  readonly backend: BackendName;
}

/** Prints predictions for the pictures at `indices`; without any, the accuracy on the whole test set. */
export async function predictCommand(
  file: string,
  indices: readonly number[],
  options: PredictOptions,
  print: Print,
): Promise<void> {
  const { model, data } = await known(file, options);
  const backend = await openBackend(options.backend, 0);
  const { test } = await dataset(data);
  const total = test.labels.data.length;
  const outside = indices.find((index) => index >= total);
  if (outside !== undefined)
    throw new ArgumentError(`there is no picture ${outside}: the test set of ${data} has 0 to ${total - 1}.`);

  if (indices.length === 0) {
    const accuracy = accuracyOf(await answers(model, test, backend));
    print(`Test accuracy ${percent(accuracy)} of ${count(total)} pictures of ${data}.`);
    return;
  }
  const chosen = pick(test, indices);
  for (const { index, label, guess, confidence } of await answers(model, chosen, backend)) {
    if (indices.length === 1) print(drawing(chosen.images.data));
    const verdict = guess === label ? "right" : `wrong, it is a ${label}`;
    print(`picture ${indices[index]}: ${guess} (${percent(confidence)} sure), ${verdict}`);
  }
}

/** The model in a file, and the dataset it was trained on. */
async function known(file: string, options: PredictOptions) {
  const metadata = await readMetadata(file);
  const name = options.model ?? metadata["weft"];
  if (!isRecipe(name))
    throw new ArgumentError(
      `${file}: the file ${
        name === undefined ? "does not say which model it holds" : `holds the model ${printable(String(name), 80)}`
      }, wanted one of ${recipeNames.join(", ")}. Name the model with --model.`,
    );
  const data = options.data ?? dataNames.find((known) => known === metadata["data"]) ?? "digits";
  return { model: await load(file, recipes[name].model()), data };
}

/** The pictures at some indices. */
function pick({ images, labels }: Labeled, indices: readonly number[]): Labeled {
  const size = images.data.length / labels.data.length;
  const data = new Uint8Array(indices.length * size);
  for (const [at, index] of indices.entries())
    data.set(images.data.subarray(index * size, (index + 1) * size), at * size);
  return {
    images: { ...images, data, shape: [indices.length, ...images.shape.slice(1)] },
    labels: { ...labels, data: Int32Array.from(indices, (index) => labels.data[index]!), shape: [indices.length] },
  };
}

/** A picture of 28 x 28 as 14 lines of text: each character is two pixels, one above the other. */
function drawing(pixels: Uint8Array): string {
  const dark = (x: number, y: number): number => (pixels[y * 28 + x]! > 100 ? 1 : 0);
  const line = (y: number): string =>
    Array.from({ length: 28 }, (_, x) => " ▀▄█"[dark(x, y) + 2 * dark(x, y + 1)]!).join("");
  return Array.from({ length: 14 }, (_, i) => line(2 * i).trimEnd()).join("\n");
}
