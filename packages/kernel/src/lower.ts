// From a group to a launch: the operations of a group become one kernel (found again by its key), its operands and numbers
// the kernel's arguments.
import { bytesOf, type DType } from "@weft/tensor";
import { expressions, scalarOf, threefry, uniform, type ElementwiseOp } from "./expressions/index.ts";
import { isAligned, type Item } from "./item.ts";
import { Builder, layout, type Kernel, type KernelOperand, type Reduction, type Scalar, type V } from "./language.ts";
import { loopsOf, stepOf } from "./loops.ts";
import type { Group } from "./merge.ts";
import type { KernelLaunch, NumberPlace, Place } from "./plan.ts";
import { broadcastStrides, rowMajor } from "./view.ts";

/** One line of a kernel before it is written out: enough for its key, and to write it when the key is new. */
type Line =
  | { readonly t: "load" | "affine"; readonly operand: number; readonly type: Scalar }
  | { readonly t: "number"; readonly slot: number; readonly type: Scalar }
  | { readonly t: "const"; readonly value: number; readonly type: Scalar }
  | { readonly t: "op"; readonly op: string; readonly args: readonly number[]; readonly to: DType | undefined };

interface OperandDraft {
  readonly use: KernelOperand["use"];
  readonly dtype: DType;
  readonly item: Item | undefined;
  /** Elements. */
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Collects what a group reads, computes and writes. */
class Draft {
  readonly lines: Line[] = [];
  readonly operands: OperandDraft[] = [];
  readonly numbers: { readonly type: Scalar; readonly node: number; readonly input: number }[] = [];
  readonly #values = new Map<Item, number>();
  readonly #loads = new Map<Item, { offset: number; strides: readonly number[]; line: number }[]>();
  readonly group: Group;

  constructor(group: Group) {
    this.group = group;
  }

  #line(line: Line): number {
    return this.lines.push(line) - 1;
  }
  #number(type: Scalar, node: number, input: number): number {
    return this.#line({ t: "number", slot: this.numbers.push({ type, node, input }) - 1, type });
  }
  operand(use: OperandDraft["use"], dtype: DType, item: Item | undefined, offset: number, strides: readonly number[]): number {
    return this.operands.push({ use, dtype, item, offset, strides }) - 1;
  }

  /** The value of view `x` at each index of the group's space. */
  read(x: Item): number {
    const b = x.base;
    if (b.kind === "source") return this.#source(x);
    if (b.absorbed || (b.group === this.group && b !== this.group.call && isAligned(x, this.group.shape))) return this.value(b);
    const strides = broadcastStrides(x, this.group.shape);
    const known = this.#loads.get(b) ?? [];
    const same = known.find((l) => l.offset === x.offset && l.strides.every((s, i) => s === strides[i]));
    if (same !== undefined) return same.line;
    const line = this.#line({ t: "load", operand: this.operand("read", b.dtype, b, x.offset, strides), type: scalarOf[b.dtype] });
    this.#loads.set(b, [...known, { offset: x.offset, strides, line }]);
    return line;
  }

  /** The value of a map. */
  value(item: Item): number {
    let line = this.#values.get(item);
    if (line === undefined) {
      line = this.#compute(item);
      this.#values.set(item, line);
    }
    return line;
  }

  #compute(item: Item): number {
    if (item.op === "fill") return this.#line({ t: "const", value: (item.attrs as { value: number }).value, type: scalarOf[item.dtype] });
    // Numbers take the type of the tensors beside them; the choices of `where` have that of the result.
    const model = item.op === "where" ? undefined : item.inputs.find((x) => typeof x !== "number");
    const type = scalarOf[(model as Item | undefined)?.dtype ?? item.dtype];
    const args = item.inputs.map((x, i) => (typeof x === "number" ? this.#number(i === 0 && item.op === "where" ? "bool" : type, item.place, i) : this.read(x)));
    const to = item.op === "cast" ? (item.attrs as { dtype: DType }).dtype : undefined;
    return this.#line({ t: "op", op: item.op, args, to });
  }

  #source(x: Item): number {
    const b = x.base;
    if (b.op === "full") {
      const value = b.inputs[0] as number;
      return typeof value === "number" ? this.#number(scalarOf[b.dtype], b.place, 0) : this.read(value);
    }
    const at = this.#line({ t: "affine", operand: this.operand("index", "i32", undefined, x.offset, broadcastStrides(x, this.group.shape)), type: "i32" });
    if (b.op === "iota") return this.#line({ t: "op", op: "cast", args: [at], to: b.dtype });
    const args = [at, this.#number("i32", b.place, -1), this.#number("i32", b.place, -2), this.#number("i32", b.place, -3)];
    return this.#line({ t: "op", op: b.op, args, to: undefined });
  }
}

/** Kernels by key, so that equal groups share one; the oldest go when there are too many. */
export class KernelCache {
  readonly #kernels = new Map<string, Kernel>();
  readonly #limit: number;
  made = 0;
  constructor(limit = 4096) {
    this.#limit = limit;
  }
  get(key: string, make: (key: string) => Kernel): Kernel {
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      kernel = make(key);
      this.made++;
      if (this.#kernels.size >= this.#limit) this.#kernels.delete(this.#kernels.keys().next().value!);
    } else this.#kernels.delete(key);
    this.#kernels.set(key, kernel);
    return kernel;
  }
}

/** Where an item's elements lie: a slot, and an offset in elements. */
function placeOf(item: Item): { slot: number; offset: number } {
  if (item.target === undefined) return { slot: item.slot!.index, offset: 0 };
  return { slot: item.target.into.slot!.index, offset: item.target.view.offset };
}

