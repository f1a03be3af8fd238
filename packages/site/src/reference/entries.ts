// What the reference describes: each entry of each published package, but those that only our packages need.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const packages = join(import.meta.dirname, "../../..");

/** What users import, and the file in which it begins. */
export interface Entry {
  /** "@weft/nn/models" */
  readonly name: string;
  /** Where its pages lie: "nn/models". */
  readonly path: string;
  readonly file: string;
}

type Conditions = string | { readonly [condition: string]: Conditions };

/** Node's file: it has all names, and the comments of those that a page cannot have. */
const inNode = (conditions: Conditions): string =>
  typeof conditions === "string" ? conditions : inNode(conditions["node"] ?? conditions["default"]!);

interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, Conditions>>;
}

const read = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8")) as Manifest;

/** The packages in the order in which one meets them; others follow. */
const order = ["tensor", "autograd", "nn", "optim", "data", "train", "formats", "tensor-cpu", "tensor-webgpu"];
const place = (folder: string): number => (order.includes(folder) ? order.indexOf(folder) : order.length);

/** The published packages with what they are in one sentence. */
export const published = readdirSync(packages)
  .filter((folder) => read(folder).private !== true)
  .toSorted((a, b) => place(a) - place(b))
  .map((folder) => ({ folder, description: read(folder).description }));

export const entries: readonly Entry[] = published.flatMap(({ folder }) =>
  Object.entries(read(folder).exports)
    .filter(([key]) => key !== "./internals")
    .map(([key, conditions]) => ({
      name: read(folder).name + key.slice(1),
      path: folder + key.slice(1),
      file: join(packages, folder, inNode(conditions)),
    })),
);

/** The menu of the reference. */
export const referenceMenu = entries.map(({ name, path }) => ({ text: name, link: `/reference/${path}/` }));
