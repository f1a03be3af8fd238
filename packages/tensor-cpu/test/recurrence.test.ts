// The steps of recurrent layers, each a single launch, against their fallbacks in float64; and in ranges of rows.
import { scope, type DType, type Tensor } from "@weft/tensor";
import {
  gruCell,
  lstmCell,
  reluCell,
  sequence,
  sequenceGrad,
  sizeOf,
  tanhCell,
  type Recurrence,
  type SequenceAttrs,
} from "@weft/tensor/internals";
import { expect, test } from "vitest";
import { callsWith } from "../src/calls/index.ts";
import type { Call, Results } from "../src/calls/call.ts";
import { openSync, type CpuBackend } from "../src/index.ts";
import { dense, generator, machine } from "./guarded.ts";

const cells: readonly Recurrence[] = [lstmCell, gruCell, reluCell, tanhCell];
const sizes = [
  { T: 1, B: 1, H: 1 },
  { T: 4, B: 1, H: 5 },
  { T: 3, B: 2, H: 50 },
  { T: 2, B: 7, H: 30 },
  { T: 3, B: 30, H: 6 },
  { T: 2, B: 33, H: 64 },
];
const cases = cells.flatMap((cell) =>
  sizes.flatMap((size, i) => {
    const lengths = i % 2 === 0 ? undefined : Int32Array.from({ length: size.B }, (_, row) => (row % (size.T + 2)) - 1);
    return [{ cell, ...size, reverse: i % 3 === 0, lengths, name: `${cell.name} ${size.T}×${size.B}×${size.H}` }];
  }),
);

test.each(cases)("$name, one launch a way, as the fallback in float64", ({ cell, T, B, H, reverse, lengths }) => {
  const { parts, apart, others } = cell;
  const r = generator(T * 100 + B * 10 + H);
  const numbers = (...shape: number[]) => ({ shape, data: r.array("f64", sizeOf(shape)) });
  const given = numbers(T, B, parts * H);
  const firsts = ["h", ...others].map(() => numbers(B, H));
  const weights = [numbers(parts * H, H), ...(apart ? [numbers(parts * H)] : [])];
  const gs = [numbers(T, B, H), ...others.map(() => numbers(B, H))];
  const computed = (backend: CpuBackend, dtype: DType) =>
    scope(() => {
      const on = ({ shape, data }: typeof given): Tensor => backend.tensor(data, { shape, dtype });
      const options = { reverse, ...(lengths && { lengths: backend.tensor(lengths) }) };
      const states = firsts.map(on);
      const [whh, bhh] = weights.map(on) as [Tensor, Tensor?];
      const steps = sequence(cell, on(given), states, bhh === undefined ? [whh] : [whh, bhh], options);
      const back = sequenceGrad(cell, steps, states, whh, gs.map(on), options);
      const before = backend.stats().launches;
      const all = [...steps.states, back.given, back.recurrent, ...back.others, ...(back.h === undefined ? [] : [back.h])]; // prettier-ignore
      const found = all.map((x) => Array.from(x.dataSync() as Float32Array));
      return { found, launches: backend.stats().launches - before };
    });
  const { found, launches } = computed(openSync({}), "f32");
  expect(launches).toBe(2);
  const wanted = computed(openSync({}), "f64").found;
  found.forEach((list, k) => {
    const largest = Math.max(1, ...wanted[k]!.map(Math.abs));
    list.forEach((x, i) => expect(Math.abs(x - wanted[k]![i]!) / largest).toBeLessThan(3e-6));
  });
});

test.each(cells)("$name: ranges of rows give the same bits, and write nothing else", (cell) => {
  const { parts, gates, apart, others, kept } = cell;
  const [T, B, H] = [3, 11, 6];
  const calls = callsWith([]);
  const [all, state, wide] = [[T, B, H], [B, H], [T, B, parts * H]]; // prettier-ignore
  const weights = [parts * H, H];
  const gated = gates > 0 ? [[gates, ...all]] : [];
  const operand = (shape: readonly number[], dtype: DType = "f32") => ({ shape, dtype, strides: dense(shape) });
  const forms = [
    {
      op: cell.op,
      inputs: [wide, state, ...others.map(() => state), weights, ...(apart ? [[parts * H]] : [])],
      outs: [...gated, ...others.map(() => all), all],
    },
    {
      op: cell.gradOp,
      inputs: [...gated, all, ...(kept.before ? [state] : []), weights, all, ...others.map(() => state)],
      outs: [wide, ...(apart ? [wide] : []), ...others.map(() => state), state],
    },
  ];
  for (const { op, inputs, outs } of forms) {
    const m = machine(true, 256);
    const lengths = operand([B], "i32");
    const call = calls.get(op) as Call<SequenceAttrs>;
    const given = [...inputs.map((shape) => operand(shape)), lengths];
    const { units, scratch, run } = call.prepare(m, { reverse: false }, outs.map((s) => operand(s)) as unknown as Results<ReturnType<typeof operand>>, given); // prettier-ignore
    expect(units).toBe(B);
    m.u8.fill(0xff);
    let top = 64;
    const place = (bytes: number): number => (top += (bytes + 191) & ~63) - ((bytes + 191) & ~63);
    const r = generator(7);
    const from = given.map(({ shape, dtype }) => {
      const at = place(4 * sizeOf(shape));
      if (dtype === "i32")
        m.i32.set(
          Int32Array.from({ length: B }, (_, row) => row % (T + 1)),
          at >>> 2,
        );
      else m.f32.set(r.array("f32", sizeOf(shape)) as Float32Array, at >>> 2);
      return at;
    });
    const to = outs.map((shape) => place(4 * sizeOf(shape))) as [number, ...number[]];
    const end = top;
    const s = place(scratch);
    const common = { tables: 0, first: 0, fault: 0 };
    run(to, from, s, 0, B, common);
    const whole = m.u8.slice(0, end);
    for (const size of [1, 2, 4]) {
      to.forEach((at, k) => m.u8.fill(0xff, at, at + 4 * sizeOf(outs[k]!)));
      for (let begin = B - 1 - ((B - 1) % size); begin >= 0; begin -= size) {
        m.u8.fill(0xff, s, s + scratch);
        run(to, from, s, begin, Math.min(B, begin + size), common);
      }
      expect(Buffer.compare(Buffer.from(m.u8.slice(0, end)), Buffer.from(whole)), `${op.name} by ${size}`).toBe(0);
    }
  }
});
