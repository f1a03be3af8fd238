// What the reference describes: each entry of each published package, but those that only our packages need.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileFor, manifestOf, packages } from "../manifests.ts";

/** What users import, and the file in which it begins. */
export interface Entry {
  /** "@weft/nn/models" */
  readonly name: string;
  /** Where its pages lie: "nn/models". */
  readonly path: string;
  readonly file: string;
}

/** The packages in the order in which one meets them; others follow. */
const order = ["tensor", "autograd", "nn", "optim", "data", "train", "formats", "tensor-cpu", "tensor-webgpu"];
const place = (folder: string): number => (order.includes(folder) ? order.indexOf(folder) : order.length);

/** The published packages with what they are in one sentence. */
export const published = readdirSync(packages)
  .filter((folder) => manifestOf(folder).private !== true)
  .toSorted((a, b) => place(a) - place(b))
  .map((folder) => ({ folder, description: manifestOf(folder).description }));

export const entries: readonly Entry[] = published.flatMap(({ folder }) =>
  Object.entries(manifestOf(folder).exports)
    .filter(([key]) => key !== "./internals")
    .map(([key, exported]) => ({
      name: manifestOf(folder).name + key.slice(1),
      path: folder + key.slice(1),
      // Node's file has all names, and the comments of those that a page cannot have.
      file: join(packages, folder, fileFor(exported, "node")),
    })),
);

/** The menu of the reference. */
export const referenceMenu = entries.map(({ name, path }) => ({ text: name, link: `/reference/${path}/` }));
