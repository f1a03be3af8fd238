// A model that PyTorch built and saved gives the same results here.
import { openSync } from "@weft/conformance";
import { flatten, relu, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { BatchNorm, Chain, Conv, Embedding, fromBytes, Linear, LSTM, MaxPool, toBytes } from "../src/index.ts";
import written from "./pytorch.json" with { type: "json" };

const { tensor, arange } = openSync({});
const build = () => ({
  rnn: LSTM({ in: 2, hidden: 3, layers: 2, bidirectional: true }),
  cnn: Chain(
    Conv({ in: 2, out: 4, kernel: 3, padding: 1, groups: 2 }),
    BatchNorm(4),
    relu,
    MaxPool(2),
    flatten,
    Linear(16, 2),
  ),
  words: Embedding(5, 2),
});
const bytes = Buffer.from(written.state, "base64");
const same = async (x: Tensor, wanted: readonly number[]) =>
  expect([...(await x.data())]).toEqual(wanted.map((value) => expect.closeTo(value, 6)));

test("recurrent, convolutional and embedding layers give PyTorch's results", async () => {
  const model = fromBytes(bytes, build());
  const { y, h, c } = model.rnn.run(
    model.words(
      tensor(
        [
          [0, 4],
          [3, 3],
          [1, 2],
        ],
        { dtype: "i32" },
      ),
    ),
  );
  await same(y, written.y);
  await same(h, written.h);
  await same(c, written.c);
  await same(model.cnn(arange(32).div(32).reshape([1, 2, 4, 4])), written.cnn);
});

test("written again, the file holds the same tensors", async () => {
  const again = await toBytes(fromBytes(bytes, build()));
  const header = (file: Uint8Array) =>
    JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + file[0]! + 256 * file[1]!)));
  const { __metadata__: metadata, ...tensors } = header(again);
  expect(metadata).toEqual({ format: "pt", "weft.version": "3" });
  expect(tensors).toEqual(header(bytes));
  expect(Buffer.from(again).subarray(-200).equals(bytes.subarray(-200))).toBe(true);
});
