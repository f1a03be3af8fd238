// Augmentations that change values: noise, and the normalization that ends a chain of them.
import { ArgumentError, ShapeError } from "@weft/tensor";
import { nonNegativeFinite, numbers, readValue, shown } from "@weft/tensor/internals";
import type { Augmentation } from "./picture.ts";

/**
 * Adds normally distributed noise to each pixel. `std` is its standard deviation in values, which are 0 to 1 for
 * pictures with the scale 1/255. Bytes stay bytes: they are rounded, and limited to 0 and 255.
 *
 * @example
 * const noisy = augment(images, [randomNoise(0.05)], { seed: 1 });
 * for (const [x, y] of minibatch([noisy, labels], 10, { backend, shuffle: true })) step(x, y);
 */
export function randomNoise(std: number): Augmentation {
  const deviation = readValue("randomNoise", "std", std, nonNegativeFinite);
  return (picture, random) => {
    const { data, scale = 1 } = picture;
    // Box and Muller: two numbers at a time.
    for (let i = 0; i < data.length; i += 2) {
      const radius = (deviation / scale) * Math.sqrt(-2 * Math.log(1 - random.uniform()));
      const angle = 2 * Math.PI * random.uniform();
      data[i]! += radius * Math.cos(angle);
      if (i + 1 < data.length) data[i + 1]! += radius * Math.sin(angle);
    }
    return picture;
  };
}

/**
 * (x - mean) / std, with a number for all channels or a list of one for each. The result is floating-point, whatever the
 * pictures are stored in, so it comes last.
 *
 * Source: PyTorch's `Normalize`.
 *
 * @example
 * const normal = augment(images, [randomFlip(), normalizeChannels(0.1307, 0.3081)]);
 * const [x] = minibatch(normal, 10);
 * x.dtype; // "f32"
 */
export function normalizeChannels(mean: number | readonly number[], std: number | readonly number[]): Augmentation {
  const lists = [
    readValue("normalizeChannels", "mean", mean, numbers),
    readValue("normalizeChannels", "std", std, numbers),
  ];
  const [shift, divisor] = lists.map((x) => (typeof x === "number" ? [x] : Array.from(x))) as [number[], number[]];
  const wrong = divisor.findIndex((x) => !(x > 0));
  if (wrong >= 0) {
    const of = typeof std === "number" ? "" : ` of channel ${wrong}`;
    throw new ArgumentError(`normalizeChannels: std${of} is ${shown(divisor[wrong])}, wanted a positive number.`);
  }
  return (picture) => {
    const { data, channels, scale = 1 } = picture;
    const wrong = [shift, divisor].find((x) => x.length !== 1 && x.length !== channels);
    if (wrong !== undefined)
      throw new ShapeError(`normalizeChannels: got ${wrong.length} numbers for ${channels} channels.`);
    const plane = data.length / channels;
    for (let c = 0; c < channels; c++) {
      const [m, s] = [shift[shift.length === 1 ? 0 : c]!, divisor[divisor.length === 1 ? 0 : c]!];
      for (let i = c * plane; i < (c + 1) * plane; i++) data[i] = (data[i]! * scale - m) / s;
    }
    return { ...picture, scale: undefined, floating: true };
  };
}
