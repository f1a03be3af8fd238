// Shapes and attributes of what the functions make, and that the tables of rules are complete.
import { beforeEach, describe, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { shapes } from "../src/internals.ts";
import { add, broadcastTo, conv, permute, reshape, slice, sum } from "../src/index.ts";
import { Recorder } from "./recorder.ts";
import { dtypes } from "../src/rules.ts";
import type { ShapeRules } from "../src/rules/table.ts";

let backend: Recorder;
beforeEach(() => {
  backend = new Recorder();
});
const t = (...shape: number[]) => backend.of(shape);

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

  test("every line of the catalog has a rule for shape and dtype", () => {
    // @ts-expect-error a table without the line `relu` does not compile
    const missing: ShapeRules<"neg" | "relu"> = { neg: shapes.neg };
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

  test("what changes nothing is a reshape to the same shape: another handle", () => {
    const x = t(2, 3);
    const ys = [reshape(x, [2, -1]), permute(x, [0, 1]), broadcastTo(x, [2, 3]), slice(x, {}), weft.cast(x, "f32")];
    expect(new Set([x, ...ys]).size).toBe(6);
    expect(backend.ops()).toEqual(ys.map(() => "reshape"));
  });
});
