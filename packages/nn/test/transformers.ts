// Attention and blocks of transformers that PyTorch built and saved, with its results: `transformer.json`.
import type { Creation, Tensor } from "@weft/tensor";
import { Attention, fromBytes, TransformerDecoderBlock, TransformerEncoderBlock } from "../src/index.ts";
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
  const options = c.options as Parameters<typeof TransformerEncoderBlock>[0];
  if (c.kind === "Attention") {
    const model = fromBytes(stateOf(c), Attention(options));
    return { model, y: model(x, more[0], more[1], call) };
  }
  if (c.kind === "TransformerEncoderBlock") {
    const model = fromBytes(stateOf(c), TransformerEncoderBlock(options));
    return { model, y: model(x, call) };
  }
  const model = fromBytes(stateOf(c), TransformerDecoderBlock(options));
  return { model, y: model(x, more[0]!, { ...call, memoryLengths: lengths(given.memoryLengths) }) };
}
