// Wrong shapes, dtypes, axes and options fail at the call, with a complete message, before any kernel runs.
import { beforeEach, describe, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { describe as described } from "../src/internals.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../src/index.ts";
import { Recorder } from "./recorder.ts";

let backend: Recorder;
beforeEach(() => {
  backend = new Recorder();
});
const t = (...shape: number[]) => backend.of(shape);
const i = (...shape: number[]) => backend.of(shape, "i32");

type Case = [what: string, call: () => unknown, error: new (message: string) => Error, message: string];

/** A call without types, as from plain JavaScript. */
const loosely = (name: keyof typeof weft, ...args: unknown[]): unknown =>
  (weft[name] as (...args: unknown[]) => unknown)(...args);

const cases: Case[] = [
  ...(
    [
      ["mish", 1, { approximate: "tanh" }],
      ["relu", 1, { inplace: true }],
      ["exp", 1, { out: 1 }],
      ["square", 1, { out: 1 }],
      ["selu", 1, { alpha: 1 }],
      ["logSigmoid", 1, { beta: 2 }],
      ["not", 1, {}],
      ["matmul", 2, { transA: true }],
      ["add", 2, { alpha: 2 }],
      ["div", 2, { rounding: "floor" }],
      ["equal", 2, Object.assign(Object.create(null), { tolerance: 1 })],
      ["pow", 2, { out: 1 }],
      ["or", 2, { out: 1 }],
    ] as const
  ).map(([name, operands, options]): Case => [
    `options of ${name}, which has none`,
    () => loosely(name, ...Array.from({ length: operands }, () => t(2, 2)), options),
    ArgumentError,
    `${name}: takes no options, got ${described(options)}`,
  ]),
  ...(["squeeze", "unsqueeze"] as const).map((name): Case => [
    `${name} with two axes`,
    () => loosely(name, t(1, 1), 0, 1),
    ArgumentError,
    `${name}: wanted one axis or a list of them, such as [0, 1], got also 1`,
  ]),
  [
    "a bound that does not fit",
    () => weft.clamp(i(2), { max: 1.5 }),
    DTypeError,
    "clamp: the number 1.5 does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  [
    "a lower bound that does not fit",
    () => weft.clamp(i(2), { min: -Infinity, max: 1 }),
    DTypeError,
    "clamp: the number -Infinity does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  ...(["selu", "rsqrt", "reciprocal", "hardSigmoid"] as const).map((name): Case => [
    `${name} of no tensor`,
    () => weft[name](null as never),
    ArgumentError,
    `${name}: wanted a tensor, a parameter or a number, got null`,
  ]),
  ...[
    [1, 0],
    [-1, 1],
    [2, -2],
  ].map(([start, end]): Case => [
    `flatten from ${start} to ${end}`,
    () => weft.flatten(t(2, 3, 4), { start: start!, end: end! }),
    ShapeError,
    `flatten: start ${start} comes after end ${end} in shape [2, 3, 4]`,
  ]),
  [
    "broadcast",
    () => weft.add(t(2, 3), t(4, 3)),
    ShapeError,
    "add: shapes [2, 3] and [4, 3] do not fit: the sizes 2 and 4 of axis -2 must be equal, or one of them 1",
  ],
  [
    "broadcast of three",
    () => weft.where(t(3), t(2), t(3)),
    ShapeError,
    "where: shapes [3] and [2] do not fit: the sizes 3 and 2 of axis -1 must be equal, or one of them 1",
  ],
  [
    "numbers only",
    () => weft.add(1, 2),
    ArgumentError,
    "add: wanted at least one tensor among the operands, got numbers only",
  ],
  [
    "a function of a number",
    () => weft.exp(1),
    ArgumentError,
    "exp: wanted at least one tensor among the operands, got numbers only",
  ],
  [
    "no tensor",
    () => weft.add(t(2), [1, 2] as never),
    ArgumentError,
    "add: wanted a tensor, a parameter or a number, got [1, 2]; tensor(…) makes a tensor of it",
  ],
  [
    "nothing",
    () => weft.add(undefined as never, t(2)),
    ArgumentError,
    "add: wanted a tensor, a parameter or a number, got undefined",
  ],
  [
    "a fraction meets i32",
    () => weft.mul(i(2), 0.5),
    DTypeError,
    "mul: the number 0.5 does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  [
    "a number beyond i32",
    () => weft.add(i(2), 2 ** 31),
    DTypeError,
    "add: the number 2147483648 does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  [
    "a primitive of two dtypes",
    () => weft.apply("add", [t(2), i(2)], undefined),
    DTypeError,
    "add: the operands are f32 and i32; cast one of them",
  ],
  [
    "a primitive of a wrong dtype",
    () => weft.apply("exp", [i(2)], undefined),
    DTypeError,
    "exp: wanted f32 or f64, got i32; use cast",
  ],
  [
    "reduction, axis",
    () => weft.sum(t(2, 3), { axis: 2 }),
    ShapeError,
    "sum: axis 2 is out of range for shape [2, 3]: axes go from -2 to 1",
  ],
  [
    "reduction, negative axis",
    () => weft.sum(t(2, 3), { axis: -3 }),
    ShapeError,
    "sum: axis -3 is out of range for shape [2, 3]: axes go from -2 to 1",
  ],
  [
    "reduction of a scalar",
    () => weft.sum(t(), { axis: 1 }),
    ShapeError,
    "sum: axis 1 is out of range for shape []: a scalar has no axes",
  ],
  [
    "reduction, axis twice",
    () => weft.sum(t(2, 3), { axis: [1, -1] }),
    ShapeError,
    "sum: axis 1 is named twice in [1, -1]",
  ],
  [
    "norm, axis",
    () => weft.norm(t(2), { axis: 2 }),
    ShapeError,
    "norm: axis 2 is out of range for shape [2]: axes go from -1 to 0",
  ],
  [
    "no operands",
    () => loosely("readTensors", "mine", null),
    ArgumentError,
    "mine: wanted a list of operands, got null",
  ],
  [
    "no fused operation",
    () => loosely("applyFused"),
    ArgumentError,
    "applyFused: wanted a list of operands, got undefined",
  ],
  ["reduction, no axis", () => weft.sum(t(2, 3), { axis: 0.5 }), ArgumentError, "sum: an axis is an integer, got 0.5"],
  ["reduction of a number", () => weft.sum(3), ArgumentError, "sum: wanted a tensor, got the number 3"],
  [
    "maximum over an empty axis",
    () => weft.max(t(2, 0), { axis: 1 }),
    ShapeError,
    "max: cannot take the max over an empty axis: axis 1 of shape [2, 0]",
  ],
  [
    "position in an empty axis",
    () => weft.argmax(t(0)),
    ShapeError,
    "argmax: cannot take the argmax over an empty axis: axis 0 of shape [0]",
  ],
  [
    "reshape",
    () => weft.reshape(t(2, 3), [4, 2]),
    ShapeError,
    "reshape: shapes [2, 3] and [4, 2] do not fit: 6 elements cannot become 8",
  ],
  [
    "reshape, open size",
    () => weft.reshape(t(2, 3), [4, -1]),
    ShapeError,
    "reshape: shapes [2, 3] and [4, -1] do not fit: no single size can replace -1",
  ],
  [
    "reshape, two open sizes",
    () => weft.reshape(t(2, 3), [-1, -1]),
    ShapeError,
    "reshape: shapes [2, 3] and [-1, -1] do not fit: no single size can replace -1",
  ],
  [
    "reshape, no size",
    () => weft.reshape(t(2), [0.5, 4]),
    ShapeError,
    "reshape: the sizes of a shape must be non-negative integers, got [0.5, 4]",
  ],
  [
    "permute",
    () => weft.permute(t(2, 3), [0, 0]),
    ShapeError,
    "permute: axes [0, 0] must name each axis of shape [2, 3] once",
  ],
  [
    "permute, too few",
    () => weft.permute(t(2, 3), [0]),
    ShapeError,
    "permute: shape [2, 3] has 2 axes, axes [0] has 1 entries",
  ],
  [
    "broadcastTo",
    () => weft.broadcastTo(t(2, 3), [4, 3]),
    ShapeError,
    "broadcastTo: shape [2, 3] does not broadcast to [4, 3]: size 2 would become 4, and only size 1 broadcasts",
  ],
  [
    "broadcastTo, fewer axes",
    () => weft.broadcastTo(t(2, 3), [3]),
    ShapeError,
    "broadcastTo: shape [2, 3] has more axes than [3]; reshape it first",
  ],
  [
    "squeeze",
    () => weft.squeeze(t(2, 1), 0),
    ShapeError,
    "squeeze: axis 0 of shape [2, 1] has size 2; only an axis of size 1 can be removed",
  ],
  [
    "unsqueeze",
    () => weft.unsqueeze(t(2), 2),
    ShapeError,
    "unsqueeze: axis 2 is out of range for shape [2]: axes go from -2 to 1",
  ],
  [
    "slice, too many",
    () => weft.slice(t(2), { starts: [0, 1] }),
    ShapeError,
    "slice: [0, 1] has more entries than shape [2] has axes",
  ],
  [
    "slice, step",
    () => weft.slice(t(2), { steps: [0] }),
    ArgumentError,
    "slice: a step is an integer other than 0, got 0",
  ],
  [
    "slice, primitive",
    () => weft.apply("slice", [t(3)], { starts: [1], sizes: [3], steps: [1] }),
    ShapeError,
    "slice: 3 elements from 1 in steps of 1 do not lie on axis 0 of shape [3]",
  ],
  [
    "pad",
    () => weft.pad(t(2), { pads: [[-1, -2]] }),
    ShapeError,
    "pad: pads -1, -2 cut more than axis 0 of shape [2] has",
  ],
  [
    "pad, one axis of two",
    () => weft.pad(t(2, 2), { pads: [[1, 0]] }),
    ShapeError,
    "pad: shape [2, 2] has 2 axes, got pads for 1",
  ],
  [
    "concat",
    () => weft.concat([t(2, 3), t(2, 4)]),
    ShapeError,
    "concat: shapes [2, 3] and [2, 4] do not fit: all axes but axis 0 must have equal sizes",
  ],
  ["concat of nothing", () => weft.concat([]), ArgumentError, "concat: wanted at least one tensor, got none"],
  ["stack", () => weft.stack([t(2), t(3)]), ShapeError, "stack: shapes [2] and [3] do not fit: they must be equal"],
  [
    "split in equal parts",
    () => weft.split(t(5), 2),
    ShapeError,
    "split: axis 0 of shape [5] cannot be cut into 2 equal parts",
  ],
  [
    "split in parts",
    () => weft.split(t(5), [2, 2]),
    ShapeError,
    "split: axis 0 of shape [5] cannot be cut into parts of [2, 2]",
  ],
  [
    "tile",
    () => weft.tile(t(2), { repeats: [-1] }),
    ArgumentError,
    "tile: repeats must be non-negative integers, got [-1]",
  ],
  ["tril", () => weft.tril(t(2)), ShapeError, "tril: wanted a matrix or a batch of them, got shape [2]"],
  ["topK", () => weft.topK(t(2), 3), ShapeError, "topK: k 3 must be an integer from 0 to 2, the size of axis 0"],
  [
    "take, dtype",
    () => weft.take(t(2), t(2)),
    DTypeError,
    'take: indices must be integers, got f32; use cast(indices, "i32")',
  ],
  [
    "take, a number",
    () => weft.take(t(2, 3), 3, { axis: 1 }),
    IndexError,
    "take: index 3 is out of range for axis 1 of shape [2, 3]",
  ],
  [
    "gather",
    () => weft.gather(t(2, 3), i(3, 1), { axis: 1 }),
    ShapeError,
    "gather: shapes [2, 3] and [3, 1] do not fit: the indices need as many axes, and no larger sizes except along axis 1",
  ],
  [
    "scatterAdd",
    () => weft.scatterAdd(t(3), i(2), t(3)),
    ShapeError,
    "scatterAdd: updates of shape [3] do not fit: these indices take [2]",
  ],
  [
    "oneHot",
    () => weft.oneHot(i(2), { depth: -1 }),
    ArgumentError,
    "oneHot: wanted a non-negative integer as depth, got number -1",
  ],
  [
    "matmul",
    () => weft.matmul(t(2, 3), t(4, 5)),
    ShapeError,
    "matmul: shapes [2, 3] and [4, 5] do not fit: the inner sizes 3 and 4 must be equal",
  ],
  [
    "matmul, batches",
    () => weft.matmul(t(2, 1, 3), t(3, 3, 1)),
    ShapeError,
    "matmul: shapes [2] and [3] do not fit: the sizes 2 and 3 of axis -1 must be equal, or one of them 1",
  ],
  [
    "matmul, vectors",
    () => weft.matmul(t(2, 3), t(2)),
    ShapeError,
    "matmul: shapes [2, 3] and [2] do not fit: the inner sizes 3 and 2 must be equal",
  ],
  [
    "matmul, a scalar",
    () => weft.matmul(t(), t(2)),
    ShapeError,
    "matmul: shapes [] and [2] do not fit: a scalar has no axes; use mul",
  ],
  ["matmul, a number", () => weft.matmul(t(2), 2), ArgumentError, "matmul: wanted a tensor, got the number 2"],
  ["dot", () => weft.dot(t(2), t(3)), ShapeError, "dot: shapes [2] and [3] do not fit: the sizes must be equal"],
  ["outer", () => weft.outer(t(2, 2), t(3)), ShapeError, "outer: wanted vectors, got shape [2, 2]"],
  [
    "conv, channels",
    () => weft.conv(t(1, 3, 5), t(2, 4, 3)),
    ShapeError,
    "conv: shapes [1, 3, 5] and [2, 4, 3] do not fit with groups 1: the channels 3 must be groups × 4, and the outputs 2 a multiple of groups",
  ],
  [
    "conv, window",
    () => weft.conv(t(1, 1, 3), t(1, 1, 4)),
    ShapeError,
    "conv: a window of 4 does not fit on spatial axis 0 of size 3 with padding [0, 0]",
  ],
  [
    "conv, axes",
    () => weft.conv(t(3, 5), t(1, 3)),
    ShapeError,
    "conv: shape [3, 5] does not fit: wanted [N, C, ...] with one to three spatial axes",
  ],
  [
    "conv, options",
    () => weft.conv(t(1, 1, 5, 5), t(1, 1, 3, 3), { stride: [1] }),
    ShapeError,
    "conv: shape [1, 1, 5, 5] has 2 spatial axes, stride has 1",
  ],
  [
    "conv, stride",
    () => weft.conv(t(1, 1, 5), t(1, 1, 3), { stride: 0 }),
    ShapeError,
    "conv: stride [0] must be integers from 1 to 67108864",
  ],
  [
    "convTranspose",
    () => weft.convTranspose(t(1, 3, 5), t(2, 1, 3)),
    ShapeError,
    "convTranspose: shapes [1, 3, 5] and [2, 1, 3] do not fit: w is [C, O/groups, ...] with the 3 channels of x",
  ],
  [
    "convTranspose, padding",
    () => weft.convTranspose(t(1, 3, 5), t(3, 1, 3), { outputPadding: 1 }),
    ShapeError,
    "convTranspose: outputPadding 1 of spatial axis 0 must be smaller than its stride 1 or dilation 1",
  ],
  [
    "maxPool, half a window",
    () => weft.maxPool(t(1, 1, 3), { window: 1.5 }),
    ArgumentError,
    "maxPool: wanted an integer as window, got number 1.5",
  ],
  [
    "maxPool",
    () => weft.maxPool(t(1, 1, 3), { window: 2, padding: 2 }),
    ShapeError,
    "maxPool: padding [2, 2] must be smaller than the window 2",
  ],
  [
    "avgPool",
    () => weft.avgPool(t(1, 1, 3), { window: 4 }),
    ShapeError,
    "avgPool: a window of 4 does not fit on spatial axis 0 of size 3 with padding [0, 0]",
  ],
  [
    "crossEntropyRows",
    () => weft.crossEntropyRows(t(2, 3), i(3)),
    ShapeError,
    "crossEntropy: shapes [2, 3] and [3] do not fit: wanted logits [N, C] and labels [N]",
  ],
  [
    "einsum, operands",
    () => weft.einsum("ij,jk->ik", t(2, 2)),
    ArgumentError,
    'einsum: "ij,jk->ik": names 2 operands, got 1',
  ],
  [
    "einsum, axes",
    () => weft.einsum("ijk->i", t(2, 2)),
    ArgumentError,
    'einsum: "ijk->i": "ijk" names 3 axes of an operand that has 2',
  ],
  [
    "einsum, letters",
    () => weft.einsum("i1->i", t(2, 2)),
    ArgumentError,
    'einsum: "i1->i": "i1" must be letters and at most one ...',
  ],
  [
    "einsum, unknown",
    () => weft.einsum("ij->k", t(2, 2)),
    ArgumentError,
    'einsum: "ij->k": "k" of the result is in no operand',
  ],
  [
    "einsum, a letter twice",
    () => weft.einsum("ij->ii", t(2, 2)),
    ArgumentError,
    'einsum: "ij->ii": "i" is twice in the result',
  ],
  ["einsum, arrows", () => weft.einsum("i->i->i", t(2)), ArgumentError, 'einsum: "i->i->i": wanted at most one ->'],
  [
    "einsum, sizes",
    () => weft.einsum("ij,jk->ik", t(2, 3), t(4, 5)),
    ShapeError,
    'einsum: shape [4, 5] does not fit "jk": axis j has size 3 elsewhere and 4 here',
  ],
];

describe("messages", () => {
  test.each(cases)("%s", (_, call, error, message) => {
    expect(call).toThrow(new error(message));
    expect(call).toThrow(error);
    backend.ops();
  });
});

test("functions without options are callbacks, too", () => {
  const xs = [t(2, 2), t(2, 2)];
  for (const f of [weft.relu, weft.exp, weft.silu, weft.square, weft.not])
    expect(xs.map(f).map((x) => x.shape)).toEqual([
      [2, 2],
      [2, 2],
    ]);
  for (const f of [weft.add, weft.matmul, weft.maximum, weft.pow]) expect(xs.reduce(f).shape).toEqual([2, 2]);
  expect((weft.relu as (...args: unknown[]) => weft.Tensor)(xs[0], xs[1], undefined).shape).toEqual([2, 2]);
});
