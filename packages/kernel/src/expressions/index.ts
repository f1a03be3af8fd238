// The meaning of every elementwise primitive in the kernel language: one complete table, shared by all translators.
import type { ElementwiseOps } from "@weft/tensor";
import { arithmetic, type Expression } from "./arithmetic.ts";
import { exponential } from "./exponential.ts";
import { power } from "./power.ts";
import { trigonometric } from "./trigonometric.ts";

export type ElementwiseOp = keyof ElementwiseOps;
export const expressions: { readonly [K in ElementwiseOp]: Expression } = {
  ...arithmetic,
  ...exponential,
  ...power,
  ...trigonometric,
};
export type { Expression } from "./arithmetic.ts";
export { threefry, uniform } from "./random.ts";
