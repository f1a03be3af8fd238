// The other JavaScript frameworks are installed in a folder with a package.json of its own, so that they are downloaded
// only on request.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const folder = new URL("../peers/", import.meta.url); // from src and from dist alike

/** Installs them with npm, without their install scripts. */
export function installPeers(): void {
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  execFileSync("npm", ["install", ...options], { cwd: folder, stdio: ["ignore", process.stderr, process.stderr] });
}

/** Loads one of them; throws if it is not installed. Its types would have to be installed too, so it has none here. */
export function peer(name: string): any {
  try {
    return createRequire(new URL("package.json", folder))(name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "MODULE_NOT_FOUND" ? `${name} is not installed: pnpm bench --peers` : message;
    throw new Error(reason, { cause: error });
  }
}

/** The folder of an installed package, with a slash at its end. */
export function peerFolder(name: string): string {
  const entry = createRequire(new URL("package.json", folder)).resolve(name);
  return entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
}

export const peerVersion = (name: string): string =>
  (JSON.parse(readFileSync(`${peerFolder(name)}package.json`, "utf8")) as { version: string }).version;
