// The suite itself: the reference conforms to itself, a rounding one conforms within the tolerances, and a faulty
// backend is found.
import type { Backend, DType, OpName, Shape, Value } from "@weft/tensor";
import { shapes } from "@weft/tensor/internals";
import { describe, expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import { conformance, openSync, Reference } from "../src/index.ts";

describe("the reference that rounds to f32 conforms", () => {
  const open = async () => openSync({ rounding: true });
  for (const { name, run } of conformance("reference", open, {
    views: everything ? "each" : "none",
    double: everything,
  }))
    test(name, run);
});

/** The error messages of the cases whose name matches. */
async function failures(backend: Backend, name: RegExp): Promise<string[]> {
  const messages: string[] = [];
  for (const { name: title, run } of conformance("a backend", async () => backend))
    if (name.test(title)) await run().catch((error: Error) => messages.push(error.message));
  return messages;
}

/** A reference with wrong results for one primitive. */
const faulty = (op: OpName, spoil: (x: Float64Array) => void): Backend => {
  const backend = openSync({ rounding: true });
  const run = backend.run.bind(backend) as (...args: unknown[]) => ReturnType<Backend["run"]>;
  return Object.assign(backend, {
    run(name: OpName, inputs: readonly Value[], attrs: unknown, shape: Shape, dtype: DType) {
      const y = run(name, inputs, attrs, shape, dtype);
      if (name === op) spoil(y.payload as Float64Array);
      return y;
    },
  });
};

test("a wrong value is found", async () => {
  const messages = await failures(
    faulty("exp", (y) => y.forEach((x, i) => (y[i] = x * 1.00001))),
    /: exp: f32\[37\]$/,
  );
  expect(messages).toHaveLength(1);
  expect(messages[0]).toMatch(/^result 0: element \d+ of f32\[37\] is [\d.]+, wanted [\d.]+ ± /);
});

test("a wrong gradient is found", async () => {
  const messages = await failures(
    faulty("cos", (y) => y.fill(0)),
    /: sin: f32\[37\]$/,
  );
  expect(messages).toEqual([expect.stringMatching(/^gradient of input 0: element \d+ /)]);
});

test("a leak is found", async () => {
  class Leaking extends Reference {
    override release(): void {}
  }
  const messages = await failures(new Leaking(), /: exp: f32\[37\]$/);
  expect(messages).toEqual([expect.stringMatching(/^wanted as many storages alive as before, got \d+ more$/)]);
});

test("an input that was written to is found", async () => {
  const backend = openSync({ rounding: true });
  const run = backend.run.bind(backend) as (...args: unknown[]) => ReturnType<Backend["run"]>;
  Object.assign(backend, {
    run(name: OpName, inputs: readonly Value[], ...rest: unknown[]) {
      const y = run(name, inputs, ...rest);
      if (name === "relu") ((inputs[0] as { payload: unknown }).payload as Float64Array).set(y.payload as Float64Array);
      return y;
    },
  });
  const messages = await failures(backend, /: relu: f32\[37\]$/);
  expect(messages).toEqual([expect.stringMatching(/^input 0, which must stay as it was,: element \d+ /)]);
});

test("a known gap that passes fails the run", async () => {
  const open = async () => openSync({ rounding: true });
  const gap = conformance("a backend", open, { gaps: { exp: "not written yet" } }).filter(({ name }) =>
    /: exp is/.test(name),
  );
  expect(gap.map(({ name }) => name)).toEqual(["a backend, plain: exp is a known gap: not written yet"]);
  await expect(gap[0]!.run()).rejects.toThrow("exp: all cases pass now; remove it from the known gaps");
});

test("every primitive is run by a sample of its own name", () => {
  const names = conformance("a backend", async () => openSync()).map(({ name }) => name);
  for (const op of Object.keys(shapes))
    expect(
      names.filter((name) => name.startsWith(`a backend, plain: ${op}: `)),
      op,
    ).not.toEqual([]);
});

test("no two cases have one name", () => {
  const names = conformance("a backend", async () => openSync(), { double: true }).map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
