// Samples of the functions and layers of this package, in the form of those of `@weft/tensor`.
import type { Collection } from "@weft/conformance";
import { attention } from "./samples/attention.ts";
import { knet } from "./samples/knet.ts";
export { layers } from "./samples/layers.ts";
import { losses } from "./samples/losses.ts";
import { normalization } from "./samples/normalization.ts";
import { recurrent } from "./samples/recurrent.ts";

export const collections: readonly Collection[] = [...losses, ...normalization, attention, recurrent, knet];
