// The entry for pages, which have no files.
import { fitWith, type Fit } from "./fit/fit.ts";
import { checkpoints } from "./no-files.ts";

export * from "./everywhere.ts";
export { checkpoints, jsonl, tensorBoard } from "./no-files.ts";

/**
 * Trains a model in one call on batches `[…inputs, target]`, and returns lists with an element for each epoch:
 * `{ epoch, loss, valLoss, accuracy, valAccuracy }`. It is `epochs` with the loops around it that the options ask for:
 * `log` (`logTo`), `checkpoints`, `stop` (`earlyStopping`). Nothing is shown unless `progress` is true.
 *
 * When `signal` is aborted, it ends after the current step. An error ends it, too; the model keeps the steps before.
 * With `checkpoints: { folder, resume: true }` it continues with the epoch after the last one saved there.
 *
 * Source: Keras's `fit`.
 *
 * @example
 * const history = await fit(model, batches, { loss: mse, optimizer: adam(), epochs: 2, validation: batches });
 * console.log(history.loss, history.valLoss);
 */
export const fit: Fit = /* @__PURE__ */ fitWith(checkpoints);
