// The steps of recurrent layers say which operand does not fit.
import { openSync as openReference } from "@weft/conformance";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { gruCell, lstmCell, sequence, sequenceGrad, tanhCell } from "../src/internals.ts";

const { zeros, tensor } = openSync({});
const [T, B, H] = [5, 2, 3];
const [all, state, gates] = [zeros([T, B, H]), zeros([B, H]), zeros([4, T, B, H])];

const wrong: [string, () => unknown, string][] = [
  [
    "an LSTM's parts",
    () => sequence(lstmCell, zeros([T, B, 3 * H]), [state, state], [zeros([4 * H, H])]),
    "lstmSequence: wanted given of shape [T, B, 4 H] with T > 0, got [5, 2, 9]",
  ],
  [
    "an LSTM's cells",
    () => sequence(lstmCell, zeros([T, B, 4 * H]), [state, zeros([B])], [zeros([4 * H, H])]),
    "lstmSequence: wanted c of shape [2, 3], got [2]",
  ],
  [
    "no steps of an LSTM back",
    () =>
      sequenceGrad(lstmCell, { gates: zeros([4, 0, B, H]), states: [all, all] }, [state, state], zeros([4 * H, H]), [
        all,
        state,
      ]),
    "lstmSequenceGrad: wanted gates of shape [4, T, B, H] with T > 0, got [4, 0, 2, 3]",
  ],
  [
    "a GRU's parts",
    () =>
      sequence(gruCell, zeros([T, B, 4 * H]).slice({ ends: [T, B, 10] }), [state], [zeros([3 * H, H]), zeros([3 * H])]),
    "gruSequence: wanted given of shape [T, B, 3 H] with T > 0, got [5, 2, 10]",
  ],
  [
    "a GRU's bias",
    () => sequence(gruCell, zeros([T, B, 3 * H]), [state], [zeros([3 * H, H]), zeros([H])]),
    "gruSequence: wanted bhh of shape [9], got [3]",
  ],
  [
    "a GRU's weights on the way back",
    () => sequenceGrad(gruCell, { gates, states: [all] }, [state], zeros([4 * H, H]), [all]),
    "gruSequenceGrad: wanted whh of shape [9, 3], got [12, 3]",
  ],
  [
    "a GRU's hiddens on the way back",
    () => sequenceGrad(gruCell, { gates, states: [state] }, [state], zeros([3 * H, H]), [all]),
    "gruSequenceGrad: wanted hiddens of shape [5, 2, 3], got [2, 3]",
  ],
  [
    "lengths of another batch",
    () =>
      sequence(gruCell, zeros([T, B, 3 * H]), [state], [zeros([3 * H, H]), zeros([3 * H])], { lengths: zeros([3]) }),
    "gruSequence: wanted lengths of shape [2], got [3]",
  ],
  [
    "a plain network's recurrent weight",
    () => sequence(tanhCell, zeros([T, B, H]), [state], [zeros([2 * H, H])]),
    "tanhSequence: wanted whh of shape [3, 3], got [6, 3]",
  ],
  [
    "no steps of a plain network",
    () => sequence(tanhCell, zeros([0, B, H]), [state], [zeros([H, H])]),
    "tanhSequence: wanted given of shape [T, B, H] with T > 0, got [0, 2, 3]",
  ],
  [
    "hiddens of a plain network on the way back",
    () => sequenceGrad(tanhCell, { gates: undefined, states: [state] }, [state], zeros([H, H]), [all]),
    "tanhSequenceGrad: wanted hiddens of shape [T, B, H] with T > 0, got [2, 3]",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) =>
  expect(f).toThrow(expect.objectContaining({ name: "ShapeError", message })),
);

test("refuses lengths that are no integers", () =>
  expect(() =>
    sequence(lstmCell, zeros([T, B, 4 * H]), [state, state], [zeros([4 * H, H])], { lengths: tensor([1, 2]) }),
  ).toThrow(
    expect.objectContaining({ name: "DTypeError", message: "lstmSequence: lengths: wanted i32, got f32; use cast" }),
  ));

test("operands of two floating-point dtypes meet in the wider one", () => {
  const { zeros: wide } = openReference({});
  const [single, double] = [{ dtype: "f32" }, { dtype: "f64" }] as const;
  const weights = [wide([3 * H, H], single), wide([3 * H], single)] as const;
  const { gates, states } = sequence(gruCell, wide([T, B, 3 * H], single), [wide([B, H], double)], weights);
  expect([gates!.dtype, states[0]!.dtype]).toEqual(["f64", "f64"]);
});
