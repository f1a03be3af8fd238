// Gradients of one call, by the engine of `@weft/autograd`.
import { vjp } from "@weft/autograd";
import { onesLike, type Tensor } from "@weft/tensor";

/**
 * The gradients of Σ seed · result with respect to the wanted inputs. Results without a seed do not count; without any
 * seeds each result counts once.
 */
export function gradients(
  call: (...xs: Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
  asked: readonly number[],
  seeds?: readonly (Tensor | undefined)[],
): readonly Tensor[] {
  const of = (...xs: Tensor[]): Tensor[] => {
    const given = inputs.map((x, i) => xs[asked.indexOf(i)] ?? x);
    return call(...given).filter((_, i) => seeds === undefined || seeds[i] !== undefined);
  };
  const [ys, pullback] = vjp(of, ...asked.map((i) => inputs[i]!));
  return pullback(seeds?.filter((seed) => seed !== undefined) ?? ys.map((y) => onesLike(y)));
}
