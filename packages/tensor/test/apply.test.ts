// Dispatch: nothing runs before everything has been checked, and what belongs to different backends or contracts
// does not mix.
import { beforeEach, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { BRAND } from "../src/internals.ts";
import { BackendMismatchError, ShapeError, VersionError } from "../src/index.ts";
import { Recorder } from "./recorder.ts";

let backend: Recorder;
beforeEach(() => {
  backend = new Recorder();
});
const t = (...shape: number[]) => backend.of(shape);

test("nothing runs when the shapes do not fit", () => {
  expect(() => weft.add(t(2), t(3))).toThrow(ShapeError);
  expect(() => weft.matmul(t(2, 3), t(4, 5))).toThrow(ShapeError);
  expect(backend.calls).toEqual([]);
});

test("two backends do not mix", () => {
  const other = new Recorder();
  expect(() => weft.add(t(2), other.of([2]))).toThrow(BackendMismatchError);
  expect(() => weft.add(t(2), other.of([2]))).toThrow(
    "add: one operand lives on recorder, another on recorder (two instances). Move one with place(), or make both on one backend.",
  );
});

test("a tensor of another contract is refused with both versions", () => {
  const foreign = t(2);
  Object.defineProperty(foreign, BRAND, { value: 99 });
  expect(() => weft.add(foreign, 1)).toThrow(VersionError);
  expect(() => weft.add(foreign, 1)).toThrow(
    "add: @weft/tensor 0.1.0 has contract 3, recorder 0.1.0 made this tensor under contract 99. Install versions of both that share one contract.",
  );
});
