// The built site in Chromium: every page below a path of a host (with WEFT_LONG=1 also at its root), all cells on both
// backends, links, accessibility, and what the first page costs.
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDriver, launchOptions } from "../../../test/software-driver.ts";
import { pack } from "../src/cells/fragment.ts";
import { cellsOf, quickCells } from "../src/markdown/cells.ts";
import { entries } from "../src/reference/entries.ts";
import type { Files } from "../src/editor/above.ts";
import { cellChecker } from "./cell-errors.ts";
import { complaintsOf, seriousFaults } from "./faults.ts";
import { buildSite, serveFolder, type Serving } from "./serving.ts";
import { written } from "./written.ts";

const driver = await findDriver();
const skipped = !("folder" in driver);
const MINUTES = 60_000;
const soon = { timeout: MINUTES };

/** The pages by their addresses, how many cells each has, and how many of them a driver in software can bear. */
const pages = written.map(({ file, text }) => {
  const path = file.replace(/(?:^|(?<=\/))index\.md$/, "").replace(/\.md$/, ".html");
  const code = cellsOf(text);
  return { path, code, cells: code.length, quick: quickCells(text) };
});
const withCells = pages.filter(({ cells }) => cells > 0);
/** Those whose cells run on the driver in software, which takes minutes for all of them (WEFT_LONG=1). */
const onDriver = ["", "tutorials/quick-start.html", "tutorials/tensors.html", "tutorials/two-backends.html"];
const withDevice = withCells.filter(({ path }) => process.env["WEFT_LONG"] === "1" || onDriver.includes(path));

let browser: Browser;

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ ...launchOptions(driver.folder), headless: true });
}, MINUTES);
afterAll(() => browser?.close());

/** Building takes minutes: at the root of a host only with WEFT_LONG=1. */
const bases = process.env["WEFT_LONG"] === "1" ? ["/weft/", "/"] : ["/weft/"];

