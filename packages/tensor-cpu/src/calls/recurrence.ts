// The steps of a recurrent layer and their gradient. A range of rows goes through all steps; in each of them a product
// with the recurrent weights, then one elementwise kernel, which is the formula of the cell.
import { backwardOperands, forwardOperands, type Cell, type SequenceKernel } from "@weft/tensor/internals";
import { arithmeticOf, Builder, layout, type Kernel, type KernelOperand, type V } from "@weft/kernel";
import { fits } from "../translate/fits.ts";
import { writeKernel } from "../translate/index.ts";
import { aligned, dense, machineCode, type Call, type CallMemory, type Operand } from "./call.ts";
import { product, type Ranges } from "./product.ts";

/** Lengths are integers. */
const SEQUENCE_DTYPES = { dtypes: ["f32", "i32"] } as const;

/** What an address at a step depends on. */
interface Moment {
  /** The step, and the ones that are run just before and after it, if there are such. */
  readonly t: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly to: readonly number[];
  readonly from: readonly number[];
  /** Of the product. */
  readonly product: number;
}

type Place = (at: Moment) => number;

/** An operand of the cell's kernel: `count` matrices of numbers [B, H], `apart` bytes from one to the next. */
interface Block {
  readonly use: "read" | "write" | "lengths";
  readonly count: number;
  readonly apart: number;
  /** The bytes from one row to the next. */
  readonly row: number;
  /** The address of the first row of all. */
  readonly place: Place;
}

/** What is done in each step. */
interface Steps {
  readonly name: string;
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
  readonly reverse: boolean;
  /** The product of `rows`, of which there may be none at the first step, with the weights: so many columns. */
  readonly product: Ranges;
  readonly columns: number;
  readonly rows: (at: Moment) => number | undefined;
  readonly weights: Place;
  /** Results `[B, H]` that begin with zeros. */
  readonly cleared: readonly number[];
  readonly blocks: readonly Block[];
  /** The values to write, from those of each block that is read. */
  readonly formula: (k: Builder, alive: V | undefined, ...read: V[][]) => readonly (readonly V[])[];
}

const one = (use: Block["use"], row: number, place: Place): Block => ({ use, count: 1, apart: 0, row, place });

/** The kernel of a step, and its arguments but for addresses and the step. */
function cellKernel(m: CallMemory, { name, batch, units, blocks, formula }: Steps) {
  const k = new Builder();
  const operands: KernelOperand[] = [];
  const stores: number[] = [];
  const read: V[][] = [];
  let alive: V | undefined;
  for (const { use, count } of blocks) {
    const first = operands.length;
    const places = Array.from({ length: count }, (_, j) => first + j);
    const whole = use === "lengths";
    for (const _ of places)
      operands.push({
        use: use === "write" ? "write" : "read",
        dtype: whole ? "i32" : "f32",
        step: whole ? "still" : "unit",
      });
    if (use === "write") stores.push(...places);
    else if (whole) alive = k.apply("lt", [k.number(0, "i32"), k.load(first, "i32")], "bool");
    else read.push(places.map((place) => k.load(place, "f32")));
  }
  const values = formula(k, alive, ...read).flat();
  const kernel: Kernel = {
    key: name,
    rank: 2,
    reduced: 0,
    lanes: 1,
    operands,
    numbers: alive === undefined ? [] : ["i32"],
    code: k.code,
    stores: stores.map((operand, i) => ({ operand, value: values[i]! })),
    reductions: [],
  };
  const words = new Int32Array(layout.words(kernel));
  words[layout.size(1)] = units;
  let operand = 0;
  const addresses = blocks.map(({ use, count, apart, row, place }) => {
    const word = layout.operand(kernel, operand);
    for (let j = 0; j < count; j++) {
      const own = layout.operand(kernel, operand++);
      words[own + 1] = row;
      words[own + 2] = use === "lengths" ? 0 : 4;
    }
    return { word, apart, row, place, count };
  });
  const memory = fits(kernel, batch * units, m) ? m : m.wasm;
  const { run } = machineCode<"run">(memory, name, (module, machine) => writeKernel(module, kernel, machine));
  return { run, words, addresses, step: alive === undefined ? undefined : layout.number(kernel, 0) };
}

