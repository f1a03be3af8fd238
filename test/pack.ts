// Packs the public packages as they would be published, and sets up empty projects that install them with plain npm.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { manifest, packages, root } from "./source-graph.ts";

const run = promisify(execFile);

export const published = packages.filter((name) => !manifest(name).private);

// Under `pnpm exec` the repository's own Node stands first on the path; the user's Node is the first one outside.
const outside = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
const nodeIn = (folders: readonly string[]) => folders.map((f) => join(f, "node")).find((file) => existsSync(file));

/** The Nodes that packed packages are tried on: the system's, and the repository's 24. */
export const nodes = [nodeIn(outside), nodeIn([join(root, "node_modules/.bin")])].filter((file) => file !== undefined);

const env = { ...process.env, PATH: outside.join(delimiter), TURBO_TELEMETRY_DISABLED: "1" };

/** Runs a program; what it printed is in the error when it fails. */
export async function execute(cwd: string, program: string, ...args: string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd, env, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
  }
}

/** Builds everything and packs every public package into a folder; gives the tarball of each. */
export async function pack(folder: string): Promise<Map<string, string>> {
  for (const name of packages) rmSync(join(root, "packages", name, "dist"), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pnpm = ["--yes", "pnpm@12.21.0"];
  await execute(root, "npx", ...pnpm, "exec", "turbo", "run", "build");
  await execute(
    root,
    "npx",
    ...pnpm,
    "-r",
    ...published.map((name) => `--filter=@weft/${name}`),
    "pack",
    `--pack-destination=${folder}`,
  );
  const tarballs = readdirSync(folder);
  return new Map(
    published.map((name) => [name, join(folder, tarballs.find((t) => /^weft-(.*)-\d/.exec(t)?.[1] === name) ?? "")]),
  );
}

/** What has to be installed with these packages: their dependencies and peers among ours, and theirs. */
export function closure(names: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    const { dependencies, peerDependencies } = manifest(name);
    for (const needed of Object.keys({ ...dependencies, ...peerDependencies }))
      if (needed.startsWith("@weft/")) visit(needed.slice("@weft/".length));
  };
  names.forEach(visit);
  return [...found].toSorted();
}

/** An empty project with one program and these tarballs installed; the flags check types as strictly as a user can. */
export async function project(folder: string, program: string, tarballs: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  writeFileSync(join(folder, "program.ts"), program);
  const compilerOptions = {
    target: "esnext",
    module: "nodenext",
    strict: true,
    types: [],
    outDir: "out",
    rootDir: ".",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  await install(folder, ...tarballs);
}

/** Installs packages or tarballs into a project. */
export const install = (folder: string, ...specs: readonly string[]) =>
  execute(folder, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", ...specs);

/** Type-checks and compiles the program of a project. */
export const compile = (folder: string, ...flags: string[]) =>
  execute(folder, join(root, "node_modules/.bin/tsc"), "-p", "tsconfig.json", ...flags);

/**
 * Type-checks files of a folder of the tree, `.work/NAME`, as strictly as the sources: Node and pages have what they name,
 * and the packages are found.
 */
export function compileHere(
  folder: string,
  what: { readonly files: readonly string[] } | { readonly include: readonly string[] },
  more: object = {},
): Promise<string> {
  const compilerOptions = {
    lib: ["es2023", "esnext.disposable", "dom"],
    types: ["node"],
    rootDir: "../..",
    noEmit: true,
    composite: false,
    ...more,
  };
  const settings = { extends: "../../tsconfig.base.json", compilerOptions, ...what };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  return compile(folder);
}
