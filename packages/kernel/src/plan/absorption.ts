// The third pass: a map that only one operation reads, element by element, is computed inside that operation.
import { dtypeInfo, isStorage } from "@weft/tensor/internals";
import { operationsOf } from "../expressions/index.ts";
import type { Joins } from "./joins.ts";
import {
  isAligned,
  type ComputedValue,
  type MapValue,
  type PlanValue,
  type ReduceValue,
  type Values,
} from "./plan-value.ts";

/**
 * Bounds of one launch: they keep kernels small, and long sequences of operations from making many different kernels.
 */
export interface Limits {
  /** The most operations computed inside one reader. */
  readonly tree: number;
  /** The most operations in one launch. */
  readonly launch: number;
  /** The most values read by one launch. */
  readonly operands: number;
  /**
   * The most maps that share a launch because they read the same operand. More would make a kernel of its own for each
   * number of pieces that something is cut into: trees and sentences have ever new ones.
   */
  readonly beside: number;
}

export interface Absorption {
  /** By id: whether it is computed inside its reader, and so has no launch of its own. */
  readonly absorbed: readonly boolean[];
  /** By id: how many operations are computed with it, including itself. */
  readonly sizes: readonly number[];
}

/** Decides what is absorbed: nothing, without limits. */
export function absorb(
  { values, count, targets }: Joins,
  { kept }: Pick<Values, "kept">,
  limits: Limits | undefined,
): Absorption {
  const absorbed = new Array<boolean>(count).fill(false);
  const sizes = new Array<number>(count).fill(1);
  if (limits === undefined) return { absorbed, sizes };
  const { only, loads } = readersOf(values, count);
  for (const value of values) {
    if (value.kind !== "map" && value.kind !== "reduce") continue;
    const { id } = value;
    sizes[id] = sizeOf(value, limits);
    for (const x of value.inputs) {
      if (typeof x === "number") continue;
      const b = x.base;
      const at = b.id;
      if (b.kind !== "map" || absorbed[at]! || only[at] === null || targets.has(b) || kept[at]! || isRounded(b))
        continue;
      if (sizes[id]! + sizes[at]! > limits.tree || loads[id]! + loads[at]! > limits.operands) continue;
      absorbed[at] = true;
      sizes[id]! += sizes[at]!;
      loads[id]! += loads[at]!;
    }
  }
  return { absorbed, sizes };
}

/**
 * How many operations an operation counts as. A formula counts as those that it is made of, but not as more than a
 * third of a tree: however long it is, it is merged with its neighbors.
 */
function sizeOf({ kind, op, dtype, inputs }: MapValue | ReduceValue, { tree }: Limits): number {
  if (kind !== "map" || typeof op !== "object") return 1;
  const operations = operationsOf(op.expression!, dtypeInfo[dtype].compute, inputs.length);
  return Math.min(Math.max(operations, 1), Math.floor(tree / 3));
}

/**
 * By id: the reader of a map that has only one, which reads each element at its own index (else null); and how many
 * values an operation reads.
 */
function readersOf(
  values: readonly ComputedValue[],
  count: number,
): { only: (PlanValue | null | undefined)[]; loads: number[] } {
  const only = new Array<PlanValue | null | undefined>(count).fill(undefined);
  const loads = new Array<number>(count).fill(0);
  for (const value of values) {
    // Their parts are the readers.
    if (value.kind === "join" || value.kind === "pad") continue;
    for (const x of value.inputs) {
      if (typeof x === "number") continue;
      const { kind, id } = x.base;
      if (kind !== "source") loads[value.id]!++;
      if (kind !== "map" || only[id] === null) continue;
      const first = only[id] === undefined || only[id] === value;
      const aligned = first && value.kind !== "call" && isAligned(x, value.kind === "reduce" ? x.shape : value.shape);
      only[id] = aligned ? value : null;
    }
  }
  return { only, loads };
}

/** A value of a dtype that is only stored: writing rounds it, so readers must read it from memory. */
export const isRounded = ({ dtype }: PlanValue): boolean => isStorage(dtype);

/** The views that an operation reads, including those read by what it has absorbed. */
export function readsOf(value: PlanValue, absorbed: readonly boolean[], out: PlanValue[] = []): readonly PlanValue[] {
  for (const x of value.inputs) {
    if (typeof x === "number" || x.base.kind === "source") continue;
    if (absorbed[x.base.id]!) readsOf(x.base, absorbed, out);
    else out.push(x);
  }
  return out;
}