describe.skipIf(skipped).each(bases)("built for %s", (base) => {
  let folder: string;
  let serving: Serving;
  let context: BrowserContext;

  beforeAll(async () => {
    folder = await buildSite(base);
    serving = await serveFolder(folder, base);
    context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 } });
  }, 20 * MINUTES);
  afterAll(async () => {
    await context?.close();
    serving?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a page, and notes what it complains of. */
  async function open(path: string, within = context, at = serving): Promise<{ page: Page; complaints: string[] }> {
    const page = await within.newPage();
    const complaints = complaintsOf(page);
    await page.goto(at.address + path);
    await page.waitForLoadState("networkidle");
    return { page, complaints };
  }

  /** Runs the first cells on a backend, by default all, and returns what went wrong. */
  async function runFirst(
    page: Page,
    backend: "cpu" | "webgpu" | "both",
    cells: number,
    first = cells,
  ): Promise<string[]> {
    await page.locator(`.cell-bar input[value=${backend}]`).check();
    const last = page
      .locator(".live-cell")
      .nth(first - 1)
      .getByRole("button", { name: "Run" });
    await (first === cells ? page.getByRole("button", { name: "Run all" }) : last).click();
    const ended = page.locator('.run-output:is([data-state="done"], [data-state="failed"])');
    const failed = page.locator('.run-output[data-state="failed"]');
    const wanted = backend === "both" ? 2 * first : first;
    await expect
      .poll(async () => (await failed.count()) > 0 || (await ended.count()) === wanted, { timeout: 5 * MINUTES })
      .toBe(true);
    return failed.allInnerTexts();
  }

  // An address changes where files lie, and not what they do: at the second one, one page is enough.
  const all = base === bases[0];
  test.for(all ? pages : pages.slice(0, 1))(
    "$path has no dead links and no serious fault, and its cells run on the CPU",
    { timeout: 6 * MINUTES },
    async ({ path, cells }) => {
      const { page, complaints } = await open(path);
      const { origin } = new URL(serving.address);
      const links = await page
        .locator("a[href]")
        .evaluateAll((anchors) => anchors.map((a) => (a as HTMLAnchorElement).href));
      const dead = links.filter((link) => link.startsWith(origin) && !leads(link));
      expect(dead).toEqual([]);
      if (all) expect(await seriousFaults(page, path, themesOf(path))).toEqual([]);
      expect(await page.locator(".live-cell").count()).toBe(cells);
      if (cells > 0) {
        expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
        expect(await runFirst(page, "cpu", cells)).toEqual([]);
      }
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  /** Axe takes five seconds: it looks at the first page in both themes, at the others in one. */
  const themesOf = (path: string): readonly string[] =>
    path === "" ? ["light", "dark"] : [pages.findIndex((page) => page.path === path) % 2 === 0 ? "light" : "dark"];

  const texts = new Map<string, string>();
  function textOf(file: string): string {
    const text = texts.get(file) ?? readFileSync(join(folder, file), "utf8");
    texts.set(file, text);
    return text;
  }

  /** Whether an address leads to a file of the site, and its fragment to an element. */
  function leads(link: string): boolean {
    const { pathname, hash } = new URL(link);
    if (!pathname.startsWith(base)) return false;
    const path = pathname.slice(base.length);
    try {
      const text = textOf(decodeURIComponent(path === "" || path.endsWith("/") ? `${path}index.html` : path));
      return hash === "" || text.includes(`id="${decodeURIComponent(hash.slice(1))}"`);
    } catch {
      return false;
    }
  }

  test("no link is dead, nor in the reference", { timeout: 2 * MINUTES }, () => {
    const files = globSync("**/*.html", { cwd: folder }).toSorted();
    expect(files.length).toBeGreaterThan(500);
    const dead = files.flatMap((file) => {
      const links = [...textOf(file).matchAll(/<a [^>]*\bhref="([^"]*)"/g)].map(([, link]) => link!);
      const inside = links.filter((link) => !/^[a-z]+:/.test(link));
      const wrong = inside.filter((link) => !leads(new URL(link, serving.address + file).href));
      return wrong.map((link) => `${file}: ${link}`);
    });
    expect(dead).toEqual([]);
  });

  test.for(["", withCells.find(({ path }) => path.startsWith("tutorials/"))!.path])(
    "the page '%s' transfers less than 200 kB",
    async (path) => {
      const page = await context.newPage();
      const sizes: Promise<number>[] = [];
      page.on("response", (response) => sizes.push(response.body().then((body) => gzipSync(body).length)));
      await page.goto(serving.address + path);
      await page.waitForLoadState("networkidle");
      const total = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
      expect(total).toBeGreaterThan(10_000);
      expect(total).toBeLessThan(200_000);
      await page.close();
    },
  );

  if (!all) return;

  test.for(entries)("the page of $name lists what it exports", async ({ path, file }) => {
    const text = textOf(`reference/${path}/index.html`);
    const names = Object.keys((await import(file)) as object);
    const missing = names.filter(
      (name) => !text.includes(`>${name}</a>`) && !text.includes(`id="${name.toLowerCase()}"`),
    );
    expect(missing).toEqual([]);
  });

  test("pages of the reference say what a name is", { timeout: 5 * MINUTES }, async () => {
    const { page: functionPage } = await open("reference/tensor/functions/add.html");
    const text = await functionPage.locator(".vp-doc").innerText();
    for (const part of ["add()", "function add(a: Operand, b: Operand): Tensor;", "a + b.", "add(tensor([1, 2]), 3)"])
      expect(text).toContain(part);
    const { page: modulePage } = await open("reference/optim/");
    const row = modulePage
      .getByRole("row")
      .filter({ has: modulePage.getByRole("link", { name: "adamw", exact: true }) });
    expect(await row.innerText()).toMatch(/decay/);
    await Promise.all([functionPage.close(), modulePage.close()]);
    // One page of each entry, and some of the others.
    const made = globSync("reference/**/*.html", { cwd: folder }).toSorted();
    const some = made.filter((_, i) => i % 193 === 0);
    for (const path of [
      "reference/index.html",
      ...entries.map(({ path }) => `reference/${path}/index.html`),
      ...some,
    ]) {
      const { page, complaints } = await open(path);
      expect([path, ...complaints]).toEqual([path]);
      if (path === "reference/index.html" || path === some[1])
        expect(await seriousFaults(page, "reference/", [path === some[1] ? "dark" : "light"])).toEqual([]);
      await page.close();
    }
  });

  test("the search finds a function by its name", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open("");
    await page
      .getByRole("button", { name: /search/i })
      .first()
      .click();
    await page.getByRole("searchbox").fill("crossEntropy");
    const found = page.locator('.VPLocalSearchBox a[href*="reference/nn/functions/crossEntropy"]');
    await expect.poll(() => found.count(), soon).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("the speed test shows figures, and a link carries them", { timeout: 10 * MINUTES }, async () => {
    const { page, complaints } = await open("");
    const speed = page.locator(".speed-test");
    await speed.getByRole("button", { name: "Run" }).click();
    await expect.poll(() => speed.getAttribute("data-state"), { timeout: 9 * MINUTES }).toBe("done");
    const figures = await speed.locator("td").allInnerTexts();
    expect(figures).toHaveLength(6); // three tasks on two backends
    for (const figure of figures) expect(figure).toMatch(/^[\d.,]+ (GFLOP|steps)\/s$/);
    await speed.getByRole("button", { name: "Link to this result" }).click();
    await expect.poll(() => page.url(), soon).toContain("#speed=");
    const { page: other } = await open(page.url().slice(serving.address.length));
    expect(await other.locator(".speed-test .shared td").allInnerTexts()).toEqual(figures);
    expect(complaints).toEqual([]);
    await Promise.all([page.close(), other.close()]);
  });

  test("the playground takes more cells, and a link carries them", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open("playground.html");
    for (const code of ["const six = 6;", "six * 7"]) {
      await page.getByRole("button", { name: "Add a cell" }).click();
      await page.locator(".live-cell").last().locator(".cm-content").click();
      await page.keyboard.insertText(code);
    }
    await page.keyboard.press("Control+Enter");
    const value = (of: Page) => of.locator(".live-cell").nth(2).locator(".shown-value").allInnerTexts();
    await expect.poll(() => value(page), soon).toEqual(["42"]);
    await page.getByRole("button", { name: "Link to this code" }).click();
    await expect.poll(() => page.url(), soon).toContain("#code=");
    const { page: other } = await open(page.url().slice(serving.address.length));
    const codes = async () => (await other.locator(".cm-content").allInnerTexts()).map((code) => code.trim());
    await expect.poll(codes, soon).toEqual(["const six = 6;", "six * 7"]);
    expect(await other.getByRole("note").innerText()).toContain("in cells 2, 3.");
    await other.getByRole("button", { name: "Remove" }).last().click();
    expect(await other.locator(".live-cell").count()).toBe(2);
    await other.getByRole("button", { name: "Add a cell" }).click();
    await expect.poll(codes, soon).toEqual(["const six = 6;", ""]); // and not what was removed
    const answer = (accept: boolean) => {
      other.once("dialog", (dialog) => void (accept ? dialog.accept() : dialog.dismiss()));
      return other.getByRole("button", { name: "Reset" }).click();
    };
    await answer(false);
    expect(await codes()).toEqual(["const six = 6;", ""]);
    await answer(true);
    await expect.poll(() => other.locator(".live-cell").count(), soon).toBe(1);
    expect(await other.getByRole("note").count()).toBe(0);
    await expect.poll(() => new URL(other.url()).hash, soon).toBe("");
    expect(complaints).toEqual([]);
    await Promise.all([page.close(), other.close()]);
  });

  test("a link of the playground cannot bring more cells than a page can bear", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open(`playground.html#code=${pack([[1e9, ""]])}`);
    expect(await page.locator(".live-cell").count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a cell of the playground that is removed while it runs is stopped", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open("playground.html");
    await page.locator(".cell-bar input[value=cpu]").check();
    await page.getByRole("button", { name: "Add a cell" }).click();
    const own = page.locator(".live-cell").last();
    await own.locator(".cm-content").click();
    await page.keyboard.insertText("for (;;);");
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => own.locator(".run-output").getAttribute("data-state"), soon).toBe("running");
    await own.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Add a cell" }).click();
    await own.locator(".cm-content").click();
    await page.keyboard.insertText("6 * 7");
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => own.locator(".shown-value").allInnerTexts(), soon).toEqual(["42"]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("an editor that cannot be loaded says so", { timeout: 2 * MINUTES }, async () => {
    const { page } = await open("playground.html");
    const chunk = /\/chunks\/editor\./;
    await page.route(chunk, (route) => route.abort());
    const cell = page.locator(".live-cell").first();
    await cell.getByRole("button", { name: "Edit" }).click();
    await expect
      .poll(() => cell.getByRole("alert").allInnerTexts(), soon)
      .toEqual([expect.stringContaining("The editor could not be loaded: ")]);
    expect(await cell.getByRole("button", { name: "Edit" }).isEnabled()).toBe(true);
    await page.close();
  });

  /** Checks cells with the declarations that the site carries for its editor. */
  function checker(): ReturnType<typeof cellChecker> {
    const [file] = globSync("assets/weft-declarations.*.json", { cwd: folder });
    return cellChecker(JSON.parse(readFileSync(join(folder, file!), "utf8")) as Files);
  }

  test("no cell has a type error", { timeout: 5 * MINUTES }, () => {
    const errors = checker();
    for (const { path, code } of withCells)
      code.forEach((_, i) => expect(errors(...code.slice(0, i + 1)), `${path}, cell ${i + 1}`).toEqual([]));
  });

  test("the checker knows what the cells above declare, with its types", { timeout: 5 * MINUTES }, () => {
    const errors = checker();
    const above = [
      'import { relu, type Tensor } from "@weft/tensor";\nconst { a, b: [c] } = { a: 1, b: ["x"] };',
      "interface Pair<T> { one: T }\nclass Box<T extends object> { value?: T }\nfunction f(x: Tensor) { return relu(x); }\nlet n = 1;",
      "const n = 'now a text';",
    ];
    const uses =
      "const p: Pair<number> = { one: a };\nnew Box<typeof p>();\nf satisfies (x: Tensor) => Tensor;\nn.length + c!.length;";
    expect(errors(...above, uses)).toEqual([]);
    expect(errors(...above, "a = 'text';")).toEqual(["Type 'string' is not assignable to type 'number'."]);
    expect(errors(...above, "nowhere;")).toEqual(["Cannot find name 'nowhere'."]);
    expect(errors("const x: string = await Promise.resolve(1);")).toEqual([
      "Type 'number' is not assignable to type 'string'.",
    ]);
  });

  test.for(withDevice)(
    "the cells of $path run on WebGPU",
    { timeout: 11 * MINUTES },
    async ({ path, cells, quick }) => {
      const { page, complaints } = await open(path);
      await expect.poll(() => page.locator(".cell-bar input[value=webgpu]").isChecked(), soon).toBe(true); // it is the default
      expect(await runFirst(page, "webgpu", cells, quick)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  test("both backends run side by side", { timeout: 2 * MINUTES }, async () => {
    const { page } = await open("tutorials/tensors.html");
    expect(await runFirst(page, "both", await page.locator(".live-cell").count())).toEqual([]);
    expect(await page.locator(".live-cell").last().locator(".run-head").allInnerTexts()).toEqual([
      expect.stringMatching(/^CPU · \d/),
      expect.stringMatching(/^WebGPU · \d/),
    ]);
    await page.close();
  });

  test.for([
    ["for (;;);", 0],
    ["for (let i = 0; ; i++) console.log(i)", 1000],
  ] as const)("an endless loop stops, and the page runs on: %s", { timeout: 2 * MINUTES }, async ([code, lines]) => {
    const { page, complaints } = await open("tutorials/tensors.html");
    const cell = page.locator(".live-cell").first();
    await edit(page, 0, code);
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => cell.locator(".run-output").getAttribute("data-state"), soon).toBe("running");
    await expect.poll(() => cell.locator(".shown-text").count(), soon).toBeGreaterThanOrEqual(lines);
    await cell.getByRole("button", { name: "Stop" }).click();
    await expect.poll(() => cell.locator(".shown-error").innerText(), soon).toContain("Stopped: it had not ended");
    await edit(page, 0, "6 * 7");
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => cell.locator(".shown-value").allInnerTexts(), soon).toEqual(["42"]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("an editor knows the types, of the cells above, too", { timeout: 5 * MINUTES }, async () => {
    const { page, complaints } = await open("tutorials/tensors.html");
    await edit(page, 6, "const wrong: string = x.shape; ");
    const mark = page.locator(".cm-lintRange-error");
    await expect.poll(() => mark.count(), { timeout: 4 * MINUTES }).toBeGreaterThan(0);
    await page.keyboard.press("Control+End");
    await page.keyboard.type("x.resh");
    await expect.poll(() => page.locator(".cm-tooltip-autocomplete li").allInnerTexts(), soon).toContain("reshape");
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a link carries the changed code", { timeout: 2 * MINUTES }, async () => {
    const { page } = await open("tutorials/tensors.html");
    await edit(page, 0, "'from a link, ü'");
    await page.getByRole("button", { name: "Link to this code" }).click();
    await expect.poll(() => page.url(), soon).toContain("#code=");
    const { page: other, complaints } = await open(page.url().slice(serving.address.length));
    await expect.poll(() => other.locator(".cm-content").first().innerText(), soon).toBe("'from a link, ü'");
    other.once("dialog", (dialog) => void dialog.accept());
    await other.getByRole("button", { name: "Reset" }).click();
    await expect.poll(() => other.locator(".cm-content").first().innerText(), soon).toContain("const radius = 2;");
    expect(complaints).toEqual([]);
    await Promise.all([page.close(), other.close()]);
  });

  test("a run of all that stops leads to the cell, a change comes again", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open("tutorials/tensors.html");
    await page.locator(".cell-bar input[value=cpu]").check();
    await edit(page, 0, "const radius = 3; Math.PI * radius ** 2\n//> 12.57");
    await edit(page, 1, "throw new Error('mine')");
    await page.getByRole("button", { name: "Run all" }).press("Enter");
    await expect.poll(() => page.getByRole("status").allInnerTexts(), soon).toContain("Run all stopped at cell 2.");
    expect(await page.getByRole("button", { name: "Run all" }).evaluate((x) => x === document.activeElement)).toBe(
      true,
    );
    expect(await page.locator(".shown-promise.void").first().innerText()).toContain(
      "The page promised 12.57; the code",
    );
    await page.getByRole("status").getByRole("link").click();
    await expect.poll(() => page.url(), soon).toContain("#cell-2");
    await page.reload();
    await expect.poll(() => page.locator(".cm-content").last().innerText(), soon).toBe("throw new Error('mine')");
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a page takes the files of a data set and no others, and forgets them", { timeout: 2 * MINUTES }, async () => {
    const { page, complaints } = await open("tutorials/mnist.html");
    const area = page.locator(".drop-files");
    const here = (): Promise<string[]> => area.locator("li.there").allInnerTexts();
    const labels = "train-labels-idx1-ubyte.gz";
    const choose = async (name: string): Promise<string> => {
      await area.locator("input").setInputFiles({ name, mimeType: "application/gzip", buffer: Buffer.from("labels") });
      // Else a browser sees no change where the same file is chosen again.
      await expect.poll(() => area.locator("input").inputValue(), soon).toBe("");
      await expect.poll(() => area.getByRole("alert").innerText(), soon).toContain(name);
      return area.getByRole("alert").innerText();
    };
    expect(await choose("other.gz")).toBe("Not kept: other.gz: no file of this set, as it is published, has this name");
    expect(await choose(labels)).toBe(`Not kept: ${labels}: expected 28881 bytes, found 6`);
    expect(await here()).toEqual([]);
    // A file of the set itself takes a download; that one is kept is a test of the package.
    const path = `/weft-data/mnist/${labels}`;
    await page.evaluate(async (path) => (await caches.open("weft-data")).put(path, new Response("labels")), path);
    await page.reload();
    await expect.poll(here, soon).toEqual([`${labels} is here`]);
    await area.getByRole("button", { name: "Forget them" }).click();
    await expect.poll(here, soon).toEqual([]);
    expect(await page.evaluate(async (path) => (await caches.match(path))?.text(), path)).toBe(undefined);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a page that may keep no files says so", { timeout: 2 * MINUTES }, async () => {
    const plain = await browser.newContext();
    await plain.addInitScript(() => Object.defineProperty(globalThis, "caches", { value: undefined }));
    const { page, complaints } = await open("tutorials/mnist.html", plain);
    const area = page.locator(".drop-files");
    const file = { name: "train-labels-idx1-ubyte.gz", mimeType: "", buffer: Buffer.from("x") };
    await area.locator("input").setInputFiles(file);
    await expect
      .poll(() => area.getByRole("alert").allInnerTexts(), soon)
      .toEqual(["This page cannot keep files: browsers let pages do that at https: and localhost only."]);
    expect(complaints).toEqual([]);
    await plain.close();
  });

  test("a page that is not isolated runs", { timeout: 2 * MINUTES }, async () => {
    const plain = await serveFolder(folder, base, false);
    const { page, complaints } = await open("tutorials/tensors.html", context, plain);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await page.locator(".live-cell").first().getByRole("button", { name: "Run" }).click();
    await expect.poll(() => page.locator(".shown-value").allInnerTexts(), soon).toEqual(["12.57"]);
    expect(complaints).toEqual([]);
    await page.close();
    plain.close();
  });

  test("without JavaScript a cell is highlighted code", async () => {
    const still = await browser.newContext({ javaScriptEnabled: false });
    const page = await still.newPage();
    await page.goto(`${serving.address}tutorials/tensors.html`);
    expect(await page.locator(".live-cell pre code").first().innerText()).toContain("const radius = 2;");
    expect(await page.locator(".live-cell pre code span[style]").count()).toBeGreaterThan(20);
    await still.close();
  });

  /** Opens a cell's editor, and writes other code into it. */
  async function edit(page: Page, i: number, code: string): Promise<void> {
    const cell = page.locator(".live-cell").nth(i);
    const button = cell.getByRole("button", { name: "Edit" });
    if ((await button.count()) > 0) await button.click();
    await cell.locator(".cm-content").click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(code);
  }
});
