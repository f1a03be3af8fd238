// What Weft's packages need of each other: not for users, and it may change with any version.
export { areLengths } from "./batches/ragged.ts";
export { signalKind } from "./files/files.ts";
export { filesInPage } from "./files/page-cache.ts";
export { leftOf, placeOf } from "./iterators.ts";
export { mnistPublication } from "./sets/mnist.ts";
export { beside } from "./position.ts";
export { stream } from "./stream.ts";
