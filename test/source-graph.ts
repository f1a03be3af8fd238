// Reads the sources of the packages and who imports whom, for the tests of the house rules.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export const root = join(import.meta.dirname, "..");

export interface Import {
  /** What the import names: "./dtype.ts", "@weft/tensor", "node:fs". */
  readonly target: string;
  /** False for `import type` and `export type`, which leave nothing behind at run time. */
  readonly atRunTime: boolean;
}

type Conditions = string | { readonly [condition: string]: Conditions };

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Record<string, Conditions>;
  readonly imports?: Record<string, Conditions>;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

export const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Files that match a pattern, from the root of the repository, with slashes on Windows, too. */
export const files = (pattern: string) =>
  globSync(pattern, { cwd: root, exclude: (path) => /(^|[/\\])(node_modules|dist|golden)$/.test(path) })
    .map((path) => path.replaceAll("\\", "/"))
    .toSorted();

/** The names of the folders in `packages`. */
export const packages = files("packages/*/package.json")
  .map((file) => file.split("/")[1]!)
  .toSorted();

export const manifest = (name: string) => JSON.parse(read(`packages/${name}/package.json`)) as Manifest;

export const lineCount = (file: string) => read(file).split("\n").length - 1;

const statement = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"'`]*?\sfrom\s+)?["']([^"'\n]+)["']/gm;
const call = /(?<![.\w])import\(\s*["']([^"'\n]+)["']/g;

/** What a file imports, in statements and in calls; comments do not count. */
export function imports(file: string): Import[] {
  const text = read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const found = [...text.matchAll(statement)].map((m) => ({ target: m[2]!, atRunTime: m[1] === undefined }));
  return [...found, ...[...text.matchAll(call)].map((m) => ({ target: m[1]!, atRunTime: true }))];
}

const pick = (entry: Conditions | undefined): string | undefined => {
  if (entry === undefined || typeof entry === "string") return entry;
  for (const [condition, value] of Object.entries(entry)) {
    const chosen = ["browser", "import", "default"].includes(condition) ? pick(value) : undefined;
    if (chosen !== undefined) return chosen;
  }
  return undefined;
};

/** The files that a page gets when it imports a package: its exports, without the condition `node`. */
export function pageEntries(name: string): string[] {
  const targets = Object.values(manifest(name).exports).map(pick);
  return targets.filter((target) => target?.endsWith(".ts")).map((target) => posix.join("packages", name, target!));
}

/** The file of the same package that an import leads to in a page; nothing for another package. */
export function follow(from: string, target: string): string | undefined {
  if (target.startsWith(".")) return posix.join(posix.dirname(from), target);
  if (!target.startsWith("#")) return undefined;
  const name = from.split("/")[1]!;
  const file = pick(manifest(name).imports?.[target]);
  return file === undefined ? undefined : posix.join("packages", name, file);
}

/** The files of the same package that a file imports at run time. */
const needs = (file: string): string[] =>
  existsSync(join(root, file))
    ? imports(file).flatMap(({ target, atRunTime }) => (atRunTime ? (follow(file, target) ?? []) : []))
    : [];

/** Every chain of files, or of whole `unit`s of them, that comes back to where it began, each once. */
export function cycles(sources: readonly string[], unit = (file: string): string => file): string[][] {
  const found: string[][] = [];
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const next = new Map<string, Set<string>>();
  for (const file of sources) {
    const of = next.get(unit(file)) ?? new Set();
    next.set(unit(file), of);
    for (const target of needs(file)) if (unit(target) !== unit(file)) of.add(unit(target));
  }
  const visit = (at: string): void => {
    if (state.get(at) === "open") found.push([...path.slice(path.indexOf(at)), at]);
    if (state.has(at)) return;
    state.set(at, "open");
    path.push(at);
    next.get(at)?.forEach(visit);
    path.pop();
    state.set(at, "done");
  };
  for (const at of next.keys()) visit(at);
  return found;
}

/** The folder of a package that a file lies in; the file itself, if it lies beside the folders. */
export const folderOf = (file: string): string => file.split("/").slice(0, 4).join("/");

/** Everything of one package that its page entries reach at run time. */
export function reachedByPages(name: string): string[] {
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file) || !existsSync(join(root, file))) return;
    reached.add(file);
    for (const { target, atRunTime } of imports(file)) {
      const next = atRunTime ? follow(file, target) : undefined;
      if (next !== undefined) visit(next);
    }
  };
  for (const entry of pageEntries(name)) visit(entry);
  return [...reached];
}

/** The models of the examples, from the root of the repository: somebody imports or copies them. */
export const models = files("packages/examples/src/models/*.ts");
