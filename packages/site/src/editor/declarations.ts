// The declarations of what cells import and of TypeScript's own library, gathered into one file for the type checker in
// the page. They are made from the sources when the site is built, and when an editor first asks for them while it is
// served.
import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { fileFor, manifestOf, packages, type Exported } from "../manifests.ts";
import type { Files } from "./above.ts";

const site = join(import.meta.dirname, "../..");

/** Compiles the sources, and returns the declarations by the paths at which the type checker looks for them. */
async function declarations(): Promise<Files> {
  const require = createRequire(join(packages, "../package.json"));
  const compiler = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  await promisify(execFile)(process.execPath, [compiler, "-b", site]);
  const files: Record<string, string> = {};
  for (const name of new Set(withNeeded("site"))) addPackage(files, name);
  const lib = dirname(createRequire(import.meta.url).resolve("typescript/lib/lib.es2023.d.ts"));
  for (const file of globSync("lib.{decorators*,es5,es20*,esnext.disposable,webworker}.d.ts", { cwd: lib }))
    files[`/${file}`] = readFileSync(join(lib, file), "utf8");
  return files;
}

/** A package of ours and all that it needs: what cells import may have types of what they cannot import. */
function withNeeded(name: string): string[] {
  const manifest = manifestOf(name);
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const ours = needed.filter((one) => one.startsWith("@weft/")).map((one) => one.replace("@weft/", ""));
  return [name, ...ours.flatMap(withNeeded)];
}

function addPackage(files: Record<string, string>, name: string): void {
  const folder = join(packages, name);
  const at = `/node_modules/@weft/${name}`;
  const types = (entry: Exported): string =>
    fileFor(entry, "default").replace("./src/", "./dist/").replace(/\.ts$/, ".d.ts");
  const entries = Object.entries(manifestOf(name).exports).map(
    ([key, entry]) => [key, { types: types(entry) }] as const,
  );
  files[`${at}/package.json`] = JSON.stringify({ name: `@weft/${name}`, exports: Object.fromEntries(entries) });
  const seen = new Set<string>();
  const add = (file: string): void => {
    if (seen.has(file) || !existsSync(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n");
    files[`${at}/${relative(folder, file)}`] = text;
    for (const [, target] of text.matchAll(/(?:from |import\()"(\.[^"]+)"/g)) {
      const path = join(dirname(file), target!);
      add(path.replace(/(?:\.d)?\.[jt]s$/, ".d.ts"));
    }
  };
  for (const [, entry] of entries) add(join(folder, entry.types));
}

const id = "virtual:weft-declarations";
const route = "weft-declarations.json";

/** What Vite's plugins have of its types here, so that this file names no version of it. */
interface DeclarationsPlugin {
  readonly name: string;
  configResolved(config: {
    readonly base: string;
    readonly command: string;
    readonly build: { readonly ssr?: unknown };
  }): void;
  configureServer(server: { readonly middlewares: { use(path: string, handle: Handle): unknown } }): void;
  resolveId(source: string): string | undefined;
  load(this: { emitFile(file: object): string }, source: string): Promise<string | undefined>;
}
type Handle = (
  request: unknown,
  response: { setHeader(name: string, value: string): unknown; end(text: string): unknown },
) => void;

/** Gives pages `virtual:weft-declarations`, the address of the declarations. */
export function declarationsPlugin(): DeclarationsPlugin {
  let made: Promise<string> | undefined;
  const json = (): Promise<string> => (made ??= declarations().then((files) => JSON.stringify(files)));
  let config: Parameters<DeclarationsPlugin["configResolved"]>[0];
  return {
    name: "weft-declarations",
    configResolved(resolved) {
      config = resolved;
    },
    configureServer({ middlewares }) {
      middlewares.use(`${config.base}${route}`, (_, response) => {
        void json().then((text) => {
          response.setHeader("Content-Type", "application/json");
          response.end(text);
        });
      });
    },
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    async load(source) {
      if (source !== `\0${id}`) return undefined;
      if (config.command === "serve") return `export default ${JSON.stringify(`${config.base}${route}`)};`;
      if (config.build.ssr) return 'export default "";';
      const file = this.emitFile({ type: "asset", name: route, source: await json() });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
  };
}
