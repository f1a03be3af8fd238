// A few steps of each rule on a backend: the same numbers are wanted everywhere, merged or not.
import { param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import type { Creation } from "@weft/tensor";
import { expect } from "vitest";
import { accumulate, adafactor, adam, chain, clipValue, lion, muon, sgd, type Optimizer } from "../src/index.ts";

export const rules: Record<string, () => Optimizer> = {
  AMSGrad: () => adam({ lr: 0.1, beta2: 0.5, amsgrad: true }),
  lion: () => lion({ lr: 0.1, weightDecay: 0.1 }),
  adafactor: () => adafactor({ lr: 0.1 }),
  muon: () => muon({ fallback: sgd() }),
  accumulate: () => chain(accumulate(2), clipValue(0.5), adam({ lr: 0.1 })),
};

/** Numbers that look arbitrary, and are equal in f32. */
const wave = (n: number, seed: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.fround(Math.sin(seed + 1.7 * i + i * i)));

/** Parameters [3, 5], [4, 2] and [4], and gradients for them by step. */
export function problem({ tensor }: Creation) {
  const shapes = [[3, 5], [4, 2], [4]];
  const size = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
  const made = (seed: number) => shapes.map((shape, i) => tensor(wave(size(shape), seed + i), { shape }));
  const all = made(0).map((x) => param(x));
  return { all, gradients: (step: number) => made(10 * step).map((g, i) => ({ param: all[i]!, g })) };
}

async function values(backend: Creation, rule: Optimizer): Promise<number[][]> {
  const { all, gradients } = problem(backend);
  for (const step of [1, 2, 3]) rule.apply(gradients(step));
  return Promise.all(all.map(async (p) => [...((await p.value.data()) as Float32Array)]));
}

export async function compare(backend: Creation, make: () => Optimizer): Promise<void> {
  const [got, wanted] = [await values(backend, make()), await values(openSync({}), make())];
  got.forEach((x, i) => expect(x).toEqual(wanted[i]!.map((a) => expect.closeTo(a, 4))));
}
