// The draft of a kernel: what a group reads, computes and writes, line by line, before it is known whether the kernel
// exists already. Its key contains all that the kernel's code depends on.
import type { DType } from "@weft/tensor";
import { dtypeInfo, sameShape } from "@weft/tensor/internals";
import type { Absorption } from "./absorption.ts";
import type { Joins } from "./joins.ts";
import { isAligned, type MapValue, type PlanValue, type SourceValue } from "./plan-value.ts";
import type { KernelOperand, Reduction, Scalar } from "../language.ts";
import { stepOf, type Strides } from "./loops.ts";
import type { Group, Grouping } from "./merge.ts";
import type { StorageMap } from "./slots.ts";
import type { AnyOp } from "../graph/operation.ts";
import { broadcastStrides } from "../graph/view.ts";

/** The decisions of earlier passes. */
export interface Decisions
  extends
    Pick<Joins, "targets">,
    Pick<Absorption, "absorbed">,
    Pick<Grouping, "groupOf" | "stored">,
    Pick<StorageMap, "addressOf"> {}

/** One line of a draft: enough for the key, and to build the kernel if the key is new. */
export type DraftLine =
  | { readonly t: "load" | "affine"; readonly operand: number; readonly type: Scalar }
  | { readonly t: "number"; readonly slot: number; readonly type: Scalar }
  | { readonly t: "const"; readonly value: number; readonly type: Scalar }
  | { readonly t: "op"; readonly op: AnyOp; readonly args: readonly number[]; readonly to: DType | undefined };

export interface OperandDraft {
  readonly use: KernelOperand["use"];
  readonly dtype: DType;
  /** The value whose elements it reads or writes; undefined for an `index`. */
  readonly value: PlanValue | undefined;
  /** Elements. */
  readonly offset: number;
  readonly strides: readonly number[];
  /** The line that loads it. */
  readonly line: number;
}

const steps: Record<KernelOperand["step"], number> = { still: 1, unit: 2, stride: 3 };
const folds: Record<Reduction["fn"], number> = { sum: 1, max: 2, min: 3 };
const uses: Record<KernelOperand["use"], number> = { read: 1, write: 2, index: 3 };

export class Draft {
  readonly lines: DraftLine[] = [];
  readonly operands: OperandDraft[] = [];
  readonly numbers: { readonly type: Scalar; readonly node: number; readonly input: number }[] = [];
  readonly stores: { readonly operand: number; readonly line: number }[] = [];
  readonly reductions: { readonly fn: Reduction["fn"]; readonly operand: number; readonly line: number }[] = [];
  readonly group: Group;
  readonly #decisions: Decisions;
  /** The values computed here, each at the index of its line. */
  readonly #computed: PlanValue[] = [];
  /** The key of the lines so far, as character codes. */
  readonly #key: number[] = [];

  constructor(group: Group, decisions: Decisions) {
    this.group = group;
    this.#decisions = decisions;
  }

