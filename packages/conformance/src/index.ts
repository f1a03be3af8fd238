// For the tests of backends, and of packages with functions of their own.
export type { Case } from "./case.ts";
export { compare, tolerances, type Result } from "./comparison.ts";
export { conformance, samplesOn, type ConformanceOptions, type Open, type SampleOptions } from "./conformance.ts";
export { derivatives } from "./derivatives.ts";
export {
  byName,
  golden,
  goldenCases,
  goldenSteps,
  made,
  type Golden,
  type GoldenCall,
  type GoldenCase,
  type GoldenFunctions,
  type GoldenOptions,
  type GoldenSteps,
  type Positional,
} from "./golden.ts";
export { open, openSync, Reference, type ReferenceOptions } from "./reference.ts";
export {
  anyFloats,
  between,
  booleans,
  distinct,
  extremes,
  floats,
  grid,
  integers,
  positive,
  sample,
  stream,
  values,
  viewsOf,
  type Collection,
  type Family,
  type Input,
  type Sample,
  type Samples,
  type Tolerance,
  results,
  upload,
} from "./sample.ts";
export { collections, type SampleName } from "./samples.ts";
