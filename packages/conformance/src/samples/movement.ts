// Samples of the movements, over every dtype that moves.
import * as weft from "@weft/tensor";
import { apply, type Tensor } from "@weft/tensor";
import type { MovementOps } from "@weft/tensor/internals";
import {
  booleans,
  distinct,
  floats,
  integers,
  sample,
  separately,
  values,
  type Collection,
  type Sample,
} from "../sample.ts";
import { paddings } from "./shape.ts";

type Composed =
  | "flatten"
  | "transpose"
  | "squeeze"
  | "unsqueeze"
  | "stack"
  | "split"
  | "tile"
  | "roll"
  | "tril"
  | "triu"
  | "sort"
  | "topK";

const noGradient = { differentiable: [] };
const kinds = (f: (x: Tensor) => Tensor): Sample[] => [
  sample("i32", [integers(-9, 10, 3, 4)], f),
  sample("bool", [booleans(3, 4)], f),
  sample("u8", [values([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255], "u8", [3, 4])], f),
  sample(
    "NaN and infinities",
    [values([NaN, 1, 2, 3, Infinity, 5, 6, 7, -Infinity, 9, 10, 11], "f32", [3, 4])],
    f,
    noGradient,
  ),
];
const pads = (before: number[], after: number[], interior: number[], value: number) => (x: Tensor) =>
  apply("pad", [x], { before, after, interior, value });

