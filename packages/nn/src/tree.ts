// The parameters of a model. The walk itself is autograd's `boxes`, which optimizers use too.
import type { Param } from "@weft/autograd";
import { boxes, namedParams } from "@weft/autograd/internals";
import { callable, readValue, type OptionKind } from "@weft/tensor/internals";

export { boxes };

export const modelKind: OptionKind<unknown> = {
  wanted: "an object, an array or a function with parameters",
  is: (x): x is unknown => typeof x === "function" || (typeof x === "object" && x !== null && !(x instanceof Promise)),
};
/** The same, or null: a bias that a layer does not have. */
export const partKind: OptionKind<unknown> = {
  wanted: "a model or a part of one (a promise is awaited first, and undefined is often a misspelled name)",
  is: (x): x is unknown => x === null || modelKind.is(x),
};

/** Whether a parameter is meant, by itself and its path in the model: `"0.weight"`. */
export type ParamFilter = (param: Param, path: string) => boolean;

/** The parameters of a model that a function accepts. */
export function listed(op: string, model: unknown, filter: ParamFilter | undefined, unfrozen: boolean): Param[] {
  readValue(op, "the model", model, partKind);
  if (filter !== undefined) readValue(op, "the filter", filter, callable);
  return namedParams(model).flatMap(({ path, box }) =>
    (unfrozen && box.frozen) || filter?.(box, path) === false ? [] : [box],
  );
}

/**
 * The parameters of a model, each once, in the order of discovery: fields of functions and objects, elements of arrays,
 * values of maps. With a filter, those that it accepts, by the parameter and its path. Parameters hidden in closures
 * cannot be found; make them fields.
 *
 * @example
 * const count = params(model).reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0);
 *
 * @example
 * params(model, (p) => p.shape.length > 1).length; // 1: what weight decay is for
 * params(model, (p, path) => path.endsWith("bias")).length; // 1
 */
export const params = (model: unknown, filter?: ParamFilter): Param[] => listed("params", model, filter, false);
