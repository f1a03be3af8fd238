// What a layer is: a function with its parameters as fields. Walking the fields finds the parameters.
import { overlay } from "@weft/autograd/internals";
import { ArgumentError, type Tensor } from "@weft/tensor";
import { callable, context, readValue, resultOf, string } from "@weft/tensor/internals";
import { called } from "./call-observer.ts";
import { watched } from "./hidden.ts";
import { outline } from "./outline.ts";

/**
 * Gives a function a name and fields. This is one way to write a layer; any function or object with fields is another.
 * Called outside of any scope, a layer releases its intermediate results, as a scope would: only what it returns or
 * keeps lives on.
 *
 * @example
 * const Scale = (n) => {
 *   const self = layer("Scale", (x) => mul(x, self.weight), { weight: parameter([n], ones()) });
 *   return self;
 * };
 */
export function layer<Call extends (...args: never[]) => unknown, Fields extends object>(
  kind: string,
  call: Call,
  fields: Fields,
): Call & Fields {
  readValue("layer", "kind", kind, string);
  readValue("layer", "what is called", call, callable);
  for (const name of Object.keys(fields ?? {}))
    if (taken.test(name)) throw new ArgumentError(`${kind}: a field cannot be called ${name}`);
  const owning = ((...args) => {
    if (!warned && dtypeOf(args[0]) === "f64") warn(fields);
    return context.scope === undefined ? resultOf(() => call(...args)) : call(...args);
  }) as Call;
  return named(kind, owning, fields);
}

/** What functions and layers have under names of their own. */
const taken = /^(name|length|prototype|arguments|caller|toString|toJSON)$/;

const dtypeOf = (x: unknown): unknown => (x as Partial<Tensor> | null | undefined)?.dtype;

/** Warns once that f64 meets f32. */
function warn(fields: object): void {
  if (overlay()?.checking === true) return; // gradCheck computes in f64
  if (!Object.values(fields ?? {}).some((field) => dtypeOf(field) === "f32")) return;
  warned = true;
  console.warn(
    "Weft: a layer with f32 parameters was given f64, as a Float64Array gives, and computes in f64, which is slower. " +
      'If you did not mean that, write tensor(data, { dtype: "f32" }).',
  );
}
let warned = false;

type Call = (...args: never[]) => unknown;

/** What each layer calls, without what `named` adds. */
const calls = new WeakMap<object, Call>();

/** What a layer calls; undefined for another function. */
export const callOf = (f: object): Call | undefined => calls.get(f);

/**
 * Like `layer`, for a layer that only calls others: it releases nothing, since what the user's functions make is the
 * user's.
 */
export function named<Call extends (...args: never[]) => unknown, Fields extends object>(
  kind: string,
  call: Call,
  fields: Fields,
): Call & Fields {
  const self: Call = watched(((...args) => called(self, () => call(...args))) as Call);
  calls.set(self, call);
  const text = (): string => outline(self);
  // Defined rather than assigned, so that they do not count as fields.
  const shown = { toString: text, [Symbol.for("nodejs.util.inspect.custom")]: text, toJSON: () => ({ ...self }) };
  Object.defineProperty(self, "name", { value: kind });
  for (const key of Reflect.ownKeys(shown)) Object.defineProperty(self, key, { value: shown[key as "toString"] });
  return Object.assign(self, fields);
}
