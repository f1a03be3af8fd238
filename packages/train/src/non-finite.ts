// Which parameters of a model are not finite.
import type { Param } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import { cast, isFinite, isNaN, not, sum } from "@weft/tensor";
import { boolean, readOptions, readValue, resultOf, type OptionKinds } from "@weft/tensor/internals";
import { treeKind } from "./steps.ts";

export interface NonFiniteOptions {
  /** Whether infinities count, too (true). */
  readonly infinity?: boolean;
}

const kinds: OptionKinds<NonFiniteOptions> = { infinity: boolean };

/** A parameter that is not finite. */
export interface NonFinite {
  /** Where it is in the model: `blocks.0.weight`. */
  readonly path: string;
  readonly shape: readonly number[];
  /** How many of its elements are NaN or infinite. */
  readonly count: number;
}

/**
 * The parameters of a model, or of a tree as `save` of `@weft/nn` takes it, that have NaN or infinity, as after a training
 * that diverged; without `infinity`, NaN alone. Elements are counted on their device, and one number is read for each
 * parameter. What is frozen, or has no values yet, is left out.
 *
 * @example
 * const broken = await nonFinite(model);
 * broken.length; // 0
 */
export async function nonFinite(model: object, options?: NonFiniteOptions): Promise<NonFinite[]> {
  const op = "nonFinite";
  const { infinity } = readOptions(op, options, kinds, { infinity: true });
  const trained = boxes(readValue(op, "model", model, treeKind)).filter(
    ({ box }) => box.kind === "param" && box.initialized && !(box as Param).frozen,
  );
  const counts = trained.map(async ({ path, box: { value, shape } }) => {
    const count = resultOf(() => sum(cast(infinity ? not(isFinite(value)) : isNaN(value), "i32")));
    try {
      return { path, shape, count: Number(await count.item()) };
    } finally {
      count.release();
    }
  });
  return (await Promise.all(counts)).filter(({ count }) => count > 0);
}
