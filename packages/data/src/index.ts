// The entry for pages: progress goes to the console, data sets into the page's own cache.
import { lines } from "./display.ts";
import { housingFrom, type Housing } from "./housing.ts";
import { mnistFrom, type Mnist } from "./mnist.ts";
import { pageCache } from "./page-cache.ts";
import { progressWith, type Progress } from "./progress.ts";

export * from "./everywhere.ts";

/**
 * Passes items through and shows how far the loop has come, in the console or with a `display` of your own.
 *
 * @example
 * for await (const loss of progress(minimize(f, batches, adam()))) if (tired()) break;
 */
export const progress: Progress = /* @__PURE__ */ progressWith(({ stream, seconds = 5 }) =>
  lines((line) => (stream === undefined ? console.log(line) : stream.write(`${line}\n`)), seconds),
);

/**
 * MNIST: 60,000 handwritten digits to train on and 10,000 to test on, bytes of 28 x 28. Downloads 11.6 MB the
 * first time and checks them.
 *
 * Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
 *
 * @example
 * const { train, test } = await mnist();
 * const batches = minibatch(train, 100, { backend, shuffle: true, seed: 1 });
 */
export const mnist: Mnist = /* @__PURE__ */ mnistFrom(pageCache);

/**
 * Boston housing: 13 numbers about each of 506 districts, and the median value of a home there. Downloads 49 kB the
 * first time and checks them. One of the columns is built on the share of Black residents; several libraries withdrew
 * the set for that reason. Here it serves to reproduce published timings.
 *
 * Source: D. Harrison, D. L. Rubinfeld, "Hedonic prices and the demand for clean air", 1978.
 *
 * @example
 * const { inputs, targets } = await housing({ standardize: true });
 */
export const housing: Housing = /* @__PURE__ */ housingFrom(pageCache);
