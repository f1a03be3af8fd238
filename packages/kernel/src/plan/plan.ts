// A plan: the launches that compute what a flush needs, with every size, stride and arena offset. Running it again
// fills in only addresses and numbers.
import type { DType, Shape } from "@weft/tensor";
import type { Donation } from "./donate.ts";
import type { RandomAttrs } from "@weft/tensor/internals";
import type { Node } from "../graph/node.ts";
import type { AnyOp } from "../graph/operation.ts";
import type { Kernel, Scalar } from "../language.ts";

/** A stretch of memory that launches read and write. */
export interface Slot {
  readonly index: number;
  readonly bytes: number;
  /** `leaf`: a value already in storage; `output`: outlives the plan; `arena`: lives between launches of the plan. */
  kind: "leaf" | "output" | "arena";
  /** Byte offset in the arena. */
  offset: number;
}

/** Word `word` of a launch's arguments is the address of a slot plus `bytes`. */
export interface AddressArgument {
  readonly word: number;
  readonly slot: number;
  readonly bytes: number;
  readonly write: boolean;
}

/** Word `word` is a number: operand `input` of node `node`, or (below 0) part of its random attributes. */
export interface NumberArgument {
  readonly word: number;
  readonly type: Scalar;
  readonly node: number;
  readonly input: number;
}

/** The number of an argument, when the plan runs for these nodes. */
export function numberOf({ node, input }: Pick<NumberArgument, "node" | "input">, needed: readonly Node[]): number {
  const { inputs, attrs } = needed[node]!;
  if (input >= 0) return inputs[input] as number;
  const { key, counter } = attrs as RandomAttrs;
  return input === -1 ? key[0] : input === -2 ? key[1] : counter;
}

export interface KernelLaunch {
  readonly kind: "kernel";
  /** The operations whose results it writes, for messages and profiles. */
  readonly name: string;
  readonly kernel: Kernel;
  /** The arguments, complete except for addresses and numbers. */
  readonly words: readonly number[];
  readonly places: readonly AddressArgument[];
  readonly numbers: readonly NumberArgument[];
  /**
   * Of a reduction: an elementwise kernel to run on each result, at its place in row-major order, in the same launch.
   */
  readonly after?: KernelLaunch | undefined;
}

export interface CallOperand {
  readonly slot: number;
  /** Byte offset in the slot. */
  readonly bytes: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly dtype: DType;
}

/** A call of an operation with these attributes. */
export interface CallLaunch<Attrs = unknown> {
  readonly kind: "call";
  readonly op: AnyOp;
  readonly attrs: Attrs;
  /** Its results: more than one only for fused operations. */
  readonly outs: readonly [CallOperand, ...CallOperand[]];
  readonly inputs: readonly CallOperand[];
  /** For the call site of an IndexError. */
  readonly node: number;
  /**
   * An elementwise kernel to run on each finished stretch of the first axis of the only result; a step there is `unit`
   * steps of loop 0.
   */
  readonly after: { readonly launch: KernelLaunch; readonly unit: number } | undefined;
}

/** Launches each of which needs, for a row of its results, only that row of what earlier ones have written. */
export interface ChainLaunch {
  readonly kind: "chain";
  readonly rows: number;
  /** In order. */
  readonly links: readonly Link[];
}

export type Link = KernelLaunch | CallLaunch;
export type Launch = Link | ChainLaunch;

/** The elementwise kernel that runs on the results of a reduction or of a call, if there is one. */
export const epilogueOf = (launch: Link): KernelLaunch | undefined =>
  launch.kind === "kernel" ? launch.after : launch.after?.launch;

/** Visits the slots that a launch reads and writes, including its epilogue's. */
export function touched(launch: Launch, see: (slot: number, write: boolean) => void): void {
  if (launch.kind === "chain") {
    for (const link of launch.links) touched(link, see);
    return;
  }
  if (launch.kind === "call") {
    for (const out of launch.outs) see(out.slot, true);
    for (const x of launch.inputs) see(x.slot, false);
  } else for (const p of launch.places) see(p.slot, p.write);
  for (const p of epilogueOf(launch)?.places ?? []) see(p.slot, p.write);
}

export interface Output {
  /** Which of the needed nodes. */
  readonly node: number;
  readonly slot: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface Plan {
  readonly slots: readonly Slot[];
  /** Launches, level by level: those of one level are independent. */
  readonly levels: readonly (readonly Launch[])[];
  readonly outputs: readonly Output[];
  /** Slots of kind `output`. */
  readonly kept: readonly number[];
  readonly leaves: readonly number[];
  /** Outputs that may reuse the storage of a leaf. */
  readonly donations: readonly Donation[];
  /** Bytes of the arena. */
  readonly arena: number;
}
