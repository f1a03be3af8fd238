// The backend of these tests: the float64 reference, which counts its live handles.
import { openSync } from "@weft/conformance";
import { expect } from "vitest";

/** Runs a test on a backend of its own and expects every handle made in it to be released. */
export function balanced(f: (backend: ReturnType<typeof openSync>) => void): () => void {
  return () => {
    const backend = openSync({ seed: 1 });
    const before = backend.live();
    f(backend);
    expect(backend.live()).toBe(before);
  };
}

/** The same for an asynchronous test. */
export function balancedLater(
  f: (backend: ReturnType<typeof openSync>) => Promise<void>,
  left = 0,
): () => Promise<void> {
  return async () => {
    const backend = openSync({ seed: 1 });
    const before = backend.live();
    await f(backend);
    expect(backend.live()).toBe(before + left);
  };
}