/** The least rows of a range, where there are several threads. */
const ROWS = 12;

/** The words of an operand: its address, and what it moves on in each of the two loops. */
const OPERAND_WORDS = 3;

const sequence = <A>(
  stepsOf: (m: CallMemory, attrs: A, outs: readonly Operand[], inputs: readonly Operand[]) => Steps,
) =>
  dense<A>((m, attrs, outs, inputs) => {
    const all = stepsOf(m, attrs, outs, inputs);
    const { steps, batch, units, reverse, product: recurrent, columns } = all;
    const kernel = cellKernel(m, all);
    const at = (i: number): number | undefined => (i < 0 || i >= steps ? undefined : reverse ? steps - 1 - i : i);
    const sums = aligned(kernel.words.byteLength);
    const rest = sums + aligned(4 * batch * columns);
    // Each range packs the weights, once for all steps.
    const grain = m.threads > 1 ? Math.min(recurrent.grain ?? 1, ROWS) : (recurrent.grain ?? 1);
    return {
      units: batch,
      grain,
      products: steps * batch * columns * units,
      scratch: rest + recurrent.scratch,
      run(to, from, s, begin, end) {
        for (let i = 0; i < kernel.words.length; i++) m.put(s + 4 * i, kernel.words[i]!);
        // A product of a single row is divided by its columns, and done whole.
        const [first, last] = batch === 1 ? [0, columns] : [begin, end];
        for (const k of all.cleared) m.clear(to[k]! + 4 * begin * units, 4 * (end - begin) * units);
        let again = false;
        for (let i = 0; i < steps; i++) {
          const now = { t: at(i)!, before: at(i - 1), after: at(i + 1), to, from, product: s + sums };
          const rows = all.rows(now);
          if (rows === undefined) m.clear(s + sums + 4 * begin * columns, 4 * (end - begin) * columns);
          else {
            recurrent.run(rows, all.weights(now), s + sums, s + rest, first, last, again);
            again = true;
          }
          for (const { word, count, apart, row, place } of kernel.addresses) {
            const address = place(now) + begin * row;
            for (let j = 0; j < count; j++) m.put(s + 4 * (word + j * OPERAND_WORDS), address + j * apart);
          }
          if (kernel.step !== undefined) m.put(s + 4 * kernel.step, now.t);
          kernel.run(s, 0, end - begin);
        }
      },
    };
  }, SEQUENCE_DTYPES);

/** A product of rows that lie one after the other, of so many numbers. */
const rows = (n: number) => ({ order: "rows", step: 4 * n }) as const;

const forward = <A>(cell: Cell, reverse: SequenceKernel<A>["reverse"]) =>
  sequence<A>((m, attrs, _, inputs) => {
    const { name, parts, gates, apart, forward: formula } = cell;
    const [steps, batch, width] = inputs[0]!.shape as [number, number, number];
    const units = width / parts;
    const [row, wide] = [4 * units, 4 * width];
    const state = batch * row;
    /** The places of the operands. */
    const at = forwardOperands(cell, [...inputs.keys()]);
    const { bhh, lengths } = at;
    const part = { use: "read", count: parts, apart: row } as const;
    const results = gates > 0 ? 1 : 0;
    /** The states before a step, the others and then h: the first ones, then results. */
    const states = [...at.others, at.h].map(
      (first, k): Place =>
        ({ before, from, to }) =>
          before === undefined ? from[first]! : to[results + k]! + before * state,
    );
    return {
      name: `${name} step${lengths === undefined ? "" : ", with lengths"}`,
      steps,
      batch,
      units,
      columns: width,
      reverse: reverse(attrs),
      rows: states.at(-1)!,
      cleared: [],
      product: product(m, batch, width, units, rows(units), { order: "columns", step: row }),
      weights: ({ from }) => from[at.whh]!,
      blocks: [
        { ...part, row: wide, place: (now) => now.product },
        { ...part, row: wide, place: ({ from, t }) => from[at.given]! + t * batch * wide },
        ...(bhh === undefined ? [] : [{ ...part, row: 0, place: ({ from }: Moment) => from[bhh]! }]),
        ...states.map((before) => one("read", row, before)),
        ...(lengths === undefined ? [] : [one("lengths", 4, ({ from }) => from[lengths]!)]),
        { use: "write", count: gates, apart: steps * state, row, place: ({ to, t }) => to[0]! + t * state },
        ...states.map((_, k) => one("write", row, ({ to, t }) => to[results + k]! + t * state)),
      ],
      formula(b, alive, sums, given, ...rest) {
        const k = arithmeticOf(b, sums![0]!);
        const added = apart ? rest.shift()! : given!;
        const all = sums!.map((x, j) => k.add(x, added[j]!));
        return formula(k, alive, ...all, ...(apart ? given! : []), ...rest.flat());
      },
    };
  });

