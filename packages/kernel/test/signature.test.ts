// The key of a plan: equal words only where operations, shapes, layouts, wiring and attributes are equal.
import { expect, test } from "vitest";
import { Node } from "../src/graph/node.ts";
import { codeOf, type AnyOp } from "../src/graph/operation.ts";
import { Signature } from "../src/graph/signature.ts";

type Attributes = Record<string, unknown> | undefined;

function wordsOf(
  attrs: Attributes,
  shape: readonly number[] = [2],
  op: AnyOp = "take",
  inputs: (Node | number)[] = [],
): string {
  const signature = new Signature();
  signature.read([new Node(op, codeOf(op), inputs, attrs, shape, "f32")], [], 1);
  return signature.copy().join();
}

test("names, kinds, nesting and sizes of attributes are part of it", () => {
  const bags: Attributes[] = [
    undefined,
    {},
    ...["a", "b"].flatMap((name) =>
      [
        0,
        1,
        -1,
        -0,
        NaN,
        Infinity,
        0.5,
        2 ** 31,
        2 ** 32,
        2 ** 32 + 1,
        ...Array.from({ length: 17 }, (_, i) => -(2 ** 31) + i),
        true,
        false,
        null,
        undefined,
        "",
        "f32",
        "f64",
        "Aa",
        "BB", // equal to "Aa" under the usual hash of strings
        [],
        [[]],
        [1],
        Float32Array.of(1),
        Float32Array.of(1, 2),
        Int32Array.of(1),
        Int32Array.of(),
        [[1]],
        [1, 2],
        [[1, 2]],
        [[1], [2]],
        [[1], 2],
        [1, [2]],
        ["f32"],
        [undefined],
        [true],
      ].map((value) => ({ [name]: value })),
    ),
    { a: 1, b: 2 },
    { a: 2, b: 1 },
    { a: [1], b: [2] },
    { a: [1, 2], b: [] },
    { a: [], b: [1, 2] },
    { stride: [1], dilation: [2] },
    { dilation: [1], stride: [2] },
  ];
  const words = bags.map((bag) => wordsOf(bag));
  for (const [i, bag] of bags.entries()) expect({ bag, like: words.indexOf(words[i]!) }).toEqual({ bag, like: i });
  expect(words).toEqual(bags.map((bag) => wordsOf(bag))); // and nothing else
});

test("random attributes and shapes: equal keys only where they are equal", () => {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const sizes = [0, 1, 2, 3, 2 ** 31, 2 ** 32 + 3, 2 ** 32];
  const values: (() => unknown)[] = [
    () => sizes[random(sizes.length)]!,
    () => random(2) === 1,
    () => -random(3) - 2 ** 31 + 8,
    () => [undefined, null, NaN, 0.5, "f32", "x"][random(6)],
    () => Array.from({ length: random(4) }, () => value()),
  ];
  const value = (): unknown => values[random(values.length)]!();
  const seen = new Map<string, string>();
  for (let i = 0; i < 4000; i++) {
    const names = ["axis", "axes", "shape"].slice(0, random(4));
    const bag = Object.fromEntries(names.map((name) => [name, value()]));
    const shape = Array.from({ length: random(4) }, () => sizes[random(sizes.length)]!);
    const meaning = [bag, shape].map((x) => describe(x)).join(" of ");
    const words = wordsOf(bag, shape);
    expect(seen.get(words) ?? meaning).toBe(meaning);
    seen.set(words, meaning);
  }
});

/** A value written out, so that equal texts are equal values. */
function describe(x: unknown): string {
  if (Array.isArray(x)) return `[${x.map(describe).join()}]`;
  if (typeof x === "object" && x !== null)
    return `{${Object.entries(x)
      .map(([name, v]) => `${name}:${describe(v)}`)
      .join()}}`;
  return typeof x === "string" ? JSON.stringify(x) : Object.is(x, -0) ? "-0" : String(x);
}

test("an operation is its object, whatever it is called", () => {
  const named = (name: string): AnyOp => ({ name, infer: () => [], fallback: () => [] });
  const ops: AnyOp[] = ["matmul", named("matmul"), named("matmul"), named("valueOf")];
  expect(new Set(ops.map((op) => wordsOf(undefined, [2], op))).size).toBe(ops.length);
});

test("what a node reads is part of it: how many, which, numbers apart", () => {
  const x = new Node("full", codeOf("full"), [1], undefined, [2], "f32");
  const leaf = (shape: readonly number[], strides: readonly number[]): Node => {
    const node = new Node("leaf", 0, [], undefined, shape, "f32");
    node.storage = { bytes: 0, refs: 1, loose: undefined, used: 0, evicted: undefined };
    node.strides = strides;
    return node;
  };
  const of = (...inputs: (Node | number)[]): string => {
    const signature = new Signature();
    for (const input of inputs) if (typeof input !== "number") input.epoch = 0;
    signature.read([x, new Node("concat", codeOf("concat"), inputs, { axis: 0 }, [2], "f32")], [], 1);
    return signature.copy().join();
  };
  const a = leaf([2], [1]);
  const b = leaf([2], [1]);
  const words = [
    of(x),
    of(x, x),
    of(x, 3),
    of(3, x),
    of(a),
    of(a, a),
    of(a, b),
    of(a, x),
    of(x, a),
    of(leaf([2], [0])),
    of(leaf([2], [2 ** 32 + 1])),
    of(leaf([2], [-1])),
    of(leaf([2, 1], [1, 1])),
  ];
  expect(new Set(words).size).toBe(words.length);
  expect(of(x, 3)).toBe(of(x, 4)); // numbers are arguments
});

test("any number of operands, and sizes and ranks of any size, stand apart", () => {
  const counts = [0, 1, 62, 63, 64, 127, 128, 1023, 2048];
  const shapes = [
    [],
    [0],
    [1],
    [1023],
    [2 ** 31 - 1],
    [2 ** 31],
    [2 ** 32],
    [2 ** 32 + 1],
    [1, 1],
    Array(64).fill(2 ** 40),
  ];
  const words = counts.flatMap((n) => shapes.map((shape) => wordsOf(undefined, shape, "concat", Array(n).fill(1))));
  expect(new Set(words).size).toBe(words.length);
});

test("the hash is that of the words alone, whatever was read before", () => {
  const chain = (length: number, size: number): Node[] =>
    Array.from({ length }, () => new Node("full", codeOf("full"), [1], undefined, [size], "f32"));
  const used = new Signature();
  for (const length of [5000, 3, 4, 1, 2]) {
    const fresh = new Signature();
    fresh.read(chain(length, 7), [], 1);
    used.read(chain(length, 7), [], 1);
    expect(used.hash).toBe(fresh.hash);
    expect(used.equals(fresh.copy())).toBe(true);
    used.read(chain(length, 8), [], 1);
    expect(used.hash).not.toBe(fresh.hash);
  }
});

test("what is neither a number nor a text nor a list of them is refused", () => {
  for (const value of [{}, 1n, Symbol("x"), () => 1])
    expect(() => wordsOf({ value })).toThrow("flush: an attribute of an operation cannot be");
});
