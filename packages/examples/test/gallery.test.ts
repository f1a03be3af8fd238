// How many drawings are of which digit: counted on pictures whose digits are known.
import { mul, sub, type Creation, type Tensor } from "@weft/tensor";
import { digits, subset } from "@weft/data";
import { seed } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { gallery } from "../src/images/gallery.ts";
import { recipes } from "../src/classifiers.ts";

/** The reader learns these by heart. */
const { train, classes } = digits({ train: 40, test: 0 });
const labels = [...train.labels.data];

/** So many pictures of each digit, from 0 on, with brightness from −1 to 1. */
function pictures(counts: readonly number[], { tensor }: Creation): Tensor {
  const places = counts.flatMap((n, digit) => new Array<number>(n).fill(labels.indexOf(digit)));
  const { data, shape } = subset(train.images, places);
  return sub(
    mul(
      tensor(
        Float32Array.from(data, (x) => x / 255),
        { shape },
      ),
      2,
    ),
    1,
  );
}

test("the drawings of the rarest digit and the digits found are counted as a reader reads them", async () => {
  const backend = await open({});
  seed(1);
  let counts: readonly number[] = [];
  const recipe = { ...recipes.softmax, batchSize: 4 };
  const split = { train, test: train, classes };
  const { evaluate } = gallery(recipe, () => pictures(counts, backend), split, backend);
  const counted = async (...now: readonly number[]) => {
    counts = now;
    const { readerAccuracy, ...found } = await evaluate();
    expect(readerAccuracy).toBe(1);
    return found;
  };
  const even = await counted(...new Array<number>(10).fill(100));
  expect(even).toEqual({ drawingsOfTheRarest: 100, digitsFound: 10 });
  const rare = await counted(200, 200, 100, 100, 100, 100, 100, 47, 50, 3);
  expect(rare).toEqual({ drawingsOfTheRarest: 3, digitsFound: 10 });
  const missing = await counted(200, 200, 100, 100, 100, 100, 100, 100, 0, 0);
  expect(missing).toEqual({ drawingsOfTheRarest: 0, digitsFound: 8 });
});
