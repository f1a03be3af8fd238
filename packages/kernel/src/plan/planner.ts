// Planning: from the needed nodes to launches, slots and arena offsets. Runs once per signature.
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import { layOut, type Life } from "./arena.ts";
import type { Arrange } from "./chain.ts";
import { donationsOf } from "./donate.ts";
import { absorb, type Limits } from "./absorption.ts";
import type { Decisions } from "./draft.ts";
import { placeJoins } from "./joins.ts";
import { KernelCache, launchOf } from "./lower.ts";
import { merge, type Group, type MergeOptions } from "./merge.ts";
import { valuesOf, type PlanValue } from "./plan-value.ts";
import { slotsOf } from "./slots.ts";
import type { Node } from "../graph/node.ts";
import type { AnyOp } from "../graph/operation.ts";
import {
  touched,
  type CallLaunch,
  type CallOperand,
  type Launch,
  type Link,
  type Output,
  type Plan,
  type Slot,
} from "./plan.ts";
import type { TraitsOf } from "./traits.ts";

export interface PlannerOptions {
  readonly fuse: boolean;
  readonly traits: TraitsOf;
  /** Whether a call of this operation may throw while a plan runs. */
  readonly mayThrow: ((op: AnyOp) => boolean) | undefined;
  /** Whether reductions can run an epilogue. */
  readonly reductions: boolean;
  /** Rearranges launches, when they and their slots are known. */
  readonly arrange: Arrange | undefined;
  /** Bytes of one block of the arena. */
  readonly largest: number;
}

const defaultLimits: Limits = { tree: 24, launch: 64, operands: 14, beside: 16 };

export class Planner {
  readonly kernels = new KernelCache();
  readonly #options: MergeOptions;
  readonly #traits: TraitsOf;
  readonly #mayThrow: PlannerOptions["mayThrow"];
  readonly #arrange: Arrange | undefined;
  readonly #largest: number;

  constructor({ fuse, traits, mayThrow, reductions, arrange, largest }: PlannerOptions) {
    this.#options = { fuse, traits, reductions, limits: defaultLimits };
    this.#traits = traits;
    this.#mayThrow = mayThrow;
    this.#arrange = fuse ? arrange : undefined;
    this.#largest = largest;
  }

  plan(needed: readonly Node[], leafNodes: readonly Node[]): Plan {
    const { fuse, limits } = this.#options;
    const values = valuesOf(needed, leafNodes, this.#traits);
    const joins = placeJoins(values);
    const absorption = absorb(joins, values, fuse ? limits : undefined);
    const grouping = merge(joins, absorption, values.kept, this.#options);
    const memory = slotsOf(values, joins, grouping);
    const { slots, addressOf } = memory;

    const decisions = { ...joins, ...absorption, ...grouping, ...memory };
    const byLevel: Link[][] = [];
    for (const group of grouping.groups.toSorted((a, b) => a.level - b.level)) {
      const launch = this.#launch(group, decisions);
      if (launch !== undefined) (byLevel[group.level] ??= []).push(launch);
    }
    const filled = byLevel.filter((l) => l !== undefined);
    const levels = this.#arrange?.(filled, slots, this.#traits) ?? filled;
    return {
      slots,
      levels,
      outputs: values.outputs.map(({ node, value: { base, offset, strides } }): Output => ({
        node,
        slot: addressOf(base).slot,
        offset,
        strides,
      })),
      kept: slots.filter((s) => s.kind === "output").map((s) => s.index),
      leaves: slots.filter((s) => s.kind === "leaf").map((s) => s.index),
      donations: donationsOf(slots, levels, this.#traits, this.#mayThrow),
      arena: layOut(livesOf(slots, levels), this.#largest),
    };
  }

  #launch(group: Group, decisions: Decisions): Link | undefined {
    const { call, after } = group;
    if (call?.kind !== "call") {
      const launch = launchOf(group, decisions, this.kernels)?.launch;
      if (launch === undefined || after === undefined) return launch;
      return { ...launch, after: launchOf(after, decisions, this.kernels)?.launch };
    }
    const [first, ...others] = group.results.length === 0 ? [call] : group.results;
    if (first === undefined || [first, ...others].every(({ shape }) => sizeOf(shape) === 0)) return undefined;
    const { op, attrs, node } = call;
    const operandOf = ({ base, shape, strides, dtype, offset }: PlanValue): CallOperand => {
      const { slot, bytes } = decisions.addressOf(base);
      return { slot, bytes: bytes + offset * dtypeInfo[dtype].bytes, shape, strides, dtype };
    };
    return {
      kind: "call",
      op,
      attrs,
      outs: [operandOf(first), ...others.map(operandOf)],
      inputs: call.inputs.map(operandOf),
      node,
      after: group.roots.length === 0 ? undefined : launchOf(group, decisions, this.kernels),
    } satisfies CallLaunch;
  }
}

function livesOf(slots: readonly Slot[], levels: readonly (readonly Launch[])[]): Life[] {
  const lives = new Map<number, Life>();
  let time = 0;
  const touch = (index: number): void => {
    const slot = slots[index]!;
    if (slot.kind !== "arena") return;
    const life = lives.get(index);
    if (life === undefined) lives.set(index, { slot, first: time, last: time });
    else life.last = time;
  };
  for (const level of levels) {
    // Launches of one level may run at the same time, so they count as one moment.
    for (const launch of level) touched(launch, touch);
    time++;
  }
  return [...lives.values()];
}
