// The float64 reference with its creation functions, as `open()` of a backend returns it.
import { Reference } from "@weft/conformance";
import type { Creation } from "../src/index.ts";
import { creation } from "../src/internals.ts";

export function reference(
  options?: ConstructorParameters<typeof Reference>[0],
): Reference & Creation & { backend: Reference } {
  const backend = new Reference(options);
  return Object.assign(backend, creation(backend));
}
