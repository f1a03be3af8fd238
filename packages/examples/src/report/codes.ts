// What a report shows of an autoencoder: what is left of pictures, pictures from random codes, and the plane of all codes
// of two numbers.
import {
  concat,
  erfinv,
  flatten,
  meshgrid,
  mul,
  scope,
  sigmoid,
  stack,
  type Backend,
  type Creation,
  type Tensor,
} from "@weft/tensor";
import { minibatch, type Labeled } from "@weft/data";
import { drawingSection } from "./drawings.ts";
import type { Section } from "./page.ts";

export interface Coder {
  /** From pictures `[N, 1, 28, 28]` to codes `[N, latent]`. */
  readonly encode: (x: Tensor) => Tensor;
  /** From codes to the logits of pixels, `[N, 784]`. */
  readonly decode: (z: Tensor) => Tensor;
  /** How many numbers a code has. */
  readonly latent: number;
}

export async function codeSections(
  { encode, decode, latent }: Coder,
  test: Labeled,
  backend: Backend & Creation,
): Promise<Section[]> {
  const values = (make: () => Tensor) => scope(() => make().data()) as Promise<Float32Array>;
  const drawn = (z: Tensor) => sigmoid(decode(z));
  const [first] = minibatch([test.images], Math.min(10, test.labels.data.length), { backend });
  const [x] = first!;
  const sections = [
    drawingSection({
      title: "What is left of a picture",
      about: "Above are pictures that it has not seen, below what it draws from their codes.",
      values: await values(() => concat([flatten(x), drawn(encode(x))])),
      columns: x.shape[0]!,
    }),
    drawingSection({
      title: "What it draws",
      about: "Pictures from random codes.",
      values: await values(() => drawn(backend.randn([100, latent], { seed: 1 }))),
      columns: 10,
    }),
  ];
  if (latent !== 2) return sections;
  // Codes that are as dense as the normal distribution: its quantiles.
  const plane = () => {
    const quantiles = mul(Math.SQRT2, erfinv(backend.linspace(-0.95, 0.95, 20)));
    return stack(
      meshgrid([quantiles, quantiles]).map((part) => flatten(part, { start: 0 })),
      { axis: 1 },
    );
  };
  const about = "The picture of each code of two numbers.";
  return [
    ...sections,
    drawingSection({ title: "The plane of codes", about, values: await values(() => drawn(plane())), columns: 20 }),
  ];
}
