// Options: unknown names, wrong values and things that are not options are errors; undefined counts as not given.
import { expect, test } from "vitest";
import {
  argmax,
  ArgumentError,
  cast,
  cumulativeTrapezoid,
  histogram,
  max,
  maxUnpool,
  sum,
  trapezoid,
} from "../src/index.ts";
import { boolean, callable, finiteNumber, positive, readOptions, type OptionKinds } from "../src/internals.ts";
import { reference } from "./backend.ts";
import { orNull } from "../src/options.ts";

interface Rates {
  readonly lr?: number;
  readonly clip?: number | null;
  readonly lazy?: boolean;
}
const kinds = { lr: positive, clip: orNull(finiteNumber), lazy: boolean };
const read = (given: unknown) => readOptions("train", given as Rates | undefined, kinds, { lr: 0.1, lazy: false });

test("types: a kind accepts what its option accepts", () => {
  const options: Rates = {};
  readOptions("train", options, kinds, {});
  // @ts-expect-error -- lr is a number
  readOptions("train", options, { lr: boolean, clip: orNull(finiteNumber), lazy: boolean }, {});
  // @ts-expect-error -- lr is never null
  readOptions("train", options, { lr: orNull(positive), clip: finiteNumber, lazy: boolean }, {});
  // @ts-expect-error -- lazy has no kind
  readOptions("train", options, { lr: positive, clip: finiteNumber }, {});
  const table: OptionKinds<Rates & { readonly rule?: (x: number) => string }> = { ...kinds, rule: callable };
  expect(Object.keys(table)).toEqual(["lr", "clip", "lazy", "rule"]);
  // @ts-expect-error -- a function is no number
  const wrong: OptionKinds<{ readonly lr?: number }> = { lr: callable };
  expect(Object.keys(wrong)).toEqual(["lr"]);
});

test("undefined counts as not given, everywhere", () => {
  expect(read(undefined)).toEqual({ lr: 0.1, lazy: false });
  expect(read({})).toEqual({ lr: 0.1, lazy: false });
  expect(read({ lr: undefined, clip: undefined })).toEqual({ lr: 0.1, lazy: false });
  expect(read({ lr: 0.5, clip: null })).toEqual({ lr: 0.5, lazy: false, clip: null });
});

test.each([
  [0.01, "train: wanted options { lr, clip, lazy }, got number 0.01"],
  [null, "train: wanted options { lr, clip, lazy }, got null"],
  ["fast", 'train: wanted options { lr, clip, lazy }, got "fast"'],
  [[1, 2], "train: wanted options { lr, clip, lazy }, got [1, 2]"],
  [{ learningRate: 1 }, 'train: there is no option "learningRate"; known options: lr, clip, lazy'],
  [{ constructor: 1 }, 'train: there is no option "constructor"; known options: lr, clip, lazy'],
  [{ lr: NaN }, "train: wanted a positive number as lr, got number NaN"],
  [{ lr: -1 }, "train: wanted a positive number as lr, got number -1"],
  [{ lr: "0.1" }, 'train: wanted a positive number as lr, got "0.1"'],
  [{ clip: Infinity }, "train: wanted a finite number, or null as clip, got number Infinity"],
  [{ lazy: 1 }, "train: wanted true or false as lazy, got number 1"],
])("%j is refused", (given, message) => {
  expect(() => read(given)).toThrow(new ArgumentError(message));
});

test("nested arrays are described to a depth, also cyclic ones", () => {
  const endless: unknown[] = [1];
  endless.push(endless, [[2, [3]]]);
  const wanted =
    "train: wanted options { lr, clip, lazy }, got [1, [1, an array of 3, an array of 1], [an array of 2]]";
  expect(() => read(endless)).toThrow(new ArgumentError(wanted));
  expect(() => read({ lr: [[[endless]]] })).toThrow("as lr, got [[an array of 1]]");
  const wide = Array.from({ length: 8 }, () => endless);
  wide.push(wide);
  expect(() => read(wide)).toThrow("got an array of 9");
});

test("reading does not change the defaults", () => {
  const defaults = { lr: 0.1 };
  readOptions("train", { lr: 3 }, kinds, defaults);
  expect(defaults).toEqual({ lr: 0.1 });
});

test("reductions refuse what is not one of their options", () => {
  const { tensor } = reference();
  const x = tensor([[1, 2]]);
  for (const f of [sum, max, argmax])
    for (const wrong of [1, x, { dim: 0 }, { axis: "0" }, { keepDims: 1 }, { axis: NaN }])
      expect(() => f(x, wrong as never)).toThrow(ArgumentError);
});

test.each<[string, object]>([
  ["a Map", new Map([["lr", 1]])],
  ["a Set", new Set()],
  ["a Date", new Date(0)],
  ["a promise", Promise.resolve({ lr: 1 })],
  ["a typed array", new Float32Array(1)],
  ["a regular expression", /x/],
  ["an error", new Error("x")],
  ["a boxed number", new Number(1)],
  ["a WeakMap", new WeakMap()],
  [
    "an iterable of a class",
    new (class {
      lr = 1;
      *[Symbol.iterator]() {}
    })(),
  ],
  ["a generator", (function* () {})()],
  ["an asynchronous generator", (async function* () {})()],
])("%s is no options", (_, given) => {
  expect(() => read(given)).toThrow(ArgumentError);
  expect(() => read(given)).toThrow(/^train: wanted options \{ lr, clip, lazy \}, got /);
});

test("an object without names, or without a prototype, is options", () => {
  class Rate {
    lr = 2;
  }
  for (const given of [{}, Object.create(null), Object.freeze({}), Object.create(Rate.prototype)])
    expect(read(given)).toEqual({ lr: 0.1, lazy: false });
  expect(read(new Rate())).toEqual({ lr: 2, lazy: false });
});

const t = (...shape: number[]) => reference().zeros(shape);
test.each([
  [() => trapezoid(t(3), { x: t(3), dx: 2 }), "trapezoid: wanted either dx or the positions x, got both"],
  [
    () => cumulativeTrapezoid(t(3), { x: t(3), dx: 1 }),
    "cumulativeTrapezoid: wanted either dx or the positions x, got both",
  ],
  [
    () => histogram(t(3), { bins: t(2), range: [0, 1] }),
    "histogram: edges as bins leave no range to choose: wanted a number of bins with a range, or edges alone",
  ],
  [
    () => maxUnpool(t(1, 1, 2, 3), cast(t(1, 1, 2, 3), "i32"), { window: 2, size: [4, 9] }),
    "maxUnpool: images of size [4, 9] do not become [2, 3] by this pooling: wanted sizes between [2, 4] and [6, 8], without these",
  ],
])("options that contradict each other: %s", (f, message) => {
  expect(f).toThrow(message);
});
