// The parameters of a model. The walk itself is autograd's `boxes`, which optimizers use too.
import type { Param } from "@weft/autograd";
import { boxes, namedParams } from "@weft/autograd/internals";

export { boxes };

/**
 * The parameters of a model, each once, in the order of discovery: fields of functions and objects, elements of arrays,
 * values of maps. Parameters hidden in closures cannot be found; make them fields.
 *
 * @example
 * const count = params(model).reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0);
 */
export const params = (model: unknown): Param[] => namedParams(model).map(({ box }) => box);
