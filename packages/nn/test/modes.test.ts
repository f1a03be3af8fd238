// Everything that has a mode heeds it: on inside `diff`, as `training` says, or as the option of one call does. So saliency
// maps, adversarial examples and gradient penalties are those of the model as it is used.
import { diff, grad, state, type State } from "@weft/autograd";
import { add, mul, norm, sign, square, sub, sum, type Operand, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { describe, expect, test } from "vitest";
import { everything } from "../../../test/extent.ts";
import {
  AlphaDropout,
  alphaDropout,
  Attention,
  attention,
  BatchNorm,
  batchNorm,
  Chain,
  Dropout,
  dropout,
  GRU,
  InstanceNorm,
  instanceNorm,
  Linear,
  LSTM,
  Residual,
  RNN,
  rnn,
  training,
  TransformerDecoder,
  TransformerDecoderBlock,
  TransformerEncoder,
  TransformerEncoderBlock,
} from "../src/index.ts";
import { efficientnet_b0, mobilenet_v3_small, resnet18 } from "../src/models/index.ts";

const { ones, randn, tensor, zeros } = openSync({ seed: 5 });

/** What has a mode: how it is called, on what, and the states that training updates. */
interface Moded {
  readonly call: (x: Operand, mode?: boolean) => Tensor;
  readonly shape: readonly number[];
  readonly states?: readonly State[];
}
type WithMode = (x: Operand, options?: { readonly training?: boolean }) => Tensor;

const layerOf = (f: WithMode, shape: readonly number[], states?: readonly State[]): Moded => ({
  call: (x, mode) => (mode === undefined ? f(x) : f(x, { training: mode })),
  shape,
  ...(states && { states }),
});
const sizes = { in: 4, hidden: 6, layers: 2 };
const blocks = { features: 4, heads: 2, hidden: 8, dropout: 0.5 };
const memory = randn([3, 2, 4], { seed: 2 });
const moments = (n: BatchNorm | InstanceNorm): State[] => [n.running_mean!, n.running_var!];
const weights = (gates: number): Operand[] => [randn([gates * 6, 4], { seed: 3 }), randn([gates * 6, 6], { seed: 4 })];

const table: Record<string, () => Moded> = {
  dropout: () => layerOf((x, o) => dropout(x, 0.5, o), [8, 8]),
  "dropout of channels": () => layerOf((x, o) => dropout(x, 0.5, { channels: true, ...o }), [8, 8, 2]),
  alphaDropout: () => layerOf((x, o) => alphaDropout(x, 0.5, o), [8, 8]),
  attention: () => layerOf((x, o) => attention(x, x, x, { dropout: 0.5, ...o }), [2, 8, 4]),
  batchNorm: () => {
    const [runningMean, runningVar] = [state(zeros([4])), state(ones([4]))];
    return layerOf(
      (x, o) => batchNorm(x, null, null, { runningMean, runningVar, ...o }),
      [8, 4],
      [runningMean, runningVar],
    );
  },
  instanceNorm: () => {
    const [runningMean, runningVar] = [state(zeros([4])), state(ones([4]))];
    return layerOf(
      (x, o) => instanceNorm(x, null, null, { runningMean, runningVar, ...o }),
      [2, 4, 5],
      [runningMean, runningVar],
    );
  },
  rnn: () => {
    const [a, b] = [weights(1), [randn([6, 6], { seed: 5 }), randn([6, 6], { seed: 6 })]];
    return layerOf((x, o) => rnn(x, null, [...a, ...b], { layers: 2, dropout: 0.5, bias: false, ...o }).y, [3, 2, 4]);
  },
  Dropout: () => layerOf(Dropout(0.5), [8, 8]),
  AlphaDropout: () => layerOf(AlphaDropout(0.5), [8, 8]),
  BatchNorm: () => {
    const f = BatchNorm(4);
    return layerOf(f, [8, 4], moments(f));
  },
  InstanceNorm: () => {
    const f = InstanceNorm(4, { track: true });
    return layerOf(f, [2, 4, 5], moments(f));
  },
  LSTM: () => layerOf(LSTM({ ...sizes, dropout: 0.5 }), [3, 2, 4]),
  "LSTM, inputs and states": () => layerOf(LSTM({ ...sizes, inputDropout: 0.5, recurrentDropout: 0.5 }), [3, 2, 4]),
  GRU: () => layerOf(GRU({ ...sizes, dropout: 0.5, variational: true }), [3, 2, 4]),
  RNN: () => layerOf(RNN({ type: "tanh", ...sizes, inputDropout: 0.5 }), [3, 2, 4]),
  Attention: () => {
    const f = Attention({ features: 4, heads: 2, dropout: 0.5 });
    return layerOf((x, o) => f(x, o ?? {}), [8, 2, 4]);
  },
  TransformerEncoderBlock: () => layerOf(TransformerEncoderBlock(blocks), [3, 2, 4]),
  TransformerDecoderBlock: () => {
    const f = TransformerDecoderBlock(blocks);
    return layerOf((x, o) => f(x, memory, o), [3, 2, 4]);
  },
  TransformerEncoder: () => layerOf(TransformerEncoder({ ...blocks, layers: 2 }), [3, 2, 4]),
  TransformerDecoder: () => {
    const f = TransformerDecoder({ ...blocks, layers: 2 });
    return layerOf((x, o) => f(x, memory, o), [3, 2, 4]);
  },
  Chain: () => {
    const f = BatchNorm(5);
    return layerOf(Chain(Linear(4, 5), Chain(f, Dropout(0.5)), Linear(5, 5)), [8, 4], moments(f));
  },
  Residual: () => {
    const f = BatchNorm(4);
    return layerOf(Residual(Chain(Linear(4, 4), f), Dropout(0.5)), [8, 4], moments(f));
  },
  ...(everything && {
    mobilenet_v3_small: () => layerOf(mobilenet_v3_small({ numClasses: 3 }), [2, 3, 8, 8]),
    efficientnet_b0: () => layerOf(efficientnet_b0({ numClasses: 3 }), [2, 3, 8, 8]),
    resnet18: () => layerOf(resnet18({ numClasses: 3 }), [2, 3, 8, 8]),
  }),
};

describe.each(Object.entries(table))("%s", (_, make) => {
  const { call, shape, states = [] } = make();
  const x = randn(shape, { seed: 7 });
  const now = (): unknown => states.map((s) => s.value.arraySync());
  const plain = call(x).arraySync();
  const inferred = () => expect(call(x).arraySync()).toEqual(plain);
  /** The result inside a `diff`. */
  const inside = (f: (p: Tensor) => Tensor): unknown => {
    let y: unknown;
    const p = state(tensor(1));
    diff(() => {
      const z = f(mul(x, p.value));
      y = z.arraySync();
      return sum(z);
    });
    return y;
  };

  test("infers outside of diff and in grad alone, and trains in diff", () => {
    const before = now();
    inferred();
    const saliency = () => grad((v: Tensor) => sum(square(call(v))))(x).arraySync();
    const map = saliency();
    expect(saliency()).toEqual(map);
    expect(training(false, saliency)).toEqual(map);
    expect(now()).toEqual(before);
    // Fast gradient sign: a step against the model as it is used
    const attack = add(x, mul(sign(grad((v: Tensor) => sum(square(call(v))))(x)), 0.01));
    expect(sum(square(call(attack))).itemSync()).toBeGreaterThanOrEqual(sum(square(call(x))).itemSync());
    expect(inside(call)).not.toEqual(plain);
    if (states.length > 0) expect(now()).not.toEqual(before);
  });

  test("does as `training` says, and as the option of one call says first", () => {
    const start = call(x).arraySync(); // the running moments are others now
    const before = now();
    expect(inside((v) => training(false, () => call(v)))).toEqual(start);
    expect(inside((v) => call(v, false))).toEqual(start);
    expect(training(true, () => call(x, false)).arraySync()).toEqual(start);
    expect(now()).toEqual(before);
    expect(training(true, () => call(x)).arraySync()).not.toEqual(start);
    expect(call(x, true).arraySync()).not.toEqual(start);
    expect(inside((v) => training(false, () => call(v, true)))).not.toEqual(start);
    if (states.length > 0) expect(now()).not.toEqual(before);
  });

  test("a gradient penalty in inference mode is the same inside diff and outside", () => {
    const penalty = () => square(sub(norm(grad((v: Tensor) => sum(call(v)))(x)), 1));
    const outside = penalty().itemSync();
    const before = now();
    expect(diff(() => training(false, penalty)).value.itemSync()).toBeCloseTo(outside, 3);
    expect(now()).toEqual(before);
  });
});
