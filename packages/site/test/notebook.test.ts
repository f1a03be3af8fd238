// What stands between a page and its worker: the line that names the backend, links, outputs that are drawn.
import { deflateSync, strToU8 } from "fflate";
import { createMarkdownRenderer } from "vitepress";
import { expect, test, vi } from "vitest";
import { backendIn, onBackend } from "../src/cells/backends.ts";
import { copying } from "../src/cells/copying.ts";
import { pack, unpack } from "../src/cells/fragment.ts";
import { Begun, keep } from "../src/cells/kept.ts";
import { codeIn, linkTo } from "../src/cells/link.ts";
import type { Port, Report } from "../src/cells/messages.ts";
import { Notebook } from "../src/cells/notebook.ts";
import { colored, pictures } from "../src/cells/pictures.ts";
import { serve } from "../src/cells/serve.ts";
import { transcript, type Item } from "../src/cells/transcript.ts";
import { cellsOf, quickCells, shortCode } from "../src/markdown/cells.ts";
import { policy } from "../src/markdown/policy.ts";
import { evaluate } from "./evaluate.ts";

test("the switch changes the line that imports open, and no other", () => {
  const code = 'import { open } from "@weft/tensor-cpu";\nimport { open as other } from "@weft/tensor-cpu";\n';
  expect(onBackend(code, "webgpu")).toBe(code.replace("tensor-cpu", "tensor-webgpu"));
  expect(onBackend(onBackend(code, "webgpu"), "cpu")).toBe(code);
  expect([backendIn(code), backendIn(onBackend(code, "webgpu")), backendIn("1")]).toEqual(["cpu", "webgpu", undefined]);
});

test("a link carries changed cells, and what is no such link carries none", () => {
  const cells = ["same", "changed", "ü\n✓"].map((original) => ({ original, code: original }));
  expect(linkTo("https://x.org/page#part", cells)).toBe("https://x.org/page");
  cells[1]!.code = "other";
  cells[2]!.code = "ü\n✓ and more";
  const { hash } = new URL(linkTo("https://x.org/page#part", cells));
  expect([...codeIn(hash)]).toEqual([
    [1, "other"],
    [2, "ü\n✓ and more"],
  ]);
  for (const fragment of ["", "#part", "#code=", "#code=%%", hash.slice(0, 20)]) expect(codeIn(fragment).size).toBe(0);
});

test("a link brings no cells at places that no page has, and no more text than a page can bear", () => {
  const link = (value: unknown) => codeIn(`#code=${pack(value)}`);
  const places = [1e9, 200, -1, 0.5, "1", null].map((place) => [place, "x"]);
  expect([...link([...places, [199, "kept"], [7, 7], [8, "a", "b"]])]).toEqual([[199, "kept"]]);
  expect(link([[0, "x".repeat(1_000_000)]]).size).toBe(1);
  expect(link([[0, "x".repeat(3_000_000)]]).size).toBe(0); // a link of 4,000 characters
  const noise = Array.from({ length: 60_000 }, (_, i) => Math.sin(i));
  expect(pack(noise).length).toBeGreaterThan(200_000);
  expect(unpack(pack(noise))).toBeUndefined();
});

test("a cell that is removed while it runs is stopped, and others run on", async () => {
  const sent: string[] = [];
  let ended = 0;
  const silent = (): Port => ({
    send: ({ source }) => sent.push(source),
    listen() {},
    terminate: () => ended++,
  });
  const notebook = new Notebook(silent);
  const [a, b, c] = [notebook.add("for (;;);"), notebook.add("1"), notebook.add("2")];
  const run = notebook.run(a);
  await expect.poll(() => sent).toEqual(["for (;;);"]);
  expect(notebook.running.value).toBe(true);
  notebook.remove(b);
  expect(ended).toBe(0);
  notebook.remove(a);
  expect([notebook.running.value, ended]).toEqual([false, 1]);
  await run;
  void notebook.run(c);
  await expect.poll(() => sent).toEqual(["for (;;);", "2"]);
});

