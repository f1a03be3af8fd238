// Networks in plain numbers: what a model computes, written a second time, to compare with.

export type Vector = readonly number[];
/** A list of rows. */
export type Matrix = readonly Vector[];

export const times = (w: Matrix, x: Vector): number[] => w.map((row) => row.reduce((sum, a, i) => sum + a * x[i]!, 0));
export const plus = (...all: Vector[]): number[] => all[0]!.map((_, i) => all.reduce((sum, x) => sum + x[i]!, 0));
export const product = (a: Vector, b: Vector): number[] => a.map((x, i) => x * b[i]!);
export const sigma = (x: Vector): number[] => x.map((a) => 1 / (1 + Math.exp(-a)));
export const tanh = (x: Vector): number[] => x.map(Math.tanh);
export const part = (x: Vector, n: number, i: number): number[] =>
  x.slice((i * x.length) / n, ((i + 1) * x.length) / n);

/** −log softmax(scores)[label] */
export const surprise = (scores: Vector, label: number): number =>
  Math.log(scores.reduce((sum, s) => sum + Math.exp(s), 0)) - scores[label]!;

/** The outputs of an LSTM, step by step; gates in PyTorch's order i f g o, one bias. */
export function lstm(xs: Matrix, weightX: Matrix, weightH: Matrix, bias: Vector): Matrix {
  const units = bias.length / 4;
  let [h, c]: [Vector, Vector] = [new Array<number>(units).fill(0), new Array<number>(units).fill(0)];
  return xs.map((x) => {
    const sums = plus(times(weightX, x), times(weightH, h), bias);
    const gate = (at: number) => part(sums, 4, at);
    const [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)] as const;
    c = plus(product(sigma(f), c), product(sigma(i), tanh(g)));
    h = product(sigma(o), tanh(c));
    return h;
  });
}
