// Which parameters of a model are not finite.
import { param, state } from "@weft/autograd";
import { Linear, freeze, place } from "@weft/nn";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { nonFinite } from "../src/index.node.ts";

test("parameters with NaN or infinity are named, with how many elements have it", async () => {
  const { tensor } = await open({});
  const model = {
    whole: param(tensor([1, -3e38])),
    nan: param(tensor([[NaN, 1], [2, NaN]])), // prettier-ignore
    deep: [{ infinite: param(tensor([-Infinity, NaN, 0], { dtype: "f64" })), half: param(tensor([Infinity], { dtype: "f16" })) }],
  }; // prettier-ignore
  expect(await nonFinite(model)).toEqual([
    { path: "nan", shape: [2, 2], count: 2 },
    { path: "deep.0.infinite", shape: [3], count: 2 },
    { path: "deep.0.half", shape: [1], count: 1 },
  ]);
  expect(await nonFinite(model, { infinity: false })).toEqual([
    { path: "nan", shape: [2, 2], count: 2 },
    { path: "deep.0.infinite", shape: [3], count: 1 },
  ]);
});

test("states, frozen parameters and those without values do not count", async () => {
  const backend = await open({});
  const frozen = freeze({ w: param(backend.tensor([NaN])) });
  const layer = Linear(2, 2);
  const model = { mean: state(backend.tensor([NaN])), frozen, layer };
  expect(await nonFinite(model)).toEqual([]);
  await place(layer, backend);
  layer.bias!.value = backend.full([2], NaN);
  expect(await nonFinite(model)).toEqual([{ path: "layer.bias", shape: [2], count: 2 }]);
});