/** What a tab keeps. */
function storage(): Storage {
  const texts = new Map<string, string>();
  return {
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, text) => void texts.set(key, text),
    removeItem: (key) => void texts.delete(key),
    clear: () => texts.clear(),
    key: (i) => [...texts.keys()][i] ?? null,
    get length() {
      return texts.size;
    },
  };
}

test("what the reader changed comes again, until it is taken back, the page is another one, or a link brings code", () => {
  const tab = storage();
  const cells = ["a", "b", ""].map((original) => ({ original, code: original }));
  keep(tab, "/p", "#part", cells);
  expect(tab.length).toBe(0);
  cells[1]!.code = "b2";
  cells[2]!.code = "own";
  keep(tab, "/p", "#part", cells);
  const begun = new Begun(tab, "/p", "");
  expect([begun.code(0, "a"), begun.code(1, "b"), begun.code(2, ""), begun.cells]).toEqual([undefined, "b2", "own", 3]);
  expect(begun.code(1, "b, mended")).toBeUndefined();
  expect(new Begun(tab, "/other", "").cells).toBe(0);
  const link = `#code=${pack([[0, "linked"]])}`;
  const followed = new Begun(tab, "/p", link);
  expect([followed.code(0, "a"), followed.code(1, "b"), followed.cells]).toEqual(["linked", undefined, 1]);
  cells.forEach((cell) => (cell.code = cell.original));
  cells[0]!.code = "linked, and changed";
  keep(tab, "/p", link, cells);
  for (const fragment of [link, "#part"]) {
    const again = new Begun(tab, "/p", fragment);
    expect([again.code(0, "a"), again.linked, again.fragment]).toEqual(["linked, and changed", [0], link]);
  }
  cells[0]!.code = "a";
  keep(tab, "/p", link, cells);
  expect(tab.length).toBe(0);
});

test("a tab that keeps nothing, or something else, is no hindrance", () => {
  const full = {
    ...storage(),
    setItem: () => {
      throw new Error("full");
    },
  };
  keep(full, "/p", "", [{ original: "a", code: "b" }]);
  const strange = storage();
  for (const text of ["{", "5", '{"fragment":"","cells":5}']) {
    strange.setItem("weft-cells:/p", text);
    expect(new Begun(strange, "/p", "").cells).toBe(0);
  }
});

test("a run of all says at which cell it stopped, until something runs or is reset", async () => {
  const port = (): Port => {
    let told: (report: Report) => void;
    return {
      send: ({ run, source }) => told({ run, outcome: { ok: source !== "wrong", milliseconds: 1 } }),
      listen: (report) => void (told = report),
      terminate() {},
    };
  };
  const notebook = new Notebook(port);
  const [, wrong] = ["1", "wrong", "2"].map((code) => notebook.add(code));
  await notebook.runAll();
  expect(notebook.stoppedAt.value).toBe(2);
  await notebook.run(wrong!);
  expect(notebook.stoppedAt.value).toBeUndefined();
  await notebook.runAll();
  notebook.reset();
  expect(notebook.stoppedAt.value).toBeUndefined();
});

test("a cell that runs when the page is reset shows nothing afterwards", async () => {
  const notebook = new Notebook(() => ({ send() {}, listen() {}, terminate() {} }));
  const cell = notebook.add("for (;;);");
  const run = notebook.run(cell);
  await expect.poll(() => cell.runs.cpu.state).toBe("running");
  notebook.reset();
  await run;
  expect([cell.runs.cpu.state, cell.runs.cpu.items]).toEqual(["new", []]);
});

test("promises bind until code was changed, and again when it was taken back and has run", async () => {
  const sent: boolean[] = [];
  const port = (): Port => {
    let told: (report: Report) => void;
    return {
      send({ run, changed }) {
        sent.push(changed);
        told({ run, outcome: { ok: true, milliseconds: 1 } });
      },
      listen: (report) => void (told = report),
      terminate() {},
    };
  };
  const notebook = new Notebook(port);
  const [a, b] = [notebook.add("1"), notebook.add("2")];
  await notebook.runAll();
  a.code = "3";
  await notebook.runAll();
  a.code = a.original;
  await notebook.run(b);
  await notebook.runAll();
  expect(sent).toEqual([false, false, true, true, true, false, false]);
});

