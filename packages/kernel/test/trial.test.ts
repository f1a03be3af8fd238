// Work that a device turns out not to have done right: which boxes are rolled back, and which steps are told.
import type { Tensor } from "@weft/tensor";
import { context, type Step } from "@weft/tensor/internals";
import { describe, expect, test, vi } from "vitest";
import { Fault } from "../src/graph/fault.ts";
import { Node, type Storage } from "../src/graph/node.ts";
import type { Driver } from "../src/run/driver.ts";
import { Flusher } from "../src/run/flush.ts";
import type { Runner } from "../src/run/runner.ts";
import { Trial, type Outcome } from "../src/run/trial.ts";

const pendingNode = (): Node => new Node("add", 0, [], undefined, [1], "f32");
const storage = (): Storage => ({ bytes: 4, refs: 1, loose: undefined, used: 0, evicted: undefined });
const node = (): Node => Object.assign(pendingNode(), { storage: storage() });
const indices = (): Fault => new Fault({ op: "take", dtype: "i32", shape: [1], site: undefined }, undefined);
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

describe("a device that reports wrong indices late", () => {
  /** Boxes that are assigned in steps, and flushed with a device whose last call has this fault. */
  function flushed(count: number) {
    let unchecked: Fault | undefined;
    let fault: Fault | undefined;
    const runner = {
      doubt: 0,
      get unchecked() {
        return unchecked?.wrong === undefined ? unchecked : undefined;
      },
      needed: (nodes: readonly Node[]) => nodes,
      run(nodes: readonly Node[]): boolean {
        for (const x of nodes) x.storage = storage();
        return fault !== undefined;
      },
      freeNode: () => undefined,
    };
    const tell = vi.fn<Outcome["tell"]>();
    const flusher = new Flusher({} as Driver<Storage, unknown>, runner as unknown as Runner<Storage, unknown>, {
      release: outcome.release,
      tell,
    });
    const boxes = Array.from({ length: count }, () => box(node()));
    const first = boxes.map((x) => x.payload as Node);
    const pending: Node[] = [];
    const undone: string[] = [];
    /** A step that assigns to boxes; the first of them has the fault. */
    const record = (name: string, which: readonly number[], wrong?: Fault): void => {
      const before = context.step;
      context.step = { undo: () => void undone.push(name), outer: undefined };
      context.turn++;
      for (const i of which) {
        const next = box(pendingNode());
        if (i === which[0]) (next.payload as Node).fault = wrong;
        pending.push(next.payload as Node);
        flusher.journal.note(next, boxes[i]);
        boxes[i] = next;
      }
      context.step = before;
      fault = wrong;
      unchecked = wrong ?? unchecked;
    };
    const flush = (): void => {
      flusher.flush(pending.splice(0));
      flusher.trial.told();
    };
    const report = (told: Fault, wrong: boolean): void => {
      Fault.tell([told], () => wrong);
      flusher.trial.told();
    };
    const result = () => ({ back: boxes.flatMap((x, i) => (x.payload === first[i] ? [i] : [])), undone });
    return { record, flush, report, result, tell, trial: flusher.trial };
  }

  test("while a step is pending: that is undone as a whole", () => {
    const { record, flush, report, result, tell, trial } = flushed(3);
    const wrong = indices();
    record("a", [0, 1], wrong);
    flush();
    record("b", [1, 2]);
    report(wrong, true);
    expect(result()).toEqual({ back: [], undone: [] });
    flush();
    expect(result()).toEqual({ back: [0, 1, 2], undone: ["a", "b"] });
    expect(tell).toHaveBeenCalledExactlyOnceWith(wrong);
    expect(trial.open).toBe(false);
  });

  test("while a step is pending that shares no box with the wrong one: that stays", () => {
    const { record, flush, report, result, trial } = flushed(3);
    const wrong = indices();
    record("a", [0, 1], wrong);
    flush();
    record("b", [2]);
    report(wrong, true);
    flush();
    expect(result()).toEqual({ back: [0, 1], undone: ["a"] });
    expect(trial.open).toBe(false);
  });

  test("while a step is pending, and then that all memory was there", () => {
    const { record, flush, report, result, trial } = flushed(3);
    const wrong = indices();
    record("a", [0, 1], wrong);
    flush();
    record("b", [1, 2]);
    report(wrong, true);
    trial.passed();
    flush();
    expect(result()).toEqual({ back: [0, 1, 2], undone: ["a", "b"] });
  });

  test("that all were right, while a step is pending: everything stays", () => {
    const { record, flush, report, result, trial } = flushed(3);
    const right = indices();
    record("a", [0, 1], right);
    flush();
    record("b", [1, 2]);
    report(right, false);
    flush();
    expect(result()).toEqual({ back: [], undone: [] });
    expect(trial.open).toBe(false);
  });
});

describe("many steps before the first report", () => {
  /** Runs steps with indices that assign to all boxes; counts how often one of them was asked which are around it. */
  function many(steps: number, boxCount: number) {
    const trial = new Trial(outcome);
    const boxes = Array.from({ length: boxCount }, () => box(node()));
    const undo = vi.fn<(reason: Error) => void>();
    const outer = vi.fn<() => undefined>();
    const last = indices();
    for (let turn = 0; turn < steps; turn++) {
      const step = Object.defineProperty({ undo, outer: undefined }, "outer", { get: outer });
      const versions = boxes.map((next, at) => {
        const base = next.payload as Node;
        const value = Object.assign(node(), { fault: last });
        Object.assign(next, { payload: value });
        return { next, base, node: value, step, turn, at, before: undefined };
      });
      trial.note(versions, [], 0, last);
    }
    return { trial, undo, outer, last };
  }

  test("cost nothing at a flush", () => {
    const { trial } = many(50, 4);
    const has = vi.spyOn(Set.prototype, "has");
    trial.told();
    const calls = has.mock.calls.length;
    has.mockRestore();
    expect(calls).toBeLessThan(50);
  });

  test("are noted once, and not once a box", () => {
    const { trial, undo, outer, last } = many(50, 20);
    Fault.tell([last], () => true);
    trial.told();
    expect(undo).toHaveBeenCalledTimes(50);
    // The first one is noted apart from the others: boxes could be rolled back to what it assigned.
    expect(outer.mock.calls.length).toBeLessThanOrEqual(2 * 50);
  });
});
