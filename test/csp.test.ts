// The CPU backend in a page that forbids `eval`: a bundled program trains under a Content-Security-Policy that allows
// WebAssembly and nothing else, with and without shared memory.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium, type Browser } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findDriver, launchOptions } from "./software-driver.ts";
import { root } from "./source-graph.ts";

const driver = await findDriver();
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

let server: Server;
let browser: Browser;

/** What a page is served with; the first part of its path chooses. */
const policies: Record<string, Record<string, string>> = {
  wasm: { "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" },
  isolated: { "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'", ...isolated },
  none: { "Content-Security-Policy": "default-src 'self'; script-src 'self'" },
};

async function bundle(): Promise<string> {
  const input = join(root, "test/csp-program.ts");
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    build: { write: false, modulePreload: false, rollupOptions: { input } },
  });
  const outputs = [built].flat().flatMap((b) => ("output" in b ? b.output : []));
  expect(outputs.length).toBe(1);
  return "code" in outputs[0]! ? outputs[0].code : "";
}

beforeAll(async () => {
  if (!("folder" in driver)) return;
  const code = await bundle();
  server = createServer((request, response) => {
    const [, policy, file] = (request.url ?? "").split("/");
    const headers = policies[policy ?? ""] ?? {};
    const [type, body] =
      file === "program.js"
        ? ["text/javascript", code]
        : ["text/html", '<!doctype html><title>…</title><script type="module" src="program.js"></script>'];
    response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  browser = await chromium.launch({ ...launchOptions(driver.folder), headless: true });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** The title that the program gives its page. */
async function titleUnder(policy: string): Promise<string> {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${policy}/`);
  await page.waitForFunction(() => document.title !== "…");
  const title = await page.title();
  await page.close();
  return title;
}

const reason = "reason" in driver ? driver.reason : undefined;

test("it trains under a policy that allows WebAssembly and no eval", { timeout: 30_000 }, async (context) => {
  context.skip(reason !== undefined, reason);
  expect(await titleUnder("wasm")).toBe("eval refused, shared memory no, learned yes");
});

test("it trains in an isolated page, too", { timeout: 30_000 }, async (context) => {
  context.skip(reason !== undefined, reason);
  expect(await titleUnder("isolated")).toBe("eval refused, shared memory yes, learned yes");
});

test("the policy is in force: without WebAssembly the error says so", { timeout: 30_000 }, async (context) => {
  context.skip(reason !== undefined, reason);
  expect(await titleUnder("none")).toMatch(/^eval refused, .*WebAssembly.*violates/);
});