test("a reset says that cells were added, if it would lose code of them", () => {
  const notebook = new Notebook();
  const [, own] = [notebook.add("1"), notebook.add("", true)];
  expect(notebook.hasOwn.value).toBe(false);
  own.code = "2";
  expect([notebook.hasOwn.value, notebook.resets.value]).toEqual([true, 0]);
  notebook.reset();
  expect([own.code, notebook.hasOwn.value, notebook.resets.value]).toEqual(["", false, 1]);
});

test("a button of a link says that it was copied only if it was", async () => {
  const addresses: string[] = [];
  const kept: string[] = [];
  vi.stubGlobal("history", {
    state: null,
    replaceState: (_: unknown, __: string, link: string) => addresses.push(link),
  });
  const saidWith = async (clipboard?: { writeText(text: string): Promise<void> }): Promise<string> => {
    vi.stubGlobal("navigator", { clipboard });
    const { said, copy } = copying("Link");
    await copy("https://x.org/#code=x");
    return said.value;
  };
  try {
    vi.useFakeTimers();
    expect(await saidWith()).toBe("In the address bar");
    expect(await saidWith({ writeText: () => Promise.reject(new Error("not allowed")) })).toBe("In the address bar");
    expect(await saidWith({ writeText: async (text) => void kept.push(text) })).toBe("Copied");
  } finally {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  }
  expect([addresses.length, kept]).toEqual([3, ["https://x.org/#code=x"]]);
});

test("points join their curve, and a bar moves", () => {
  const items: Item[] = [];
  let moves = 0;
  const take = transcript(items, () => moves++);
  take({ kind: "curve", id: 1, names: ["a", "b"], x: "step", log: false });
  take({ kind: "progress", id: 2, text: "1/2", part: 0.5 });
  take({ kind: "point", id: 1, x: 0, values: [3, 4] });
  take({ kind: "progress", id: 2, text: "2/2", part: 1 });
  take({ kind: "point", id: 1, x: 1, values: [5, 6] });
  take({ kind: "point", id: 9, x: 1, values: [5] });
  expect(items).toMatchObject([
    {
      kind: "curve",
      points: [
        [0, 1],
        [3, 5],
        [4, 6],
      ],
    },
    { kind: "progress", text: "2/2" },
  ]);
  expect(moves).toBe(2);
});

/** What a served cell reports. */
async function reportsOf(source: string): Promise<Report[]> {
  const reports: Report[] = [];
  await new Promise<void>((resolve) => {
    const { receive } = serve(evaluate, (report) => {
      reports.push(structuredClone(report)); // as a worker's messages are
      if ("outcome" in report) resolve();
    });
    receive({ run: 1, source, changed: false });
  });
  return reports;
}
const outputsOf = (reports: readonly Report[]) =>
  reports.flatMap((report) => ("outputs" in report ? report.outputs : []));

test("a cell that prints a lot sends few lines, the last ones among them, and says how much was left out", async () => {
  const reports = await reportsOf("for (let i = 0; i < 40_000; i++) console.log(i);\n'end'");
  const texts = outputsOf(reports);
  expect(texts[0]).toEqual({ kind: "text", text: "0", level: "log" });
  expect(texts.at(-1)).toEqual({ kind: "value", text: "end" });
  const left = texts.flatMap((output) =>
    output.kind === "text" ? (/^… (\d+) more$/.exec(output.text)?.[1] ?? []) : [],
  );
  expect(left.length).toBeGreaterThan(0);
  expect(texts.length - left.length + left.map(Number).reduce((a, b) => a + b)).toBe(40_001);
  expect(reports.at(-1)).toMatchObject({ run: 1, outcome: { ok: true } });
});

