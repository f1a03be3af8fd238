// Whether a training has diverged: then its numbers are none.
import type { Backend } from "@weft/tensor";
import { place } from "@weft/nn";
import { nonFinite } from "@weft/train";

/** Whether all parameters are finite; false without a model. */
export async function hasFiniteParams(model: object | undefined, backend: Backend): Promise<boolean> {
  if (model === undefined) return false;
  await place(model, backend);
  return (await nonFinite(model)).length === 0;
}
