// The exports that Node and pages share.
export type { Checkpoints, CheckpointsOptions } from "./checkpoints.ts";
export { earlyStopping, type EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
export { evaluateEvery, type Evaluated, type EvaluateEvery } from "./evaluate-every.ts";
export type { LabeledBatches, Model } from "./fit/batch.ts";
export { epochs, type Epoch, type Epochs, type EpochsOptions, type FinishedEpoch } from "./fit/epochs.ts";
export { evaluate, predict, type EvaluateOptions, type Evaluation, type PredictOptions } from "./fit/evaluate.ts";
export type { EpochMonitor, Fit, FitCheckpoints, FitOptions, History, StopOptions } from "./fit/fit.ts";
export type { Metrics } from "./fit/results.ts";
export type { FileLog, Log, Scalars, Setting } from "./log/log.ts";
export { logTo, type LoggedRun, type LogOptions, type Values } from "./log/log-to.ts";
export * as metrics from "./metrics/index.ts";
export type { AverageOptions, Average, Averaged, ClassOptions, PerClass } from "./metrics/classes.ts";
export type { IgnoreOptions } from "./metrics/means.ts";
export type { Metric } from "./metrics/metric.ts";
export type { RankingOptions } from "./metrics/ranking.ts";
export type { AccuracyOptions } from "./metrics/right.ts";
export type { Measured, Mode, Monitor, Steps, Wrapped } from "./steps.ts";
export { stopOnNaN, type StopOnNaN, type StopOnNaNOptions } from "./stop-on-nan.ts";
