// Pictures of the form of CIFAR-10: each class has a color and a stripe of its own, and there is noise on all of it.
import { minibatch, type Labeled, type Pictures } from "@weft/data";
import { keep, type Backend, type Tensor } from "@weft/tensor";

const classes = ["red", "green", "blue", "yellow", "pink", "cyan", "dark", "bright", "orange", "violet"];
const colors = [
  [200, 40, 40],
  [40, 200, 40],
  [40, 40, 200],
  [200, 200, 40],
  [230, 120, 160],
  [40, 200, 200],
  [30, 30, 30],
  [230, 230, 230],
  [230, 140, 30],
  [140, 60, 200],
] as const;

function part(many: number, seed: number): Labeled {
  let state = seed;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647; // of Park and Miller
  const data = new Uint8Array(many * 3 * 32 * 32);
  const labels = Int32Array.from({ length: many }, (_, i) => i % 10);
  for (let at = 0; at < data.length; at++) {
    const label = labels[Math.floor(at / 3072)]!;
    const striped = Math.floor((at % 1024) / 32) % 10 === label ? 0.5 : 1;
    data[at] = striped * colors[label]![Math.floor(at / 1024) % 3]! * (0.8 + 0.2 * random());
  }
  return {
    images: { data, shape: [many, 3, 32, 32], dtype: "u8", scale: 1 / 255 },
    labels: { data: labels, shape: [many], dtype: "i32" },
  };
}

export const colorPictures = (train: number, test: number): Pictures => ({
  train: part(train, 1),
  test: part(test, 2),
  classes,
});

/** The first pictures and their labels as tensors. */
export function firstBatch(data: Labeled, size: number, backend: Backend): [x: Tensor, y: Tensor] {
  for (const [x, y] of minibatch([data.images, data.labels], size, { backend })) return [keep(x), keep(y)];
  throw new Error(`there are no ${size} pictures`);
}
