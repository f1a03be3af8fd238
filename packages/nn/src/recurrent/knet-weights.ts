// The weights of recurrent layers as Knet has them: by layer, gate and kind, and all of them in one vector.
import type { Param } from "@weft/autograd";
import { ArgumentError, concat, readTensor, reshape, ShapeError, slice, type Operand, type Tensor } from "@weft/tensor";
import { inNameOf, oneOf, positiveCount, readValue, sizeOf, together, text } from "@weft/tensor/internals";
import { anatomyOf, type GRU, type LSTM } from "./layers.ts";
import { suffixes } from "./parameters.ts";

/** A layer that `RNN`, `LSTM` or `GRU` made. */
type Recurrent = LSTM | GRU;

/** The parameters of each layer and direction: input and recurrent weight, input and recurrent bias, if it has them. */
interface Parts {
  readonly gates: number;
  readonly layers: readonly {
    readonly weights: readonly [Param | undefined, Param];
    readonly biases: readonly [Param | undefined, Param | undefined];
  }[];
}

function partsOf(name: string, rnn: Recurrent): Parts {
  const anatomy = anatomyOf(rnn);
  if (anatomy === undefined) throw new ArgumentError(`${name}: wanted a layer made by RNN, LSTM or GRU`);
  const fields = rnn as unknown as Readonly<Record<string, Param | undefined>>;
  if (["weight_hr_l0", "weight_peephole_l0", "weight_norm_hh_l0"].some((field) => fields[field] !== undefined))
    throw new ArgumentError(`${name}: Knet has no layers with a projection, peepholes or layer normalization`);
  if (fields["bias_ih_l0"] !== undefined && fields["bias_hh_l0"] === undefined)
    throw new ArgumentError(`${name}: Knet has no layers with one bias (recurrentBias: false)`);
  const layers = suffixes(anatomy.layers, anatomy.bidirectional).map((suffix) => ({
    weights: [fields[`weight_ih_${suffix}`], fields[`weight_hh_${suffix}`]!] as const,
    biases: [fields[`bias_ih_${suffix}`], fields[`bias_hh_${suffix}`]] as const,
  }));
  return { gates: anatomy.net.cell.parts, layers };
}

/**
 * One weight or bias of a gate, with its gradient. `layer` counts from 1, first forward, then backward, then the next
 * layer; `par` 1 is the weight `[hidden, in]`, 2 the bias `[hidden]`. `id` counts from 1: the gates of the input, then
 * those of the state, in the order i f g o of an LSTM or r z n of a GRU. Null where the layer has none. Throws an
 * ArgumentError if there is no such layer or id. Like Knet's `rnnparam`, whose axes run the other way.
 *
 * @example
 * const rnn = LSTM({ in: 8, hidden: 3 });
 * rnn(randn([5, 2, 8])); // parameters have values once they have met data
 * rnnparam(rnn, 1, 6, 2)?.shape; // [3]
 */
export function rnnparam(rnn: Recurrent, layer: number, id: number, par: 1 | 2): Tensor | null {
  const { gates, layers } = partsOf("rnnparam", rnn);
  readValue("rnnparam", "layer", layer, positiveCount);
  readValue("rnnparam", "id", id, positiveCount);
  readValue("rnnparam", "par", par, oneOf(1, 2));
  const own = layers[layer - 1];
  if (own === undefined || id > 2 * gates)
    throw new ArgumentError(
      `rnnparam: wanted a layer up to ${layers.length} and an id up to ${2 * gates}, got ${layer} and ${id}`,
    );
  const whole = (par === 1 ? own.weights : own.biases)[id <= gates ? 0 : 1];
  if (whole === undefined) return null;
  return inNameOf("rnnparam", () => {
    const x = readTensor(whole, "rnnparam");
    const [rows, ...rest] = x.shape as [number, ...number[]];
    const [each, gate] = [rows / gates, (id - 1) % gates];
    return slice(x, { starts: [gate * each, ...rest.map(() => 0)], ends: [(gate + 1) * each, ...rest] });
  });
}

/**
 * All weights of `rnnparam`, by layer and id, and after them all biases. Like Knet's `rnnparams`.
 *
 * @example
 * const rnn = GRU({ in: 8, hidden: 3 });
 * rnn(randn([5, 2, 8]));
 * rnnparams(rnn).length; // 12
 */
export function rnnparams(rnn: Recurrent): (Tensor | null)[] {
  const { gates, layers } = partsOf("rnnparams", rnn);
  const ids = Array.from({ length: 2 * gates }, (_, i) => i + 1);
  return ([1, 2] as const).flatMap((par) => layers.flatMap((_, l) => ids.map((id) => rnnparam(rnn, l + 1, id, par))));
}

/** The parameters in the order of Knet's vector: all weights, then all biases. */
function inOrder(name: string, rnn: Recurrent): Param[] {
  const { layers } = partsOf(name, rnn);
  return [...layers.flatMap(({ weights }) => weights), ...layers.flatMap(({ biases }) => biases)].filter(
    (p) => p !== undefined,
  );
}

/**
 * All weights in one vector, in the order of Knet's `rnn.w` (`vec(value(rnn.w))` there).
 *
 * @example
 * const rnn = GRU({ in: 8, hidden: 3 });
 * rnn(randn([5, 2, 8]));
 * toKnetWeights(rnn).shape; // [117]
 */
export const toKnetWeights = (rnn: Recurrent): Tensor =>
  inNameOf("toKnetWeights", () =>
    concat(
      inOrder("toKnetWeights", rnn).map((p) => reshape(readTensor(p, "toKnetWeights"), [-1])),
      { axis: 0 },
    ),
  );

/**
 * Gives a layer the weights of Knet's `rnn.w`, of any shape: the layer must be built as the one in Knet was (type,
 * sizes, layers, `bidirectional`, `skipInput`). Throws a ShapeError if there are more or fewer numbers.
 *
 * @example
 * const rnn = GRU({ in: 8, hidden: 3 });
 * fromKnetWeights(rnn, randn([1, 1, 117]));
 */
export function fromKnetWeights(rnn: Recurrent, weights: Operand): void {
  const name = "fromKnetWeights";
  const all = inOrder(name, rnn);
  const given = readTensor(weights, name);
  const wanted = all.reduce((n, p) => n + sizeOf(p.shape), 0);
  if (given.size !== wanted)
    throw new ShapeError(`${name}: wanted ${wanted} numbers for these layers, got ${text(given.shape)}`);
  const flat = reshape(given, [-1]);
  let at = 0;
  together(() => {
    for (const p of all) {
      const to = at + sizeOf(p.shape);
      p.value = reshape(slice(flat, { starts: [at], ends: [to] }), p.shape);
      at = to;
    }
  });
}
