// Derivative rules against finite differences, in float64 on the reference: for each sample and each differentiable
// input, the derivatives of orders 1 and 2 along one random direction.
import { mul, scope, sum, type Tensor, type TypedArray } from "@weft/tensor";
import { isFloat } from "@weft/tensor/internals";
import type { Case } from "./case.ts";
import { like, slope } from "./evaluation.ts";
import { gradients } from "./gradient.ts";
import { openSync, type Reference } from "./reference.ts";
import { dataOf, differentiable, results, stream, type Collection, type Sample } from "./sample.ts";

/**
 * Differences of fourth order have an error of STEP⁴ times the fifth derivative; the rest is rounding, 10⁻¹⁶ / STEP.
 */
const STEP = 2e-4;
const RELATIVE = 1e-6;
/** Errors of derivatives smaller than this are relative to it, since rounding does not shrink with them. */
const SMALL = 1e-2;

/** (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h. */
const difference = (f: (t: number) => number): number =>
  (8 * (f(STEP) - f(-STEP)) - (f(2 * STEP) - f(-2 * STEP))) / (12 * STEP);

function close(what: string, rule: number, differences: number): void {
  const scale = Math.max(Math.abs(rule), Math.abs(differences), SMALL);
  if (!(Math.abs(rule - differences) <= RELATIVE * scale))
    throw new Error(`${what}: the rule gives ${rule}, differences give ${differences}`);
}

const inner = (g: Tensor, v: Tensor): number =>
  (g.backend as Reference & Tensor["backend"]).readSync!(sum(mul(g, v)))[0]!;

function check(title: string, sample: Sample): void {
  const backend = openSync();
  const data = dataOf(sample);
  const asked = differentiable(sample);
  const make = (values: TypedArray, i: number): Tensor =>
    backend.upload(values, sample.inputs[i]!.shape, sample.inputs[i]!.dtype);
  const call = (...xs: Tensor[]) => results(sample, xs);
  const xs = data.map(make);
  const seeds = call(...xs).map((y, i) => (isFloat(y.dtype) ? like(y, stream(`${title} seeds`, i)) : undefined));
  if (seeds.every((seed) => seed === undefined)) return;
  const value = (inputs: readonly Tensor[]): number =>
    call(...inputs).reduce((total, y, i) => (seeds[i] === undefined ? total : total + inner(y, seeds[i])), 0);
  for (const i of asked) {
    const v = like(xs[i]!, stream(`${title} directions`, i));
    const direction = backend.readSync(v);
    /** The inputs with input i moved by t along the direction. */
    const moved = (t: number): Tensor[] =>
      xs.map((x, k) =>
        k === i
          ? make(
              Float64Array.from(data[i]!, (element, n) => element + t * direction[n]!),
              i,
            )
          : x,
      );
    const at = (f: (inputs: readonly Tensor[]) => number) => (t: number) => scope(() => f(moved(t)));
    const [g] = gradients(call, xs, [i], seeds);
    close(`order 1, input ${i}`, inner(g!, v), difference(at(value)));
    if (sample.order === 1) continue;
    const along = (...inputs: Tensor[]): readonly Tensor[] => [slope(call, inputs, [i], seeds, [v])];
    const [second] = gradients(along, xs, [i]);
    const first = (inputs: readonly Tensor[]): number => backend.readSync(along(...inputs)[0]!)[0]!;
    close(`order 2, input ${i}`, inner(second!, v), difference(at(first)));
  }
}

/** The check of every sample that has derivatives, as cases. */
export const derivatives = (list: readonly Collection[]): Case[] =>
  list.flatMap(({ samples }) =>
    Object.entries(samples).flatMap(([name, all]) =>
      all
        .filter((sample) => sample.order !== 0 && differentiable(sample).length > 0)
        .map((sample) => ({
          name: `derivatives of ${name}: ${sample.name}`,
          run: async () => scope(() => check(`${name} ${sample.name}`, sample)),
        })),
    ),
  );
