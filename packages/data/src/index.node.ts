// The entry for Node: progress is a bar on the terminal, data sets are kept in the user's cache folder.
import { format } from "node:util";
import { terminal } from "./bar.node.ts";
import { folders } from "./folder.node.ts";
import { housingFrom, type Housing } from "./housing.ts";
import { mnistFrom, type Mnist } from "./mnist.ts";
import { progressWith, type Progress } from "./progress.ts";

export * from "./everywhere.ts";

/**
 * Passes items through and shows how far the loop has come: a bar on a terminal, a line every 5 seconds elsewhere.
 *
 * @example
 * for await (const loss of progress(minimize(f, batches, adam()))) if (tired()) break;
 */
export const progress: Progress = /* @__PURE__ */ progressWith(
  ({ stream, seconds }) => terminal(stream, seconds),
  format,
);

/**
 * MNIST: 60,000 handwritten digits to train on and 10,000 to test on, bytes of 28 x 28. Files in the folder
 * WEFT_DATA (or its subfolder `mnist`) are used as they are; otherwise 11.6 MB are downloaded the first time and kept.
 *
 * Throws a DataError if a file is not the published one (it says what was expected, what was found, what to do), if no
 * mirror answers, if it cannot be saved, or if WEFT_DATA is not a folder.
 *
 * Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
 *
 * @example
 * const { train, test } = await mnist();
 * const batches = minibatch(train, 100, { backend, shuffle: true, seed: 1 });
 */
export const mnist: Mnist = /* @__PURE__ */ mnistFrom(folders());

/**
 * Boston housing: 13 numbers about each of 506 districts, and the median value of a home there. Files in the folder
 * WEFT_DATA (or its subfolder `housing`) are used as they are; otherwise 49 kB are downloaded the first time and kept.
 * One of the columns is built on the share of Black residents; several libraries withdrew the set for that reason. Here
 * it serves to reproduce published timings.
 *
 * Source: D. Harrison, D. L. Rubinfeld, "Hedonic prices and the demand for clean air", 1978.
 *
 * @example
 * const { inputs, targets } = await housing({ standardize: true });
 */
export const housing: Housing = /* @__PURE__ */ housingFrom(folders());
