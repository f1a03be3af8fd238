// Whether a model can be used: a training that has diverged leaves numbers that are none.
import type { Backend } from "@weft/tensor";
import { params, place } from "@weft/nn";

/** Whether all parameters are finite; false without a model. */
export async function isFinite(model: object | undefined, backend: Backend): Promise<boolean> {
  if (model === undefined) return false;
  await place(model, backend);
  for (const { value } of params(model)) {
    const numbers: Iterable<number | bigint> = await value.data();
    for (const x of numbers) if (!Number.isFinite(Number(x))) return false;
  }
  return true;
}
