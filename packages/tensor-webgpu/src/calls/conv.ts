// Convolution and its gradients: large ones tuned, small ones by definition: an invocation loops over all terms of one
// element of the result. There are always three spatial axes; missing leading ones have size 1.
import { sizeOf, type ConvAttrs } from "@weft/tensor/internals";
import { convolutionForm } from "../forms/choice.ts";
import { convolution as tunedConvolution, sizesOf } from "../forms/convolution.ts";
import { geometryOf, type Convolution } from "../forms/geometry.ts";
import type { Words } from "../forms/stage.ts";
import { prepared, type Call } from "./call.ts";
import { longSum } from "./long-sum.ts";
import { cut, inside, loops, meeting, numbersOf, pixel, tap, volume } from "./window.ts";

const convolution =
  (name: Convolution, text: (w: Words) => string): Call<ConvAttrs>["prepare"] =>
  (launch, machine) => {
    const geometry = geometryOf(name, launch);
    const tuned = launch.outs[0].dtype === "f32" ? convolutionForm(sizesOf(name, geometry), machine) : undefined;
    if (tuned !== undefined) return tunedConvolution(name, launch, tuned, machine);
    const { images, groups, channels, outputs } = geometry;
    return prepared(launch, machine, {
      name,
      count: sizeOf(launch.outs[0].shape),
      numbers: { ...numbersOf(geometry), images, groups, channels, outputs },
      text,
    });
  };

/** y[n, o, p] = Σ over channels c of the group and taps q of x[n, c, p·stride − low + q·dilation] · w[o, c, q]. */
export const conv: Call<ConvAttrs> = {
  epilogue: true,
  prepare: convolution(
    "conv",
    ({ load, store }) => `
      ${cut("y", "p")}
      let o = rest % (groups * outputs);
      let n = rest / (groups * outputs);
      ${longSum(
        "sum",
        "f32",
        (add) => `
          for (var c = 0u; c < channels; c++) {
            let plane = ((n * groups + o / outputs) * channels + c) * ${volume("x")};
            let weights = (o * channels + c) * ${volume("k")};
            ${loops("q", "k", inside(add(`${load(0, "plane + px")} * ${load(1, `weights + ${tap}`)}`)))}
          }`,
      )}
      ${store("i", "sum")}`,
  ),
};

/** x[n, c, i] = Σ over outputs o of the group and taps q that lie on i of g[n, o, p] · w[o, c, q]. */
export const convInputGrad: Call<ConvAttrs> = {
  epilogue: true,
  prepare: convolution(
    "convInputGrad",
    ({ load, store }) => `
      ${cut("x", "o")}
      let c = rest % channels;
      let g = rest / channels % groups;
      let n = rest / (channels * groups);
      ${longSum(
        "sum",
        "f32",
        (add) => `
          for (var o = g * outputs; o < (g + 1u) * outputs; o++) {
            let plane = (n * groups * outputs + o) * ${volume("y")};
            let weights = (o * channels + c) * ${volume("k")};
            ${loops("q", "k", meeting(add(`${load(0, `plane + ${pixel}`)} * ${load(1, `weights + ${tap}`)}`)))}
          }`,
      )}
      ${store("i", "sum")}`,
  ),
};

/** w[o, c, q] = Σ over images n and places p of x[n, c, p·stride − low + q·dilation] · g[n, o, p]. */
export const convWeightGrad: Call<ConvAttrs> = {
  epilogue: true,
  prepare: convolution(
    "convWeightGrad",
    ({ load, store }) => `
      ${cut("k", "q")}
      let c = rest % channels;
      let o = rest / channels;
      ${longSum(
        "sum",
        "f32",
        (add) => `
          for (var n = 0u; n < images; n++) {
            let plane = ((n * groups + o / outputs) * channels + c) * ${volume("x")};
            let gradients = (n * groups * outputs + o) * ${volume("y")};
            ${loops("p", "y", inside(add(`${load(0, "plane + px")} * ${load(1, `gradients + ${pixel}`)}`)))}
          }`,
      )}
      ${store("i", "sum")}`,
  ),
};
