// A model as a function of its values: for gradients through gradient steps, and for many sets of values in one model.
import { StateError } from "@weft/autograd";
import { byName, GivenValue, substituted } from "@weft/autograd/internals";
import { DTypeError, readTensor, ShapeError, printable, type Backend, type Operand, type Tensor } from "@weft/tensor";
import { callable, isFloat, readValue, refusePromise, sameShape, text } from "@weft/tensor/internals";
import { refuseHidden } from "./hidden.ts";
import { list } from "./name-lists.ts";
import type { AnyBox } from "./parameter.ts";
import { boxes, modelKind } from "./tree.ts";

/** Values of parameters and states, by path: `"0.weight"`. */
export type NamedValues = Readonly<Record<string, Operand>>;

/** See the function `functional`. */
export interface Functional<Args extends readonly unknown[], Y> {
  (values: NamedValues, ...args: Args): Y;
  /**
   * The values of the parameters that are not frozen, by path. On a tape they are part of the computation.
   * Parameters without values get them on `backend`.
   */
  values(backend?: Backend): Record<string, Tensor>;
}

/**
 * A model as a function of values and inputs: f(values, …inputs) is what the model gives with these values in the place
 * of its own, and the model keeps what it has. `values` are by path, as in files; whatever they leave out is the
 * model's. So gradients with respect to values are those of any function, of any order: `grad((v) => loss(f(v, x)))`.
 * `f.values()` are the model's own values. If the model is neither a function nor an object with a method `forward`, `call`
 * says what is done with it. Like PyTorch's `functional_call`.
 *
 * What the model assigns to a state that is among `values` is forgotten after the call; other states are the model's.
 * Throws a StateError for a path that the model does not have, and a ShapeError if a shape is not that of the parameter.
 *
 * @example
 * const f = functional(await place(model, backend));
 * const values = f.values();
 * const slopes = grad((v) => sum(f(v, x)))(values);
 * const next = f({ ...values, bias: sub(values.bias, mul(slopes.bias, 0.1)) }, x);
 */
export function functional<Args extends readonly any[], Y>(
  model: ((...args: Args) => Y) | { forward(...args: Args): Y },
): Functional<Args, Y>;
export function functional<Args extends readonly any[], Y>(
  model: unknown,
  call: (...args: Args) => Y,
): Functional<Args, Y>;
export function functional<Args extends readonly any[], Y>(
  model: unknown,
  call: (...args: Args) => Y = callOf(model) as (...args: Args) => Y,
): Functional<Args, Y> {
  const op = "functional";
  readValue(op, "the model", model, modelKind);
  readValue(op, "what is called", call, callable);
  const refuse = (): void => refuseHidden(op, model, "would keep their own values", "keep their own values");
  refuse();
  const f = (values: NamedValues, ...args: Args): Y => {
    const given = [...standIns(op, model, values)].map(([box, x]) => [box, new GivenValue(box.kind, x)] as const);
    const y = substituted({ boxes: new Map(given) }, () => call(...args));
    refusePromise(y, `${op}: wanted a model that returns no promise: what follows an await would use other values`);
    return y;
  };
  return Object.assign(f, {
    values: (backend?: Backend): Record<string, Tensor> => {
      refuse();
      const learning = boxes(model).filter(({ box }) => box.kind === "param" && !box.frozen);
      return Object.fromEntries(learning.map(({ path, box }) => [path, box.read(box.backend ?? backend)]));
    },
  });
}

/** What calls a model: itself, or its method `forward`. */
function callOf(model: unknown): unknown {
  const { forward } = (model ?? {}) as { readonly forward?: unknown };
  if (typeof model === "function" || !callable.is(forward)) return model;
  return (...args: readonly unknown[]) => (model as { forward(...args: readonly unknown[]): unknown }).forward(...args);
}

/** The given values, each in the place of a box. */
function standIns(op: string, model: unknown, values: NamedValues): Map<AnyBox, Tensor> {
  if (typeof values !== "object" || values === null) readValue(op, "values", values, modelKind);
  const known = byName(boxes(model));
  const unexpected = list(
    "unexpected",
    Object.keys(values).filter((path) => !known.has(path)),
  );
  if (unexpected.length > 0) throw new StateError(`${op}: the names are not those of the model: ${unexpected[0]}`);
  const replaced = new Map<AnyBox, Tensor>();
  for (const [path, value] of Object.entries(values)) {
    const box = known.get(path)!;
    const x = readTensor(value, op);
    const where = `${op}: ${printable(path, 120)}`;
    if (!sameShape(x.shape, box.shape)) throw new ShapeError(`${where} is ${text(x.shape)}, wanted ${text(box.shape)}`);
    if (isFloat(box.dtype) !== isFloat(x.dtype))
      throw new DTypeError(`${where} is ${x.dtype}, and the model has ${box.dtype} there`);
    const before = replaced.get(box);
    if (before !== undefined && before !== x)
      throw new StateError(`${where} is tied to another parameter of the model, and has another value here`);
    replaced.set(box, x);
  }
  return replaced;
}
