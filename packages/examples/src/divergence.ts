// Whether a training has diverged: then its numbers are none.
import type { Backend } from "@weft/tensor";
import { params, place } from "@weft/nn";

/** Whether all parameters are finite; false without a model. */
export async function hasFiniteParams(model: object | undefined, backend: Backend): Promise<boolean> {
  if (model === undefined) return false;
  await place(model, backend);
  for (const { value } of params(model)) {
    const numbers: Iterable<number | bigint> = await value.data();
    for (const x of numbers) if (!Number.isFinite(Number(x))) return false;
  }
  return true;
}
