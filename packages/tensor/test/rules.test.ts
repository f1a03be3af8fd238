// Wrong shapes, dtypes, axes and options fail at the call with the whole truth in the message, before any kernel runs.
import { beforeEach, describe, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { ArgumentError, BackendMismatchError, DTypeError, IndexError, ShapeError, VersionError } from "../src/index.ts";
import {
  add,
  apply,
  argmax,
  avgPool,
  broadcastTo,
  concat,
  conv,
  convTranspose,
  crossEntropyRows,
  dot,
} from "../src/index.ts";
import {
  dtypes,
  einsum,
  exp,
  gather,
  matmul,
  max,
  maxPool,
  mul,
  oneHot,
  outer,
  pad,
  permute,
  reshape,
} from "../src/index.ts";
import {
  scatterAdd,
  shapes,
  slice,
  split,
  squeeze,
  stack,
  sum,
  take,
  tile,
  topK,
  tril,
  unsqueeze,
  where,
} from "../src/index.ts";
import { Recorder } from "./recorder.ts";

let backend: Recorder;
beforeEach(() => {
  backend = new Recorder();
});
const t = (...shape: number[]) => backend.of(shape);
const i = (...shape: number[]) => backend.of(shape, "i32");

type Case = [what: string, call: () => unknown, error: new (message: string) => Error, message: string];

const cases: Case[] = [
  [
    "broadcast",
    () => add(t(2, 3), t(4, 3)),
    ShapeError,
    "add: shapes [2, 3] and [4, 3] do not fit: the sizes 2 and 4 of axis -2 must be equal, or one of them 1",
  ],
  [
    "broadcast of three",
    () => where(t(3), t(2), t(3)),
    ShapeError,
    "where: shapes [3] and [2] do not fit: the sizes 3 and 2 of axis -1 must be equal, or one of them 1",
  ],
  [
    "numbers only",
    () => add(1, 2),
    ArgumentError,
    "add: wanted at least one tensor among the operands, got numbers only",
  ],
  [
    "a function of a number",
    () => exp(1),
    ArgumentError,
    "exp: wanted at least one tensor among the operands, got numbers only",
  ],
  [
    "no tensor",
    () => add(t(2), [1, 2] as never),
    ArgumentError,
    "add: wanted a tensor, a parameter or a number, got Array",
  ],
  [
    "nothing",
    () => add(undefined as never, t(2)),
    ArgumentError,
    "add: wanted a tensor, a parameter or a number, got undefined",
  ],
  [
    "a fraction meets i32",
    () => mul(i(2), 0.5),
    DTypeError,
    "mul: the number 0.5 does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  [
    "a number beyond i32",
    () => add(i(2), 2 ** 31),
    DTypeError,
    "add: the number 2147483648 does not fit an i32 tensor; cast the tensor to f32 first",
  ],
  [
    "a primitive of two dtypes",
    () => apply("add", [t(2), i(2)], undefined),
    DTypeError,
    "add: the operands are f32 and i32; cast one of them",
  ],
  [
    "a primitive of a wrong dtype",
    () => apply("exp", [i(2)], undefined),
    DTypeError,
    "exp: wanted f32 or f64, got i32; use cast",
  ],
  [
    "reduction, axis",
    () => sum(t(2, 3), { axis: 2 }),
    ShapeError,
    "sum: axis 2 is out of range for shape [2, 3]: axes go from -2 to 1",
  ],
  [
    "reduction, negative axis",
    () => sum(t(2, 3), { axis: -3 }),
    ShapeError,
    "sum: axis -3 is out of range for shape [2, 3]: axes go from -2 to 1",
  ],
  [
    "reduction of a scalar",
    () => sum(t(), { axis: 0 }),
    ShapeError,
    "sum: axis 0 is out of range for shape []: a scalar has no axes",
  ],
  ["reduction, axis twice", () => sum(t(2, 3), { axis: [1, -1] }), ShapeError, "sum: axis 1 is named twice in [1, -1]"],
  ["reduction, no axis", () => sum(t(2, 3), { axis: 0.5 }), ArgumentError, "sum: an axis is an integer, got 0.5"],
  ["reduction of a number", () => sum(3), ArgumentError, "sum: wanted a tensor, got the number 3"],
  [
    "maximum of nothing",
    () => max(t(2, 0), { axis: 1 }),
    ShapeError,
    "max: axis 1 of shape [2, 0] is empty, and nothing has no max",
  ],
  [
    "position in nothing",
    () => argmax(t(0)),
    ShapeError,
    "argmax: axis 0 of shape [0] is empty, and nothing has no argmax",
  ],
  [
    "reshape",
    () => reshape(t(2, 3), [4, 2]),
    ShapeError,
    "reshape: shapes [2, 3] and [4, 2] do not fit: 6 elements cannot become 8",
  ],
  [
    "reshape, open size",
    () => reshape(t(2, 3), [4, -1]),
    ShapeError,
    "reshape: shapes [2, 3] and [4, -1] do not fit: no size in place of -1 does",
  ],
  [
    "reshape, two open sizes",
    () => reshape(t(2, 3), [-1, -1]),
    ShapeError,
    "reshape: shapes [2, 3] and [-1, -1] do not fit: no size in place of -1 does",
  ],
  [
    "reshape, no size",
    () => reshape(t(2), [0.5, 4]),
    ShapeError,
    "reshape: the sizes of a shape are integers from 0, got [0.5, 4]",
  ],
  [
    "permute",
    () => permute(t(2, 3), [0, 0]),
    ShapeError,
    "permute: axes [0, 0] must name each axis of shape [2, 3] once",
  ],
  [
    "permute, too few",
    () => permute(t(2, 3), [0]),
    ShapeError,
    "permute: shape [2, 3] has 2 axes, axes [0] has 1 entries",
  ],
  [
    "broadcastTo",
    () => broadcastTo(t(2, 3), [4, 3]),
    ShapeError,
    "broadcastTo: shape [2, 3] does not stretch to [4, 3]: size 2 would become 4, and only 1 stretches",
  ],
  [
    "broadcastTo, fewer axes",
    () => broadcastTo(t(2, 3), [3]),
    ShapeError,
    "broadcastTo: shape [2, 3] has more axes than [3]; reshape it first",
  ],
  [
    "squeeze",
    () => squeeze(t(2, 1), 0),
    ShapeError,
    "squeeze: axis 0 of shape [2, 1] has size 2; only size 1 vanishes",
  ],
  [
    "unsqueeze",
    () => unsqueeze(t(2), 2),
    ShapeError,
    "unsqueeze: axis 2 is out of range for shape [2]: axes go from -2 to 1",
  ],
  [
    "slice, too many",
    () => slice(t(2), { starts: [0, 1] }),
    ShapeError,
    "slice: [0, 1] has more entries than shape [2] has axes",
  ],
  ["slice, step", () => slice(t(2), { steps: [0] }), ArgumentError, "slice: a step is an integer other than 0, got 0"],
  [
    "slice, primitive",
    () => apply("slice", [t(3)], { starts: [1], sizes: [3], steps: [1] }),
    ShapeError,
    "slice: 3 elements from 1 in steps of 1 do not lie on axis 0 of shape [3]",
  ],
  [
    "pad",
    () => pad(t(2), { pads: [[-1, 0]] }),
    ShapeError,
    "pad: padding -1, 0 of axis 0 must not be negative; use slice to cut",
  ],
  [
    "pad, one axis of two",
    () => pad(t(2, 2), { pads: [[1, 0]] }),
    ShapeError,
    "pad: shape [2, 2] has 2 axes, [1] has 1 entries",
  ],
  [
    "concat",
    () => concat([t(2, 3), t(2, 4)]),
    ShapeError,
    "concat: shapes [2, 3] and [2, 4] do not fit: all axes but axis 0 must have equal sizes",
  ],
  ["concat of nothing", () => concat([]), ArgumentError, "concat: wanted at least one tensor, got none"],
  ["stack", () => stack([t(2), t(3)]), ShapeError, "stack: shapes [2] and [3] do not fit: they must be equal"],
  [
    "split in equal parts",
    () => split(t(5), 2),
    ShapeError,
    "split: axis 0 of shape [5] cannot be cut into 2 equal parts",
  ],
  [
    "split in parts",
    () => split(t(5), [2, 2]),
    ShapeError,
    "split: axis 0 of shape [5] cannot be cut into parts of [2, 2]",
  ],
  ["tile", () => tile(t(2), { repeats: [-1] }), ArgumentError, "tile: repeats are integers from 0, got [-1]"],
  ["tril", () => tril(t(2)), ShapeError, "tril: wanted a matrix or a batch of them, got shape [2]"],
  ["topK", () => topK(t(2), 3), ShapeError, "topK: k 3 must be an integer from 0 to 2, the size of axis 0"],
  ["take, dtype", () => take(t(2), t(2)), DTypeError, 'take: indices are integers, got f32; use cast(indices, "i32")'],
  [
    "take, a number",
    () => take(t(2, 3), 3, { axis: 1 }),
    IndexError,
    "take: index 3 lies outside axis 1 of shape [2, 3]",
  ],
  [
    "gather",
    () => gather(t(2, 3), i(3, 1), { axis: 1 }),
    ShapeError,
    "gather: shapes [2, 3] and [3, 1] do not fit: the indices need as many axes, and off axis 1 no larger sizes",
  ],
  [
    "scatterAdd",
    () => scatterAdd(t(3), i(2), t(3)),
    ShapeError,
    "scatterAdd: updates of shape [3] do not fit: these indices take [2]",
  ],
  [
    "oneHot",
    () => oneHot(i(2), { depth: -1 }),
    ArgumentError,
    "oneHot: depth is the number of classes, an integer from 0, got -1",
  ],
  [
    "matmul",
    () => matmul(t(2, 3), t(4, 5)),
    ShapeError,
    "matmul: shapes [2, 3] and [4, 5] do not fit: the inner sizes 3 and 4 must be equal",
  ],
  [
    "matmul, batches",
    () => matmul(t(2, 1, 3), t(3, 3, 1)),
    ShapeError,
    "matmul: shapes [2] and [3] do not fit: the sizes 2 and 3 of axis -1 must be equal, or one of them 1",
  ],
  [
    "matmul, vectors",
    () => matmul(t(2, 3), t(2)),
    ShapeError,
    "matmul: shapes [2, 3] and [2] do not fit: the inner sizes 3 and 2 must be equal",
  ],
  [
    "matmul, a scalar",
    () => matmul(t(), t(2)),
    ShapeError,
    "matmul: shapes [] and [2] do not fit: a scalar has no axes; use mul",
  ],
  ["matmul, a number", () => matmul(t(2), 2), ArgumentError, "matmul: wanted a tensor, got the number 2"],
  ["dot", () => dot(t(2), t(3)), ShapeError, "dot: shapes [2] and [3] do not fit: the sizes must be equal"],
  ["outer", () => outer(t(2, 2), t(3)), ShapeError, "outer: wanted vectors, got shape [2, 2]"],
  [
    "conv, channels",
    () => conv(t(1, 3, 5), t(2, 4, 3)),
    ShapeError,
    "conv: shapes [1, 3, 5] and [2, 4, 3] do not fit with groups 1: the channels 3 must be groups × 4, and the outputs 2 a multiple of groups",
  ],
  [
    "conv, window",
    () => conv(t(1, 1, 3), t(1, 1, 4)),
    ShapeError,
    "conv: a window of 4 does not fit on spatial axis 0 of size 3 with padding [0, 0]",
  ],
  [
    "conv, axes",
    () => conv(t(3, 5), t(1, 3)),
    ShapeError,
    "conv: shape [3, 5] does not fit: wanted [N, C, ...] with one to three spatial axes",
  ],
  [
    "conv, options",
    () => conv(t(1, 1, 5, 5), t(1, 1, 3, 3), { stride: [1] }),
    ShapeError,
    "conv: shape [1, 1, 5, 5] has 2 spatial axes, stride has 1",
  ],
  [
    "conv, stride",
    () => conv(t(1, 1, 5), t(1, 1, 3), { stride: 0 }),
    ShapeError,
    "conv: stride [0] must be integers from 1",
  ],
  [
    "convTranspose",
    () => convTranspose(t(1, 3, 5), t(2, 1, 3)),
    ShapeError,
    "convTranspose: shapes [1, 3, 5] and [2, 1, 3] do not fit: w is [C, O/groups, ...] with the 3 channels of x",
  ],
  [
    "convTranspose, padding",
    () => convTranspose(t(1, 3, 5), t(3, 1, 3), { outputPadding: 1 }),
    ShapeError,
    "convTranspose: outputPadding 1 of spatial axis 0 must be smaller than its stride 1 or dilation 1",
  ],
  [
    "maxPool",
    () => maxPool(t(1, 1, 3), { window: 2, padding: 2 }),
    ShapeError,
    "maxPool: padding [2, 2] must be smaller than the window 2",
  ],
  [
    "avgPool",
    () => avgPool(t(1, 1, 3), { window: 4 }),
    ShapeError,
    "sumPool: a window of 4 does not fit on spatial axis 0 of size 3 with padding [0, 0]",
  ],
  [
    "crossEntropyRows",
    () => crossEntropyRows(t(2, 3), i(3)),
    ShapeError,
    "crossEntropy: shapes [2, 3] and [3] do not fit: wanted logits [N, C] and labels [N]",
  ],
  [
    "einsum, operands",
    () => einsum("ij,jk->ik", t(2, 2)),
    ArgumentError,
    'einsum: "ij,jk->ik": names 2 operands, got 1',
  ],
  [
    "einsum, axes",
    () => einsum("ijk->i", t(2, 2)),
    ArgumentError,
    'einsum: "ijk->i": "ijk" names 3 axes of an operand that has 2',
  ],
  [
    "einsum, letters",
    () => einsum("i1->i", t(2, 2)),
    ArgumentError,
    'einsum: "i1->i": "i1" must be letters and at most one ...',
  ],
  [
    "einsum, unknown",
    () => einsum("ij->k", t(2, 2)),
    ArgumentError,
    'einsum: "ij->k": "k" of the result stands in no operand',
  ],
  ["einsum, twice", () => einsum("ij->ii", t(2, 2)), ArgumentError, 'einsum: "ij->ii": "i" stands twice in the result'],
  ["einsum, arrows", () => einsum("i->i->i", t(2)), ArgumentError, 'einsum: "i->i->i": wanted one ->'],
  [
    "einsum, sizes",
    () => einsum("ij,jk->ik", t(2, 3), t(4, 5)),
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

  test("nothing runs when the shapes do not fit", () => {
    expect(() => add(t(2), t(3))).toThrow(ShapeError);
    expect(() => matmul(t(2, 3), t(4, 5))).toThrow(ShapeError);
    expect(backend.calls).toEqual([]);
  });

  test("two backends do not mix", () => {
    const other = new Recorder();
    expect(() => add(t(2), other.of([2]))).toThrow(BackendMismatchError);
    expect(() => add(t(2), other.of([2]))).toThrow(
      "add: one operand lives on recorder, another on recorder (two instances). Move one with place(), or make both on one backend.",
    );
  });

  test("a tensor of another contract is refused with both versions", () => {
    const foreign = t(2);
    Object.defineProperty(foreign, weft.BRAND, { value: 99 });
    expect(() => add(foreign, 1)).toThrow(VersionError);
    expect(() => add(foreign, 1)).toThrow(
      "add: @weft/tensor 0.1.0 speaks contract 1, recorder 0.1.0 made this tensor under contract 99. Install versions of both that share one contract.",
    );
  });
});

describe("shapes", () => {
  test("equal shapes stay the same array", () => {
    const [a, b] = [t(2, 3), t(2, 3)];
    expect(add(a, b).shape).toBe(a.shape);
    expect(add(a, 1).shape).toBe(a.shape);
    expect(add(1, a).shape).toBe(a.shape);
    expect(add(b, t(1, 1, 3)).shape).toEqual([1, 2, 3]);
  });

  test.each([
    [[3], [2, 3], [2, 3]],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [[], [2], [2]],
    [
      [0, 3],
      [1, 3],
      [0, 3],
    ],
    [[1], [0], [0]],
    [
      [5, 1, 4],
      [3, 1],
      [5, 3, 4],
    ],
  ])("%j and %j broadcast to %j", (a, b, wanted) => {
    expect(add(t(...a), t(...b)).shape).toEqual(wanted);
    expect(add(t(...b), t(...a)).shape).toEqual(wanted);
  });

  test("every line of the catalogue has a rule for shape and dtype", () => {
    // @ts-expect-error a table without the line `relu` does not compile
    const missing: weft.ShapeRules<"neg" | "relu"> = { neg: shapes.neg };
    expect(missing.relu).toBeUndefined();
    expect(Object.keys(shapes)).toEqual(Object.keys(dtypes));
  });

  test.each([
    [{}, [2, 3, 4], []],
    [{ axis: null }, [2, 3, 4], []],
    [{ axis: -1 }, [2, 3, 4], [2, 3]],
    [{ axis: [0, -1], keepDims: true }, [2, 3, 4], [1, 3, 1]],
    [{ axis: 1 }, [2, 0], [2]],
    [{ axis: [] }, [2, 3], [2, 3]],
  ])("sum with %j of %j gives %j", (options, shape, wanted) => {
    expect(sum(t(...shape), options).shape).toEqual(wanted);
  });

  test("attributes reach the interpreter in canonical form", () => {
    sum(t(2, 3, 4), { axis: [-1, 0] });
    expect(backend.calls.at(-1)).toMatchObject({ op: "sum", attrs: { axes: [0, 2], keepDims: false } });
    conv(t(1, 2, 5, 5), t(3, 2, 3, 3), { padding: [1, [0, 2]], stride: 2 });
    expect(backend.calls.at(-1)).toMatchObject({
      op: "conv",
      attrs: {
        stride: [2, 2],
        padding: [
          [1, 1],
          [0, 2],
        ],
        dilation: [1, 1],
        groups: 1,
      },
      shape: [1, 3, 3, 3],
    });
    slice(t(10), { starts: [-3], ends: [null], steps: [2] });
    expect(backend.calls.at(-1)).toMatchObject({ op: "slice", attrs: { starts: [7], sizes: [2], steps: [2] } });
  });

  test("what changes nothing returns its operand", () => {
    const x = t(2, 3);
    expect([
      reshape(x, [2, -1]),
      permute(x, [0, 1]),
      broadcastTo(x, [2, 3]),
      slice(x, {}),
      weft.cast(x, "f32"),
    ]).toEqual([x, x, x, x, x]);
    expect(backend.calls).toEqual([]);
  });
});
