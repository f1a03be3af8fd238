// The parameters of recurrent layers: their names, shapes and initial values.
import type { Param } from "@weft/autograd";
import { ArgumentError } from "@weft/tensor";
import { callable, positiveCount, readValue, text } from "@weft/tensor/internals";
import { fanInUniform, ones, partFilled, zeros, type Initializer } from "../initializers.ts";
import { parameter } from "../parameter.ts";
import { weightShapes, type Net, type Structure, type Weights } from "./cell.ts";
import { structureOf } from "./recurrence.ts";

/** What the parameters of a layer depend on. */
export interface Plan extends Structure {
  readonly features: number;
  readonly units: number;
  /** Features of h: fewer than units with a projection. */
  readonly outputs: number;
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly init?: Initializer | undefined;
  readonly biasInit?: Initializer | undefined;
  readonly forgetBias?: number | undefined;
}

/** The endings of the names of parameters, one per layer and direction. */
export const suffixes = (layers: number, bidirectional: boolean): string[] =>
  Array.from({ length: layers }, (_, l) => (bidirectional ? [`l${l}`, `l${l}_reverse`] : [`l${l}`])).flat();

/** The parameters of all layers and directions, in the order in which functions take them. */
export function parametersOf(net: Net, plan: Plan): Record<string, Param> {
  const { features, units, outputs, layers, bidirectional, forgetBias } = plan;
  const { init = fanInUniform(units), biasInit = fanInUniform(units) } = plan;
  /** The same, but `value` for the forget gate of an LSTM. */
  const forgetting = (value: number): Initializer => {
    const first = net.cell.names.indexOf("f") * units;
    return partFilled(biasInit, value, first, first + units);
  };
  const inits: Readonly<Record<keyof Weights<unknown>, Initializer>> = {
    weight_ih: init,
    weight_hh: init,
    bias_ih: forgetBias === undefined ? biasInit : forgetting(forgetBias),
    bias_hh: forgetBias === undefined ? biasInit : forgetting(0),
    weight_hr: init,
    weight_peephole: init,
    weight_norm_ih: ones(),
    weight_norm_hh: ones(),
    weight_norm_c: ones(),
    bias_norm_c: zeros(),
  };
  const directions = bidirectional ? 2 : 1;
  const fields: Record<string, Param> = {};
  for (const [k, suffix] of suffixes(layers, bidirectional).entries()) {
    const layer = Math.floor(k / directions);
    const widths = { features: layer === 0 ? features : outputs * directions, units, outputs };
    const shapes = weightShapes(net, structureOf(plan, layer), widths);
    for (const [name, shape] of Object.entries(shapes) as [keyof typeof inits, readonly number[]][])
      fields[`${name}_${suffix}`] = parameter(shape, inits[name]);
  }
  return fields;
}

/**
 * Fills each of so many blocks of rows by itself: a recurrent weight has one block per gate (LSTM 4, GRU 3), and
 * xavier's range depends on the number of rows. So Knet initializes its layers.
 *
 * @example
 * const rnn = LSTM({ in: 84, hidden: 256, init: perGate(4, xavier()), biasInit: zeros(), forgetBias: 2 });
 */
export function perGate(gates: number, init: Initializer): Initializer {
  readValue("perGate", "gates", gates, positiveCount);
  readValue("perGate", "init", init, callable);
  return (shape, draws) => {
    const [rows = 0, ...rest] = shape;
    if (rows % gates !== 0) throw new ArgumentError(`perGate: wanted a multiple of ${gates} rows, got ${text(shape)}`);
    return Array.from({ length: gates }, () => Array.from(init([rows / gates, ...rest], draws))).flat();
  };
}