test("what a message cannot carry is an error, and the cell ends", async () => {
  const cell =
    "import { table, curve } from '@weft/site/page';\ntable([{ a: 1 }], [Symbol('s') as any]);\ncurve('a').add(1, 2);";
  expect(outputsOf(await reportsOf(cell))).toMatchObject([{ kind: "table" }, { kind: "curve" }, { kind: "point" }]);
  const reports: Report[] = [];
  const { receive } = serve(evaluate, (report) => {
    if ("outputs" in report && report.outputs.some(({ kind }) => kind === "table")) throw new TypeError("no clone");
    reports.push(report);
  });
  receive({ run: 1, source: cell, changed: false });
  await expect.poll(() => reports.at(-1)).toMatchObject({ outcome: { ok: false } });
  expect(outputsOf(reports)).toMatchObject([
    { kind: "error", message: expect.stringMatching(/^table: this cannot be shown/) as string },
    { kind: "curve" },
    { kind: "point" },
  ]);
});

test("a page moves few of its outputs when more come, and keeps its curves", () => {
  let moves = 0;
  const items = new Proxy<Item[]>([], {
    set: (target, name, value) => {
      moves++;
      return Reflect.set(target, name, value);
    },
  });
  const take = transcript(items, () => {});
  take({ kind: "curve", id: 1, names: ["a"], x: "step", log: false });
  for (let i = 0; i < 10_000; i++) take({ kind: "text", text: String(i), level: "log" });
  expect(items.length).toBeLessThanOrEqual(1500);
  expect([items[0], items.at(-1)]).toMatchObject([{ kind: "curve" }, { text: "9999" }]);
  expect(moves).toBeLessThan(100_000);
});

test("a text that unpacks to more than a page can bear is none, and a link is unpacked once for all cells", () => {
  const padded = (spaces: number) =>
    btoa(String.fromCharCode(...deflateSync(strToU8(`1${" ".repeat(spaces)}`))))
      .replaceAll("+", "-")
      .replaceAll("/", "_");
  expect([unpack(padded(1_000_000)), unpack(padded(2_000_000))]).toEqual([1, undefined]);
  const parse = vi.spyOn(JSON, "parse");
  const fragment = `#code=${pack([[0, "once"]])}`;
  for (let cell = 0; cell < 24; cell++) expect(codeIn(fragment).get(cell)).toBe(cell === 0 ? "once" : undefined);
  expect(parse).toHaveBeenCalledTimes(1);
  parse.mockRestore();
});

test("images of one channel and of three become pixels", () => {
  const gray = pictures([1, 2]);
  expect(colored(Float32Array.of(0, 0.5), gray, [0, 1])).toEqual([
    Uint8ClampedArray.of(0, 0, 0, 255, 128, 128, 128, 255),
  ]);
  const color = pictures([1, 3, 1, 1]);
  expect(colored(Uint8Array.of(10, 20, 30), color, [0, 255])).toEqual([Uint8ClampedArray.of(10, 20, 30, 255)]);
  expect(() => pictures([2, 2, 2])).toThrow(/^image: wanted .* got \[2, 2, 2\]$/);
});

test("cells are found in a page, other blocks are not", () => {
  const page = "````md\n```ts\nno\n```\n````\n\n```ts cell\na\n```\n\n```ts cell slow\nb\nc\n```\n```ts\nd\n```\n";
  expect(cellsOf(page)).toEqual(["a", "b\nc"]);
  expect([quickCells(page), quickCells("```ts cell\na\n```\n")]).toEqual([1, 1]);
});

test("short code is marked, so that a table does not break it", async () => {
  // VitePress has one renderer a process, which another file may have asked for.
  const md = await createMarkdownRenderer(import.meta.dirname);
  shortCode(md);
  const long = "x".repeat(41);
  const html = md.renderInline(`\`lenet --epochs 10\` \`${long}\``);
  expect(html).toMatch(
    new RegExp(`<code class="short"[^>]*>lenet --epochs 10</code> <code(?! class)[^>]*>${long}</code>`),
  );
});

test("the policy of a page names the scripts that are written into it", () => {
  const html = policy('<head><meta charset="utf-8"><script>1</script><script src="a.js"></script></head>');
  expect(html).toContain("script-src 'self' 'wasm-unsafe-eval' 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=';");
  expect(html).not.toContain(" 'unsafe-eval'");
  for (const door of ["base-uri 'none'", "form-action 'none'"]) expect(html).toContain(door); // no default covers them
});