  #number(type: Scalar, node: number, input: number): number {
    const slot = this.numbers.push({ type, node, input }) - 1;
    this.#key.push(2, dtypeInfo[type].code);
    return this.lines.push({ t: "number", slot, type }) - 1;
  }

  #operation(op: AnyOp, code: number, args: readonly number[], to: DType | undefined): number {
    const key = this.#key;
    // A key holds 16 bits of each number.
    key.push(100 + (code & 0x7fff), code >>> 15, to === undefined ? 0 : 1 + dtypeInfo[to].code, args.length);
    for (let i = 0; i < args.length; i++) key.push(args[i]!);
    return this.lines.push({ t: "op", op, args, to }) - 1;
  }

  /** An operand that the kernel writes. */
  write(value: PlanValue, strides: readonly number[]): number {
    return this.operands.push({ use: "write", dtype: value.dtype, value, offset: 0, strides, line: -1 }) - 1;
  }

  /** The line of the value of view `x` at each index of the group's space. */
  read(x: PlanValue): number {
    const b = x.base;
    const { group } = this;
    const { absorbed, groupOf } = this.#decisions;
    if (b.kind === "source") return this.#source(x, b);
    if (b.kind === "map" && (absorbed[b.id]! || (groupOf[b.id] === group && isAligned(x, group.shape))))
      return this.value(b);
    const strides = broadcastStrides(x, group.shape);
    for (const o of this.operands) {
      if (o.value === b && o.offset === x.offset && o.use === "read" && sameShape(o.strides, strides)) return o.line;
    }
    const type = dtypeInfo[b.dtype].compute;
    const line = this.lines.push({ t: "load", operand: this.operands.length, type }) - 1;
    this.#key.push(3);
    this.operands.push({ use: "read", dtype: b.dtype, value: b, offset: x.offset, strides, line });
    return line;
  }

  /** The value of a map. */
  value(value: MapValue): number {
    const known = this.#computed.indexOf(value);
    if (known >= 0) return known;
    const line = this.#compute(value);
    this.#computed[line] = value;
    return line;
  }

  #compute(value: MapValue): number {
    const { inputs, op } = value;
    if (op === "fill") return this.#constant(value.attrs.value, dtypeInfo[value.dtype].compute);
    // Numbers have the dtype of the tensor operands; the choices of `where` have that of the result.
    let { dtype } = value;
    if (op !== "where") for (const x of inputs) if (typeof x !== "number") dtype = x.dtype;
    const args = new Array<number>(inputs.length);
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i]!;
      if (typeof x !== "number") args[i] = this.read(x);
      else args[i] = this.#number(op === "where" && i === 0 ? "bool" : dtypeInfo[dtype].compute, value.node, i);
    }
    return this.#operation(op, value.code, args, op === "cast" ? value.attrs.dtype : undefined);
  }

  #constant(value: number, type: Scalar): number {
    // The reciprocal distinguishes -0 from 0.
    this.#key.push(4, ...Array.from(`${value}/${1 / value},`, (c) => c.charCodeAt(0)));
    return this.lines.push({ t: "const", value, type }) - 1;
  }

  #source(x: PlanValue, b: SourceValue): number {
    if (b.op === "full") return this.#number(dtypeInfo[b.dtype].compute, b.node, 0);
    if (x !== b) return this.#numbered(x, b);
    // Random bits are expensive: each is computed once.
    const known = this.#computed.indexOf(b);
    if (known >= 0) return known;
    const line = this.#numbered(b, b);
    this.#computed[line] = b;
    return line;
  }

  /** An expression of the index. */
  #numbered(x: PlanValue, b: SourceValue): number {
    const strides = broadcastStrides(x, this.group.shape);
    const at = this.lines.push({ t: "affine", operand: this.operands.length, type: "i32" }) - 1;
    this.#key.push(5);
    this.operands.push({ use: "index", dtype: "i32", value: undefined, offset: x.offset, strides, line: at });
    if (b.op === "iota") return this.#operation("cast", 0, [at], b.dtype);
    const key = [-1, -2, -3].map((part) => this.#number("i32", b.node, part));
    return this.#operation(b.op, b.code, [at, ...key], undefined);
  }

  /** All that the code of the kernel depends on. */
  key({ rank, reduced, lanes }: { rank: number; reduced: number; lanes: number }, strides: readonly Strides[]): string {
    const key = this.#key;
    key.push(6, rank, reduced, lanes);
    for (let i = 0; i < strides.length; i++) {
      const o = this.operands[i]!;
      key.push(uses[o.use], dtypeInfo[o.dtype].code, steps[stepOf(strides[i]![lanes]!)]);
    }
    for (const s of this.stores) key.push(7, s.operand, s.line);
    for (const r of this.reductions) key.push(8, folds[r.fn], r.operand, r.line);
    return String.fromCharCode(...key);
  }
}
