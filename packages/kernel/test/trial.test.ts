// Work in memory that a device turns out not to have: which boxes are rolled back, and which steps are told.
import type { Tensor } from "@weft/tensor";
import type { Step } from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { Node } from "../src/graph/node.ts";
import { Trial, type Outcome } from "../src/run/trial.ts";

const node = (): Node => {
  const made = new Node("add", 0, [], undefined, [1], "f32");
  made.storage = { bytes: 4, refs: 1, loose: undefined, used: 0, evicted: undefined };
  return made;
};
const outcome: Outcome = { release: (x) => x.handles--, isPending: () => false, tell: () => undefined };
const box = (payload: Node): Tensor => ({ payload, shape: [1], dtype: "f32", ended: undefined }) as unknown as Tensor;

/**
 * Boxes that are assigned in steps, each after an allocation of its own; `failed` returns which boxes were rolled back,
 * and which steps were told.
 */
function world(count: number) {
  const trial = new Trial(outcome);
  const boxes = Array.from({ length: count }, () => box(node()));
  const first = boxes.map((x) => x.payload as Node);
  const undone: string[] = [];
  const steps = new Map<string, Step>();
  let turns = 0;
  const assign = (name: string, after: number, which: readonly number[], value = node): void => {
    const turn = turns++;
    const step = steps.get(name) ?? { undo: () => void undone.push(name), outer: undefined };
    steps.set(name, step);
    const versions = which.map((i) => {
      const base = boxes[i]!.payload as Node;
      Object.assign(boxes[i]!, { payload: value() });
      const { payload } = boxes[i]!;
      return { next: boxes[i]!, base, node: payload as Node, step, turn, at: 0, before: undefined };
    });
    trial.note(
      versions,
      versions.map(({ next }) => next.payload as Node),
      after,
    );
  };
  const failed = (allocation: number): { back: number[]; undone: string[] } => {
    trial.failed(allocation, new Error("no memory"));
    const back = boxes.flatMap((x, i) => (x.payload === first[i] ? [i] : []));
    return { back, undone: undone.toSorted() };
  };
  return { assign, failed, first, boxes, trial };
}

test("steps of an optimizer whose boxes keep their values are not undone", () => {
  const { assign, failed, first, boxes } = world(3);
  assign("a", 1, [0]);
  assign("b", 2, [1, 2]);
  expect(failed(2)).toEqual({ back: [1, 2], undone: ["b"] });
  // Each value has the handle of its box, and nothing of the trial's is left.
  expect(boxes.map((x) => (x.payload as Node).handles)).toEqual([1, 2, 2]);
  expect(first[0]!.handles).toBe(1);
});

test("a box that is rolled back rolls back all its steps, and their other boxes", () => {
  const { assign, failed } = world(4);
  assign("a", 1, [0, 1]);
  assign("b", 1, [1, 2]);
  assign("c", 1, [3]);
  assign("d", 2, [0]);
  expect(failed(2)).toEqual({ back: [0, 1, 2], undone: ["a", "b", "d"] });
});

test("also where a step that was met first has one more box each time around", () => {
  const { assign, failed } = world(3);
  assign("a", 1, [0, 1]);
  assign("b", 2, [1, 2]);
  expect(failed(2)).toEqual({ back: [0, 1, 2], undone: ["a", "b"] });
  const long = world(5);
  for (const [k, name] of ["a", "b", "c"].entries()) long.assign(name, 1, [k, k + 1]);
  long.assign("d", 2, [3, 4]);
  expect(long.failed(2)).toEqual({ back: [0, 1, 2, 3, 4], undone: ["a", "b", "c", "d"] });
});

test("a step that was rolled back already is not told again", () => {
  const { assign, failed, first } = world(2);
  let again = first[0]!;
  assign("a", 1, [0], () => again);
  again = node();
  assign("b", 2, [1]);
  expect(failed(2)).toEqual({ back: [0, 1], undone: ["b"] });
});

test("if the memory was there, nothing is rolled back", () => {
  const { assign, failed, trial, first } = world(1);
  assign("a", 1, [0]);
  trial.passed();
  expect(failed(1)).toEqual({ back: [], undone: [] });
  expect(first[0]!.handles).toBe(1);
});

test("what was assigned by hand in one turn is rolled back together", () => {
  const trial = new Trial(outcome);
  const boxes = [0, 1, 2].map(() => box(node()));
  const before = boxes.map(({ payload }) => payload as Node);
  boxes.forEach((next, i) => {
    const value = node();
    Object.assign(next, { payload: value });
    const version = { next, base: before[i]!, node: value, step: undefined, turn: i >> 1, at: i, before: undefined };
    trial.note([version], [value], 1 + i);
  });
  // The second allocation of the first turn was not there, nor those after it.
  trial.failed(2, new Error("no memory"));
  expect(boxes.map(({ payload }, i) => payload === before[i])).toEqual([true, true, true]);
});
