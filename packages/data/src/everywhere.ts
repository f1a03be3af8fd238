// The exports that Node and pages share.
export { DataError } from "./data-error.ts";
export { digits, type DigitsOptions, type Labeled, type Split } from "./digits.ts";
export type { Display, ProgressState, TextStream } from "./display.ts";
export type { LoadOptions, Signal } from "./files.ts";
export type { HostArray, Numbers } from "./host-array.ts";
export type { Housing, HousingOptions, Regression } from "./housing.ts";
export { parseIdx } from "./idx.ts";
export { cycle, ncycle, shuffle, takeFirst, takeNth, type Sequence, type AsyncSequence } from "./iterators.ts";
export { minibatch, type Batch, type Batches, type MinibatchOptions, type Source } from "./minibatch.ts";
export type { Mnist } from "./mnist.ts";
export type { Progress, ProgressOptions } from "./progress.ts";
