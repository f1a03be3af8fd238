// What a deep network sees in pictures: ResNet-50 (He et al. 2015) without its last layer turns each picture of
// 224 × 224 into 2048 features. Nothing is learned: this measures how many pictures a second it takes.
import { scope } from "@weft/tensor";
import { load, writeSafetensors } from "@weft/nn";
import { resnet50 as ResNet50 } from "@weft/nn/models";
import { noise, photosIn, type PhotoBatch } from "../images/photos.ts";
import { program, type Program } from "../training/program.ts";
import { featureSections, type Seen } from "../report/features.ts";

/** From pictures `[N, 3, 224, 224]` to features `[N, 2048]`; with torchvision's weights, if there is a file of them. */
export async function extractor(weights?: string) {
  const network = ResNet50();
  if (weights !== undefined) await load(weights, network);
  network.fc = (features) => features;
  return network;
}

/** The features `[N, 2048]` as a file, whose metadata have the names of the pictures in the same order. */
function featuresFile(seen: readonly Seen[]): Uint8Array {
  const data = Float32Array.from(seen.flatMap(({ features }) => Array.from(features)));
  const features = { dtype: "F32", shape: [seen.length, 2048], bytes: new Uint8Array(data.buffer) } as const;
  const names = JSON.stringify(seen.map(({ photo }) => photo.name));
  return writeSafetensors({ tensors: new Map([["features", features]]), metadata: { names } });
}

/** How many batches of noise are measured: as published for a GPU, or, where they take long, as published for a CPU. */
const [most, least] = [40, 8];

/** The batches, of which no more than the least are taken once they took ten seconds: slow ones take minutes in all. */
export function* longEnough<T>(batches: readonly T[], seconds: () => number): Generator<T> {
  for (const [taken, batch] of batches.entries()) {
    if (taken >= least && seconds() >= 10) return;
    yield batch;
  }
}

export const resnet50: Program = program({
  title: "ResNet-50",
  source: "random pixels or pictures",
  about: "what a network of 50 layers sees in pictures, and how many a second: a measurement",
  time: "15 s",
  reaches: "the features that PyTorch has with the same weights",
  epochs: 1,
  round: "round",
  quick: { steps: 3 },
  options: {
    weights: { value: "file", about: "torchvision's weights of resnet50, .safetensors or .pth (default: random ones)" },
    pictures: { value: "folder", about: "a folder of JPEG and PNG files (default: random pixels)" },
  },
  async start({ backend, options }) {
    const network = await extractor(options.weights);
    const folder = options.pictures;
    const batches = await (folder === undefined ? noise(most, 32, backend) : photosIn(folder, 32, backend));

    // The inner scope ends before anything is computed, so that what is between the layers need not be kept.
    const features = ({ input }: PhotoBatch) => scope(() => scope(() => network(input())).data());
    const seen: Seen[] = [];
    let [seconds, warm] = [0, false];
    return {
      from:
        folder === undefined
          ? `${least} to ${most} batches of 32 pictures of random pixels`
          : `the pictures in ${folder}`,
      async *epoch() {
        if (!warm) await features(batches[0]!); // kernels are compiled for the first batch: it does not count
        warm = true;
        for (const batch of folder === undefined ? longEnough(batches, () => seconds) : batches) {
          const begin = performance.now();
          const found = await features(batch);
          const taken = (performance.now() - begin) / 1000;
          seconds += taken;
          seen.push(...batch.photos.map((photo, i) => ({ photo, features: found.slice(2048 * i, 2048 * (i + 1)) })));
          yield { picturesPerSecond: batch.photos.length / taken };
        }
      },
      counted: { of: "pictures", soFar: () => seen.length },
      evaluate: async () => ({ picturesPerSecond: seen.length / seconds }),
      metrics: { picturesPerSecond: "speed" },
      of: "pictures a second",
      sections: async () => featureSections(seen),
      ...(folder !== undefined && { files: () => ({ "features.safetensors": featuresFile(seen) }) }),
    };
  },
});
