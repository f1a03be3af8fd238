// Metrics: numbers about predictions and targets, collected over batches.
export { confusionMatrix, f1, precision, recall } from "./classes.ts";
export { accuracy, crossEntropy, mean, meanAbsoluteError, meanSquaredError, perplexity } from "./means.ts";
export { r2 } from "./r2.ts";
export { auc, averagePrecision } from "./ranking.ts";
