// What Weft's packages need from each other: not for users, and it may change with any version. It exports from the
// same files as `index.ts`, so a program has each of them once.
export { alias, applyFusedOwn, applyFusedRead, applyOwn, caller, handle, placed, read, untaped } from "./apply.ts";
export { checkThere, sameShape, shapeOf, sizeOf, text } from "./axes.ts";
export {
  calledAs,
  context,
  inBackward,
  inNameOf,
  isAround,
  nextTurn,
  rollBack,
  undraw,
  together,
  withinStep,
  type Caller,
  type Scope,
  type Step,
} from "./context.ts";
export { creation, hostArray } from "./creation.ts";
export { dtypeInfo, isFloat, isStorage, largest, promote } from "./dtype.ts";
export { describe, quoted, refusePromise, shown } from "./errors.ts";
export { filled, iota } from "./filled.ts";
export { crossEntropyGradOp, crossEntropyOp } from "./fused/crossEntropy.ts";
export { rmsNormOp } from "./fused/rmsNorm.ts";
export { logSoftmaxGradOp, logSoftmaxOp, softmaxGradOp, softmaxOp } from "./fused/softmax.ts";
export { standardizeGrad } from "./fused/standardize.ts";
export { BRAND, CONTRACT, VERSION } from "./interpreter.ts";
export { wantIterable } from "./iterable.ts";
export { note, type LaunchLog } from "./launch-log.ts";
export { floating, inDType, inFloats, withNumber } from "./operands.ts";
export type {
  AxisAttrs,
  ConvAttrs,
  ConvOps,
  ElementwiseOps,
  IndexingOps,
  LinalgOps,
  MovementOps,
  PoolAttrs,
  RandomAttrs,
  ReduceAttrs,
  ReduceOps,
  SourceOps,
} from "./ops.ts";
export {
  copyOf,
  anyNumber,
  anything,
  backendKind,
  boolean,
  callable,
  count,
  decay,
  dtypeName,
  either,
  finite as finiteNumber,
  fraction,
  int32,
  integer,
  list,
  nonNegative,
  nonNegativeFinite,
  numbers,
  oneOf,
  orNull,
  positive,
  positiveCount,
  readOptions,
  readValue,
  seedNumber,
  string,
  type OptionKind,
  type OptionKinds,
  type ReadOptions,
} from "./options.ts";
export { primitive, print } from "./printing.ts";
export { checkSeed, draw, randomStream, threefry } from "./random.ts";
export type { Cell, CellFormula, SequenceKernel } from "./recurrence/cell.ts";
export { gruCell } from "./recurrence/gru.ts";
export { lstmCell } from "./recurrence/lstm.ts";
export { reluCell, tanhCell } from "./recurrence/rnn.ts";
export { sequence, sequenceGrad, stepOnTensors, type Recurrence } from "./recurrence/sequence.ts";
export {
  backwardOperands,
  forwardOperands,
  type BackwardOperands,
  type ForwardOperands,
  type SequenceAttrs,
} from "./recurrence/sizes.ts";
export { checkRows, rowAxis, type RowDTypes } from "./kernel-check.ts";
export { ownShape } from "./matrix-kernel.ts";
export { shapes } from "./rules.ts";
export { adopt, closeScope, escape, flush, labelOf, openScope, own, OWNED, resultOf, visitTensors } from "./scope.ts";
export { each, interpolateMode, outputSize, sides, type AutoPadding, type Padding, type PerAxis } from "./spatial.ts";
export { sqrtZeroSafe } from "./root.ts";
export { leftovers, makeFolder, openFile, readRange, replaceFile } from "./whole-files.ts";
export type { Disk, FileSystem } from "./whole-files.ts";
