// The CPU backend in a page that forbids `eval`: a bundled program trains under a Content-Security-Policy that allows
// WebAssembly and nothing else, with and without shared memory, and its losses are those of Node to the bit.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium, type Browser } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convolutional, mlp, recurrent } from "./losses.ts";
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
        : ["text/html", '<!doctype html><title>running</title><script type="module" src="program.js"></script>'];
    response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  browser = await chromium.launch({ ...launchOptions(driver.folder), headless: true });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** The title that the program gives its page, and the losses that it leaves there. */
async function runUnder(policy: string): Promise<{ title: string; losses: unknown }> {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${policy}/`);
  await page.waitForFunction(() => document.title !== "running");
  const title = await page.title();
  const losses = await page.evaluate("globalThis.result");
  await page.close();
  return { title, losses };
}

const reason = "reason" in driver ? driver.reason : undefined;

test.for([
  { policy: "wasm", shared: "no" },
  { policy: "isolated", shared: "yes" },
])(
  "it trains without eval, shared memory $shared, with the losses of Node",
  { timeout: 120_000 },
  async (given, { skip }) => {
    skip(reason !== undefined, reason);
    const page = await runUnder(given.policy);
    expect(page.title).toBe(`eval refused, shared memory ${given.shared}, learned yes`);
    expect(page.losses).toEqual({
      mlp: await mlp(),
      convolutional: await convolutional(),
      recurrent: await recurrent(),
    });
  },
);

test("the policy is in force: without WebAssembly the error says so", { timeout: 120_000 }, async (context) => {
  context.skip(reason !== undefined, reason);
  expect((await runUnder("none")).title).toMatch(/^eval refused, .*WebAssembly.*violates/);
});
