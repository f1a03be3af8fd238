// The cells that recurrent networks are built of, and the weights of one layer in one direction.
import { gruCell, lstmCell, reluCell, tanhCell, type Recurrence } from "@weft/tensor/internals";

/** A cell under the name of the functions of this package. */
export interface Net {
  readonly name: string;
  readonly cell: Recurrence;
}

export const lstmNet: Net = { name: "lstm", cell: lstmCell };
export const gruNet: Net = { name: "gru", cell: gruCell };
export const rnnNets = {
  relu: { name: "rnn", cell: reluCell },
  tanh: { name: "rnn", cell: tanhCell },
} as const satisfies Readonly<Record<string, Net>>;

/** The gates of an LSTM that see c, in the order of their blocks of the peepholes' weight: o after the step. */
export const peepholeGates = ["i", "f", "o"] as const;

/** Which weights a layer has in one direction. */
export interface Structure {
  readonly bias: boolean;
  /** Whether h has a bias, too. */
  readonly recurrentBias: boolean;
  /** No input weight: each gate gets x itself. */
  readonly skipInput: boolean;
  /** h is the product of what the cell gives with a weight. */
  readonly projection: boolean;
  /** The gates of an LSTM also see c. */
  readonly peepholes: boolean;
  readonly layerNorm: boolean;
}

/** Sizes of one layer in one direction: features of x, units, and features of h. */
export interface Widths {
  readonly features: number;
  readonly units: number;
  readonly outputs: number;
}

/** The weights of one layer in one direction, in the order in which functions take them. Names are PyTorch's. */
export interface Weights<T> {
  readonly weight_ih?: T;
  readonly weight_hh: T;
  readonly bias_ih?: T;
  readonly bias_hh?: T;
  readonly weight_hr?: T;
  readonly weight_peephole?: T;
  readonly weight_norm_ih?: T;
  readonly weight_norm_hh?: T;
  readonly weight_norm_c?: T;
  readonly bias_norm_c?: T;
}

/** The names of the weights, with their shapes. */
export function weightShapes(
  { cell }: Net,
  { bias, recurrentBias, skipInput, projection, peepholes, layerNorm }: Structure,
  { features, units, outputs }: Widths,
): Weights<readonly number[]> {
  const width = cell.parts * units;
  const hasCells = cell.others.length > 0;
  return {
    ...(skipInput ? {} : { weight_ih: [width, features] }),
    weight_hh: [width, outputs],
    ...(bias ? { bias_ih: [width] } : {}),
    ...(bias && recurrentBias ? { bias_hh: [width] } : {}),
    ...(projection ? { weight_hr: [outputs, units] } : {}),
    ...(peepholes ? { weight_peephole: [peepholeGates.length * units] } : {}),
    ...(layerNorm ? { weight_norm_ih: [width], weight_norm_hh: [width] } : {}),
    ...(layerNorm && hasCells ? { weight_norm_c: [units] } : {}),
    ...(layerNorm && hasCells && bias ? { bias_norm_c: [units] } : {}),
  };
}
