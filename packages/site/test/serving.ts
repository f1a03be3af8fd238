// Builds the site, and serves it from a folder, under a path, as any host would: with the headers that isolate a page.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { promisify } from "node:util";

const site = join(import.meta.dirname, "..");

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".md": "text/markdown",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".woff2": "font/woff2",
};

/** Builds the site for a path into a new folder, and returns that. */
export async function buildSite(base: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "weft-site-"));
  const command = join(dirname(createRequire(import.meta.url).resolve("vitepress/package.json")), "bin/vitepress.js");
  await promisify(execFile)(process.execPath, [command, "build", site, "--base", base, "--outDir", folder], {
    cwd: site,
  });
  return folder;
}

export interface Serving {
  /** The address of the first page. */
  readonly address: string;
  close(): void;
}

/** Serves a folder at `base`, such as "/weft/". */
export async function serveFolder(folder: string, base: string, isolated = true): Promise<Serving> {
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    const inside = pathname.startsWith(base) ? decodeURIComponent(pathname.slice(base.length)) : undefined;
    let file = join(folder, inside ?? "404");
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    if (inside === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const headers = isolated
      ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
      : {};
    const type = types[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { ...headers, "Content-Type": type }).end(readFileSync(file));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}${base}`, close: () => void server.close() };
}
