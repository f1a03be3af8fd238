// What the manifests of our packages say.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of the packages. */
export const packages = join(import.meta.dirname, "../..");

/** A file, or files by the conditions under which they are taken. */
export type Exported = string | { readonly [condition: string]: Exported };

export interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, Exported>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  /** What differs in the tarball. */
  readonly publishConfig?: { readonly exports: Readonly<Record<string, Exported>> };
}

export const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8")) as Manifest;

/** The file that is taken under a condition; a page has none but the default. */
export const fileFor = (exported: Exported, condition: "node" | "default"): string =>
  typeof exported === "string" ? exported : fileFor(exported[condition] ?? exported["default"]!, condition);

/** What only Node takes of what our packages depend on. */
const onlyNode = new Set(["cli-progress"]);

/** What pages load of what our packages depend on, as Vite names it: "@weft/data > d3-dsv". */
export const loadedInPages = (): string[] =>
  Object.keys(manifestOf("site").dependencies!).flatMap((name) =>
    Object.keys(manifestOf(name.replace("@weft/", "")).dependencies ?? {})
      .filter((dependency) => !dependency.startsWith("@weft/") && !onlyNode.has(dependency))
      .map((dependency) => `${name} > ${dependency}`),
  );
