// Whether a training has stopped getting better, from all that was measured so far: so it is the same after a pause.
import { converge } from "@weft/optim";

/** Whether `converge` would have stopped within these measurements. */
export async function converged(measured: readonly number[], options: { readonly alpha: number }): Promise<boolean> {
  let falling = 0;
  for await (const _ of converge(measured, options)) falling++;
  return falling < measured.length;
}
