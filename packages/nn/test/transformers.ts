// Attention, blocks and stacks of transformers that PyTorch built and saved, with its results: `transformer.json`.
import type { Creation, Tensor } from "@weft/tensor";
import * as nn from "../src/index.ts";
import written from "./transformer.json" with { type: "json" };

export const cases = written.cases;
type Case = (typeof cases)[number];

export const stateOf = ({ state }: Case): Buffer => Buffer.from(state, "base64");

/** The case's model, and what it gives on a backend. */
export function called({ tensor }: Creation, c: Case): { readonly model: object; readonly y: Tensor } {
  const [x, ...more] = c.inputs.map(({ shape, data }) => tensor(data, { shape, dtype: "f32" })) as [
    Tensor,
    ...Tensor[],
  ];
  const lengths = (n: number[] | undefined) => (n === undefined ? n : tensor(n, { dtype: "i32" }));
  const { causal, ...given } = c.call as { causal?: boolean; keyLengths?: number[]; memoryLengths?: number[] };
  const call = { causal, keyLengths: lengths(given.keyLengths) };
  const toMemory = { ...call, memoryLengths: lengths(given.memoryLengths) };
  const options = c.options as nn.TransformerStackOptions;
  const stackOptions = { ...options, norm: "norm" in c ? nn.LayerNorm(options.features) : undefined };
  const run = <Model extends object>(made: Model, f: (model: Model) => Tensor) => {
    const model = nn.fromBytes(stateOf(c), made);
    return { model, y: f(model) };
  };
  switch (c.kind) {
    case "Attention":
      return run(nn.Attention(options), (model) => model(x, more[0], more[1], call));
    case "TransformerEncoderBlock":
      return run(nn.TransformerEncoderBlock(options), (model) => model(x, call));
    case "TransformerDecoderBlock":
      return run(nn.TransformerDecoderBlock(options), (model) => model(x, more[0]!, toMemory));
    case "TransformerEncoder":
      return run(nn.TransformerEncoder(stackOptions), (model) => model(x, call));
    default:
      return run(nn.TransformerDecoder(stackOptions), (model) => model(x, more[0]!, toMemory));
  }
}
