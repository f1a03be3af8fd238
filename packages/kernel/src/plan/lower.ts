// From a group to a launch: the operations of a group become one kernel (cached by its key), its operands and numbers
// become the kernel's arguments.
import { UnsupportedError, type DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { Draft, type Decisions } from "./draft.ts";
import { arithmeticOf, expressions, threefry, uniform, type ElementwiseOp } from "../expressions/index.ts";
import { Builder, layout, type Kernel, type KernelOperand, type V } from "../language.ts";
import { COUNTED, loopsOf, stepOf, type Strides } from "./loops.ts";
import type { Group } from "./merge.ts";
import type { KernelLaunch, NumberArgument, AddressArgument } from "./plan.ts";
import { nameOf, type AnyOp } from "../graph/operation.ts";
import { BoundedCache } from "../graph/bounded-cache.ts";
import { rowMajor } from "../graph/view.ts";

/** Kernels by key, so that equal groups share one. */
export class KernelCache {
  readonly #kernels = new BoundedCache<string, Kernel>(4096);
  made = 0;

  get(key: string, make: (key: string) => Kernel): Kernel {
    const known = this.#kernels.get(key);
    if (known !== undefined) return known;
    this.made++;
    return this.#kernels.add(key, make(key));
  }
}

/** The launch of a group of maps, of a reduction, or of a call's epilogue; undefined if there is nothing to do. */
export function launchOf(
  group: Group,
  decisions: Decisions,
  cache: KernelCache,
): { launch: KernelLaunch; unit: number } | undefined {
  const draft = new Draft(group, decisions);
  const { shape } = group;
  const axes = fill(draft, decisions);
  if (draft.stores.length === 0 && draft.reductions.length === 0) return undefined;

  const fold = group.kind === "reduce";
  const { sizes, reduced, strides } = loopsOf(shape, draft.operands, axes, fold);
  const rank = sizes.length;
  // A map of this size fails when its result is allocated.
  if (fold && sizes.some((size) => size >= COUNTED))
    throw new UnsupportedError(
      `${nameOf(group.roots[0]!.op)}: shape [${shape.join(", ")}] has 2³² or more elements along an axis, and a loop counts fewer`,
    );
  for (let l = 0; l < rank - reduced; l++) if (sizes[l] === 0) return undefined;
  const lanes = fold ? lanesOf(strides, rank - 1, rank - 1 - reduced, draft) : rank - 1;
  const form: KernelShape = { rank, reduced, lanes };
  const kernel = cache.get(draft.key(form, strides), (key) => write(key, draft, form, strides));

  const words = new Array<number>(layout.words(kernel)).fill(0);
  words[layout.end] = sizes[0]!;
  for (let l = 1; l < rank; l++) words[layout.size(l)] = sizes[l]!;
  const places: AddressArgument[] = [];
  for (let i = 0, at = layout.operand(kernel, 0); i < draft.operands.length; i++, at += 1 + rank) {
    const o = draft.operands[i]!;
    const bytes = o.use === "index" ? 1 : dtypeInfo[o.dtype].bytes;
    if (o.value === undefined) words[at] = o.offset;
    else {
      const address = decisions.addressOf(o.value);
      places.push({
        word: at,
        slot: address.slot,
        bytes: address.bytes + o.offset * bytes,
        write: o.use === "write",
      });
    }
    for (let l = 0; l < rank; l++) words[at + 1 + l] = strides[i]![l]! * bytes;
  }
  const numbers = draft.numbers.map(({ type, node, input }, slot): NumberArgument => ({
    word: layout.number(kernel, slot),
    type,
    node,
    input,
  }));
  const name = group.roots.map((root) => nameOf(root.op)).join("+");
  return { launch: { kind: "kernel", name, kernel, words, places, numbers }, unit: sizes[0]! / (shape[0] ?? 1) };
}

/** Drafts the work of the group; returns the axes that it reduces. */
function fill(draft: Draft, { stored, targets }: Decisions): readonly number[] {
  const { roots, shape } = draft.group;
  let axes: readonly number[] = none;
  for (const root of roots) {
    if (root.kind === "reduce") {
      const folded = (axes = root.attrs.axes);
      const line = draft.read(root.inputs[0]!);
      const kept = rowMajor(shape.map((d, a) => (folded.includes(a) ? 1 : d)));
      const operand = draft.write(
        root,
        kept.map((s, a) => (folded.includes(a) ? 0 : s)),
      );
      draft.reductions.push({ fn: root.op, operand, line });
    } else {
      const line = draft.value(root);
      const target = targets.get(root);
      if (!stored[root.id]! && target === undefined) continue;
      draft.stores.push({ operand: draft.write(root, target?.view.strides ?? rowMajor(shape)), line });
    }
  }
  return axes;
}

const none: readonly number[] = [];

/**
 * The loop that is cut into lanes: the last one, unless a reduction reads memory more contiguously along the last kept
 * loop.
 */
function lanesOf(strides: readonly (readonly number[])[], last: number, kept: number, draft: Draft): number {
  if (kept < 0) return last;
  let [along, across] = [0, 0];
  draft.operands.forEach((o, i) => {
    if (o.use !== "read") return;
    along += gain(strides[i]![last]!);
    across += gain(strides[i]![kept]!);
  });
  return across > along ? kept : last;
}

/** How much a read of four elements at a time gains: a loss if each must be loaded separately. */
const gain = (stride: number): number => (stride === 1 ? 1 : stride === 0 ? 0 : -1);

interface KernelShape {
  readonly rank: number;
  readonly reduced: number;
  readonly lanes: number;
}

function write(key: string, draft: Draft, form: KernelShape, strides: readonly Strides[]): Kernel {
  const k = new Builder();
  const values: V[] = [];
  for (const l of draft.lines) {
    if (l.t === "op")
      values.push(
        operation(
          k,
          l.op,
          l.args.map((a) => values[a]!),
          l.to,
        ),
      );
    else if (l.t === "number") values.push(k.number(l.slot, l.type));
    else if (l.t === "const") values.push(k.const(l.value, l.type));
    else values.push(l.t === "load" ? k.load(l.operand, l.type) : k.affine(l.operand));
  }
  return {
    key,
    ...form,
    operands: draft.operands.map((o, i): KernelOperand => ({
      use: o.use,
      dtype: o.dtype,
      step: stepOf(strides[i]![form.lanes]!),
    })),
    numbers: draft.numbers.map((n) => n.type),
    code: k.code,
    stores: draft.stores.map((s) => ({ operand: s.operand, value: values[s.line]! })),
    reductions: draft.reductions.map((r) => ({ fn: r.fn, operand: r.operand, value: values[r.line]! })),
  };
}

function operation(k: Builder, op: AnyOp, args: readonly V[], to: DType | undefined): V {
  if (typeof op === "object") return op.expression!(arithmeticOf(k, args[0]!), ...args);
  if (op === "randomBits" || op === "randomUniform") {
    const word = threefry(k, args[0]!, args[1]!, args[2]!, args[3]!);
    return op === "randomBits" ? word : uniform(k, word);
  }
  return expressions[op as ElementwiseOp](k, args, to === undefined ? undefined : { dtype: to });
}
