// A program that trains with `fit` and one metric: loops and metrics that it does not name are not in its bundle.
import { mse } from "@weft/nn";
import { fit, metrics, type LabeledBatches } from "@weft/train";
import type { Tensor } from "@weft/tensor";

export const train = (model: (x: Tensor) => Tensor, data: LabeledBatches<[Tensor], Tensor>) =>
  fit(model, data, { loss: mse, metrics: { auc: metrics.auc() } });