/** The launch of a group of maps, of a reduction, or of a call's epilogue; undefined where there is nothing to do. */
export function launchOf(group: Group, cache: KernelCache): { launch: KernelLaunch; unit: number } | undefined {
  const draft = new Draft(group);
  const { shape } = group;
  const stores: { operand: number; line: number }[] = [];
  const reductions: { fn: Reduction["fn"]; operand: number; line: number }[] = [];
  let axes: readonly number[] = [];
  for (const root of group.roots) {
    if (root.kind === "reduce") {
      axes = (root.attrs as { axes: readonly number[] }).axes;
      const line = draft.read(root.inputs[0] as Item);
      const kept = rowMajor(shape.map((d, a) => (axes.includes(a) ? 1 : d)));
      const operand = draft.operand("write", root.dtype, root, 0, kept.map((s, a) => (axes.includes(a) ? 0 : s)));
      reductions.push({ fn: root.op as Reduction["fn"], operand, line });
    } else {
      const line = draft.value(root);
      if (!root.stored && root.target === undefined) continue;
      const strides = root.target?.view.strides ?? rowMajor(shape);
      stores.push({ operand: draft.operand("write", root.dtype, root, 0, strides), line });
    }
  }
  if (stores.length === 0 && reductions.length === 0) return undefined;

  const { sizes, reduced, strides } = loopsOf(shape, draft.operands.map((o) => o.strides), axes, group.kind === "reduce");
  const rank = sizes.length;
  if (sizes.slice(0, rank - reduced).includes(0)) return undefined;
  const lanes = group.kind === "reduce" ? lanesOf(strides, rank - 1, rank - 1 - reduced, draft) : rank - 1;
  const operands = draft.operands.map((o, i): KernelOperand => ({ use: o.use, dtype: o.dtype, step: stepOf(strides[i]![lanes]!) }));

  const form: Form = { rank, reduced, lanes, operands, stores, reductions };
  const key = keyOf(draft, form);
  const kernel = cache.get(key, () => write(key, draft, form));

  const words = new Int32Array(layout.words(kernel));
  words[layout.end] = sizes[0]!;
  for (let l = 1; l < rank; l++) words[layout.size(l)] = sizes[l]!;
  const places: Place[] = [];
  draft.operands.forEach((o, i) => {
    const at = layout.operand(kernel, i);
    const bytes = o.use === "index" ? 1 : bytesOf[o.dtype];
    if (o.use === "index") words[at] = o.offset;
    else {
      const place = placeOf(o.item!);
      places.push({ word: at, slot: place.slot, bytes: (place.offset + o.offset) * bytes, write: o.use === "write" });
    }
    for (let l = 0; l < rank; l++) words[at + 1 + l] = strides[i]![l]! * bytes;
  });
  const numbers = draft.numbers.map((n, slot): NumberPlace => ({ word: layout.number(kernel, slot), ...n }));
  return { launch: { kind: "kernel", kernel, words, places, numbers }, unit: sizes[0]! / (shape[0] ?? 1) };
}

/** The loop that is cut into lanes: the last one, unless a reduction reads side by side along the last kept loop. */
function lanesOf(strides: readonly (readonly number[])[], last: number, kept: number, draft: Draft): number {
  if (kept < 0) return last;
  let [along, across] = [0, 0];
  draft.operands.forEach((o, i) => {
    if (o.use !== "read") return;
    if (strides[i]![last] === 1) along++;
    if (strides[i]![kept] === 1) across++;
  });
  return across > along ? kept : last;
}

interface Form {
  readonly rank: number;
  readonly reduced: number;
  readonly lanes: number;
  readonly operands: readonly KernelOperand[];
  readonly stores: readonly { readonly operand: number; readonly line: number }[];
  readonly reductions: readonly { readonly fn: Reduction["fn"]; readonly operand: number; readonly line: number }[];
}

function keyOf(draft: Draft, form: Form): string {
  let key = `${form.rank},${form.reduced},${form.lanes}`;
  for (const o of form.operands) key += `|${o.use[0]}${o.dtype}${o.step}`;
  for (const l of draft.lines) {
    if (l.t === "op") key += `;${l.op}${l.to ?? ""}(${l.args.join()})`;
    else if (l.t === "const") key += `;c${l.value}${l.type}`;
    else key += `;${l.t[0]}${l.t === "number" ? l.slot : l.operand}${l.type}`;
  }
  for (const s of form.stores) key += `>${s.operand}=${s.line}`;
  for (const r of form.reductions) key += `>${r.operand}${r.fn}${r.line}`;
  return key;
}

function write(key: string, draft: Draft, form: Form): Kernel {
  const k = new Builder();
  const values: V[] = [];
  for (const l of draft.lines) {
    if (l.t === "op") values.push(operation(k, l.op, l.args.map((a) => values[a]!), l.to));
    else if (l.t === "number") values.push(k.number(l.slot, l.type));
    else if (l.t === "const") values.push(k.const(l.value, l.type));
    else values.push(l.t === "load" ? k.load(l.operand, l.type) : k.affine(l.operand));
  }
  return {
    key,
    rank: form.rank,
    reduced: form.reduced,
    lanes: form.lanes,
    operands: form.operands,
    numbers: draft.numbers.map((n) => n.type),
    code: k.code,
    stores: form.stores.map((s) => ({ operand: s.operand, value: values[s.line]! })),
    reductions: form.reductions.map((r) => ({ fn: r.fn, operand: r.operand, value: values[r.line]! })),
  };
}

function operation(k: Builder, op: string, args: readonly V[], to: DType | undefined): V {
  if (op === "randomBits" || op === "randomUniform") {
    const word = threefry(k, args[0]!, args[1]!, args[2]!, args[3]!);
    return op === "randomBits" ? word : uniform(k, word);
  }
  return expressions[op as ElementwiseOp](k, args, to === undefined ? undefined : { dtype: to });
}
