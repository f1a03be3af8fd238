// What users of tensors import, and what custom operations, layers and backends are written with. What only Weft's
// packages need from each other is in `internals.ts`.
export * from "./activations.ts";
export * from "./activations/piecewise.ts";
export * from "./activations/smooth.ts";
export { apply, applyFused, isTensor, readTensor, readTensors, source } from "./apply.ts";
export * from "./arrangement.ts";
export type { Axes } from "./axes.ts";
export * from "./conv.ts";
export { onesLike, zerosLike, type Creation, type HostArray, type NestedArray } from "./creation.ts";
export type { ComputeType, DType, TypedArray } from "./dtype.ts";
export * from "./einsum.ts";
export * from "./elementwise.ts";
export { acosd, asind, atand, cosd, cospi, deg2rad, rad2deg, sind, sinpi, tand } from "./elementwise/angles.ts";
export * from "./elementwise/bits.ts";
export * from "./elementwise/comparisons.ts";
export * from "./elementwise/exponentials.ts";
export * from "./elementwise/mantissa.ts";
export * from "./elementwise/nonfinite.ts";
export * from "./elementwise/rounding.ts";
export * from "./elementwise/signs.ts";
export * from "./elementwise/sinc.ts";
export {
  ArgumentError,
  BackendMismatchError,
  ContextError,
  DTypeError,
  IndexError,
  MemoryError,
  ReleasedTensorError,
  ShapeError,
  UnsupportedError,
  VersionError,
  WeftError,
  printable,
} from "./errors.ts";
export { elementwiseOp, type Arithmetic, type Expression } from "./expression.ts";
export { finite, NonFiniteError, type FiniteOptions } from "./finite.ts";
export type * from "./fused.ts";
export { crossEntropyRows, type CrossEntropyAttrs } from "./fused/crossEntropy.ts";
export { logSoftmax, softmax } from "./fused/softmax.ts";
export { standardize, type StandardizeAttrs } from "./fused/standardize.ts";
export * from "./images/grid.ts";
export * from "./images/interpolate.ts";
export * from "./images/sample.ts";
export * from "./images/shuffle.ts";
export * from "./indexing.ts";
export type { Backend, Box, Interpreter, Operand, RandomStream, Value } from "./interpreter.ts";
export * from "./linalg.ts";
export * from "./linalg/index.ts";
export type { HostMemory, MatrixArithmetic, MatrixKernel, MatrixKind, MatrixMemory } from "./matrix-kernel.ts";
export * from "./movement.ts";
export type { Attrs, OpName, Ops, Shape } from "./ops.ts";
export type { TimedLaunch } from "./launch-log.ts";
export { profile, type Profile, type ProfiledOperation } from "./profile.ts";
export * from "./random/choices.ts";
export * from "./random/distributions.ts";
export * from "./pooling/adaptive.ts";
export * from "./pooling/pool.ts";
export * from "./pooling/unpool.ts";
export { borrow, type Nested } from "./reading.ts";
export {
  argmax,
  argmin,
  argsort,
  cumsum,
  max,
  min,
  sum,
  type OrderOptions,
  type PositionOptions,
  type ReduceOptions,
} from "./reduce.ts";
export { cov, corrcoef, type CovarianceOptions } from "./reduce/covariance.ts";
export * from "./reduce/differences.ts";
export {
  aminmax,
  kthValue,
  maxWithIndices,
  median,
  medianWithIndices,
  minWithIndices,
  mode,
  nanMedian,
  type PlaceOptions,
} from "./reduce/order.ts";
export * from "./reduce/quantiles.ts";
export { cummax, cummin, cumprod, logCumSumExp, type ScanOptions } from "./reduce/scans.ts";
export * from "./reduce/skip-nan.ts";
export type * from "./row-kernel.ts";
export { rowOp } from "./row-op.ts";
export { keep, scope } from "./scope.ts";
export type { InterpolateMode, OutputSize } from "./spatial.ts";
export { erfinv } from "./special.ts";
export * from "./selection/at.ts";
export * from "./selection/bins.ts";
export * from "./selection/counted.ts";
export type { AxisRange, IndexList, Place } from "./selection/places.ts";
export * from "./selection/repeats.ts";
export * from "./selection/scatter.ts";
export { bucketize, isin, searchsorted, type SearchOptions } from "./selection/search.ts";
export { setAt } from "./selection/setAt.ts";
export * from "./shape/blocks.ts";
export * from "./shape/diagonals.ts";
export * from "./shape/orders.ts";
export * from "./shape/padding.ts";
export * from "./shape/pieces.ts";
export * from "./shape/windows.ts";
export { erfc, erfcx } from "./special/erfc.ts";
export { digamma, lgamma, polygamma } from "./special/gamma.ts";
export * from "./statistics.ts";
export * from "./tensor.ts";