const backward = <A>(cell: Cell, reverse: SequenceKernel<A>["reverse"]) =>
  sequence<A>((m, attrs, outs, inputs) => {
    const { name, parts, gates, apart, kept } = cell;
    const [steps, batch, width] = outs[0]!.shape as [number, number, number];
    const units = width / parts;
    const [row, wide] = [4 * units, 4 * width];
    const state = batch * row;
    /** The places of the operands. */
    const at = backwardOperands(cell, [...inputs.keys()]);
    const { first, lengths } = at;
    const given = apart ? 2 : 1;
    /** Where h passes its gradient on by another way than the weights: a result that each step reads and writes. */
    const passed = cell.passes || lengths !== undefined ? [given + at.gs.length] : [];
    const result = (use: Block["use"], k: number) => one(use, row, ({ to }) => to[k]!);
    const sums = Array.from({ length: given }, (_, k): Block => {
      return { use: "write", count: parts, apart: row, row: wide, place: ({ to, t }) => to[k]! + t * batch * wide };
    });
    return {
      name: `${name} step back${lengths === undefined ? "" : ", with lengths"}`,
      steps,
      batch,
      units,
      columns: units,
      reverse: !reverse(attrs),
      cleared: passed,
      product: product(m, batch, units, width, rows(width), rows(units)),
      rows: ({ before, to }) => (before === undefined ? undefined : to[given - 1]! + before * batch * wide),
      weights: ({ from }) => from[at.whh]!,
      blocks: [
        one("read", row, (now) => now.product),
        ...passed.map((k) => result("read", k)),
        one("read", row, ({ from, t }) => from[at.gy]! + t * state),
        { use: "read", count: gates, apart: steps * state, row, place: ({ from, t }) => from[at.gates!]! + t * state },
        ...(kept.after ? [one("read", row, ({ from, t }) => from[at.states]! + t * state)] : []),
        ...(first === undefined
          ? []
          : [
              one("read", row, ({ from, after }) =>
                after === undefined ? from[first]! : from[at.states]! + after * state,
              ),
            ]),
        ...at.gs.map((g, k) =>
          one("read", row, ({ before, from, to }) => (before === undefined ? from[g]! : to[given + k]!)),
        ),
        ...(lengths === undefined ? [] : [one("lengths", 4, ({ from }) => from[lengths]!)]),
        ...sums,
        ...at.gs.map((_, k) => result("write", given + k)),
        ...passed.map((k) => result("write", k)),
      ],
      formula(b, alive, ...read) {
        const rest = read.flat();
        const k = arithmeticOf(b, rest[0]!);
        const through = rest.shift()!;
        const d = passed.length > 0 ? k.add(rest.shift()!, through) : through;
        return cell.backward(k, alive, ...rest.slice(1), k.add(rest[0]!, d));
      },
    };
  });

/** The call of an operation over the steps of a sequence. */
export const sequenceCall = <A>({ cell, back, reverse }: SequenceKernel<A>): Call<A> =>
  back ? backward(cell, reverse) : forward(cell, reverse);