export const movement: Collection<keyof MovementOps | Composed> = {
  family: "movement",
  samples: {
    reshape: [
      sample("two axes to one", [floats(3, 4)], (x) => weft.reshape(x, [12])),
      sample("an axis worked out", [floats(3, 2, 4)], (x) => weft.reshape(x, [-1, 3])),
      sample("to a scalar", [floats(1, 1)], (x) => weft.reshape(x, [])),
      sample("from a scalar", [floats()], (x) => weft.reshape(x, [1, 1])),
      sample("nothing", [floats(0, 3)], (x) => weft.reshape(x, [2, 0])),
      ...kinds((x) => weft.reshape(x, [2, 6])),
    ],
    permute: [
      sample("three axes", [floats(2, 3, 4)], (x) => weft.permute(x, [2, 0, 1])),
      sample("four axes", [floats(2, 3, 4, 5)], (x) => weft.permute(x, [0, 2, 3, 1])),
      sample("65 × 33", [floats(65, 33)], (x) => weft.permute(x, [1, 0]), { order: 1 }),
      sample("a scalar", [floats()], (x) => weft.permute(x, [])),
      sample("nothing", [floats(0, 3)], (x) => weft.permute(x, [1, 0])),
      ...kinds((x) => weft.permute(x, [1, 0])),
    ],
    broadcastTo: [
      sample("axes in front", [floats(3)], (x) => weft.broadcastTo(x, [2, 4, 3])),
      sample("an inner axis", [floats(3, 1, 4)], (x) => weft.broadcastTo(x, [4, 3, 2, 4])),
      sample("a scalar", [floats()], (x) => weft.broadcastTo(x, [5])),
      sample("to nothing", [floats(1, 3)], (x) => weft.broadcastTo(x, [0, 3])),
      ...kinds((x) => weft.broadcastTo(x, [2, 3, 4])),
    ],
    slice: [
      sample("parts of three axes", [floats(6, 3, 5)], (x) =>
        weft.slice(x, { starts: [1, 0, 2], ends: [5, 3, 5], steps: [2, 1, 1] }),
      ),
      sample("from the end", [floats(6, 5)], (x) => weft.slice(x, { starts: [-3], ends: [-1] })),
      sample("backwards", [floats(7, 4)], (x) => weft.slice(x, { starts: [6], ends: [null], steps: [-2] })),
      sample("beyond the ends", [floats(4)], (x) => weft.slice(x, { starts: [-9], ends: [9] })),
      sample("to nothing", [floats(4, 3)], (x) => weft.slice(x, { starts: [2], ends: [2] })),
      sample("a column", [floats(33, 7)], (x) => weft.slice(x, { starts: [0, 3], ends: [33, 4] })),
      ...kinds((x) => weft.slice(x, { starts: [1, 0], ends: [3, 4], steps: [1, 3] })),
    ],
    flip: [
      sample("one axis", [floats(3, 5)], (x) => weft.flip(x, { axis: 1 })),
      sample("all axes", [floats(3, 5)], (x) => weft.flip(x)),
      sample("an inner axis", [floats(2, 5, 3)], (x) => weft.flip(x, { axis: -2 })),
      sample("a scalar", [floats()], (x) => weft.flip(x)),
      sample("nothing", [floats(0, 3)], (x) => weft.flip(x)),
      ...kinds((x) => weft.flip(x, { axis: [0, 1] })),
    ],
    pad: [
      sample("sides of three axes", [floats(2, 3, 4)], (x) => weft.pad(x, { pads: [[0, 0], [0, 3], [1, 2]], value: 0.5 })), // prettier-ignore
      sample("between neighbors", [floats(3, 4)], pads([1, 0], [0, 2], [2, 1], 0)),
      sample("between neighbors, another value", [floats(5)], pads([0], [0], [3], -7)),
      sample("one element has no neighbor", [floats(1, 3)], pads([1, 0], [1, 0], [5, 0], 0)),
      sample("nothing becomes something", [floats(0)], pads([2], [1], [1], 3)),
      ...kinds(pads([1, 2], [0, 1], [0, 0], 1)),
      ...paddings,
    ],
    concat: [
      sample("axis 0", [floats(3, 2), floats(1, 2), floats(4, 2)], (...xs) => weft.concat(xs)),
      sample("the last axis", [floats(3, 2, 4), floats(3, 2, 1)], (...xs) => weft.concat(xs, { axis: -1 })),
      sample("an inner axis", [floats(2, 3, 4), floats(2, 5, 4)], (...xs) => weft.concat(xs, { axis: 1 })),
      sample("one tensor", [floats(3)], (x) => weft.concat([x])),
      sample("a tensor with itself", [floats(3, 2)], (x) => weft.concat([x, x], { axis: 1 })),
      sample("with nothing", [floats(0, 3), floats(2, 3)], (...xs) => weft.concat(xs)),
      sample(
        "nine tensors",
        Array.from({ length: 9 }, (_, i) => floats(i + 1)),
        (...xs) => weft.concat(xs),
      ),
      sample("i32 and f32", [integers(-9, 10, 3), floats(2)], (...xs) => weft.concat(xs)),
      sample("bool", [booleans(3), booleans(2)], (...xs) => weft.concat(xs)),
    ],
    flatten: [
      sample("all but the first axis", [floats(2, 3, 4)], (x) => weft.flatten(x)),
      sample("some axes", [floats(2, 3, 4, 5)], (x) => weft.flatten(x, { start: 1, end: 2 })),
      sample("a scalar", [floats()], (x) => weft.flatten(x)),
    ],
    transpose: [
      sample("the last two axes", [floats(2, 3, 4)], (x) => weft.transpose(x)),
      sample("two axes named", [floats(2, 3, 4)], (x) => weft.transpose(x, 0, -1)),
    ],
    squeeze: [
      sample("every axis of size 1", [floats(1, 3, 1)], (x) => weft.squeeze(x)),
      sample("one axis", [floats(1, 3, 1)], (x) => weft.squeeze(x, 2)),
    ],
    unsqueeze: [
      sample("in front", [floats(3)], (x) => weft.unsqueeze(x, 0)),
      sample("at the end", [floats(3, 2)], (x) => weft.unsqueeze(x, -1)),
    ],
    stack: [
      sample("axis 0", [floats(3, 2), floats(3, 2)], (...xs) => weft.stack(xs)),
      sample("the last axis", [floats(3, 2), floats(3, 2)], (...xs) => weft.stack(xs, { axis: -1 })),
      sample("scalars", [floats(), floats(), floats()], (...xs) => weft.stack(xs)),
    ],
    split: [
      sample("equal parts", [floats(6, 3)], (x) => weft.split(x, 3)),
      sample("sizes", [floats(2, 7)], (x) => weft.split(x, [1, 4, 2], { axis: 1 })),
      sample("an empty part", [floats(3)], (x) => weft.split(x, [0, 3])),
    ],
    tile: [
      sample("each axis", [floats(3, 2, 4)], (x) => weft.tile(x, { repeats: [2, 1, 3] })),
      sample("more entries than axes", [floats(3)], (x) => weft.tile(x, { repeats: [2, 2] })),
    ],
    roll: [
      sample("the flattened tensor", [floats(3, 4)], (x) => weft.roll(x, { shift: 5 })),
      sample("one axis, backwards", [floats(3, 4)], (x) => weft.roll(x, { shift: -1, axis: 1 })),
      sample("two axes", [floats(3, 4)], (x) => weft.roll(x, { shift: [1, 2], axis: [0, 1] })),
    ],
    tril: [
      sample("the diagonal", [floats(4, 5)], (x) => weft.tril(x)),
      sample("below it", [floats(2, 4, 4)], (x) => weft.tril(x, { k: -1 })),
      sample("a mask", [booleans(3, 3)], (x) => weft.tril(x)),
    ],
    triu: [
      sample("the diagonal", [floats(5, 4)], (x) => weft.triu(x)),
      sample("above it", [floats(2, 4, 4)], (x) => weft.triu(x, { k: 1 })),
    ],
    sort: [
      sample("ascending", [distinct(3, 7)], (x) => weft.sort(x).values),
      sample("descending, axis 0", [distinct(7, 3)], (x) => weft.sort(x, { axis: 0, descending: true }).values),
      sample("places", [distinct(3, 7)], (x) => weft.sort(x).indices),
    ],
    topK: [
      sample("the last axis", [distinct(3, 7)], (x) => weft.topK(x, 3).values),
      sample("axis 0", [distinct(7, 3)], (x) => weft.topK(x, 2, { axis: 0 }).values),
      sample("places", [distinct(3, 7)], (x) => weft.topK(x, 7).indices),
      separately(
        sample("the smallest, of a scalar, too", [distinct(3, 7), distinct()], (x, y) => [
          weft.topK(x, 3, { largest: false }).values,
          weft.topK(y, 1).values,
        ]),
      ),
    ],
  },
};
