// What a layer is: a function with its parameters as fields. Whoever walks the fields finds the parameters.

/**
 * Gives a function a name and fields. Layers of your own can be made so, or as any function or object with fields.
 *
 * @example
 * const Scale = (n) => {
 *   const self = layer("Scale", (x) => mul(x, born(self.weight, x)), { weight: parameter([n], ones()) });
 *   return self;
 * };
 */
export function layer<Call extends (...args: never[]) => unknown, Fields extends object>(
  kind: string,
  call: Call,
  fields: Fields,
): Call & Fields {
  Object.defineProperty(call, "name", { value: kind });
  return Object.assign(call, fields);
}
