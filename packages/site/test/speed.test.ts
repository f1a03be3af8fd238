// The speed test: what it measures, what a link of it carries, and the tables beside it.
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import loader from "../.vitepress/theme/results.data.ts";
import { pack } from "../src/cells/fragment.ts";
import { part, tableMarked } from "../src/markdown/tables.ts";
import { browserName } from "../src/speed/browser.ts";
import { linkToResult, resultIn } from "../src/speed/result.ts";
import { measure, type SpeedReport } from "../src/speed/run.ts";
import { tasks } from "../src/speed/tasks.ts";
import { secondsOfRun } from "../src/speed/timing.ts";

test("every task is measured on the CPU, after the device is named", async () => {
  const reports: SpeedReport[] = [];
  await measure("cpu", (report) => reports.push(report), { seconds: 0.001, blocks: 1, most: 1 });
  expect(reports.slice(0, -1)).toEqual([
    { device: expect.stringMatching(/^one of \d+ cores$/) },
    { task: "product", figure: expect.any(Number) },
    { task: "mlp", figure: expect.any(Number) },
    { task: "lenet", figure: expect.any(Number) },
  ]);
  expect(reports.at(-1)).toEqual({ ended: true });
  for (const report of reports) if ("task" in report) expect(report.figure).toSatisfy((x: number) => x > 0 && x < 1e7);
});

test("blocks grow until they are long enough, and the time is that of one run", async () => {
  const sizes: number[] = [];
  let now = 0;
  const clock = performance.now.bind(performance);
  performance.now = () => now;
  try {
    const seconds = await secondsOfRun(
      async (times) => {
        sizes.push(times);
        now += times; // a millisecond a run
        return 0;
      },
      { seconds: 0.1, blocks: 3, most: 1024 },
    );
    expect(seconds).toBeCloseTo(0.001);
    expect(sizes).toEqual([1, 1, 4, 16, 64, 100, 100, 100]);
  } finally {
    performance.now = clock;
  }
});

test("products keep their size, and runs that compute no number have no time", async () => {
  const product = tasks.product.work(await open());
  const first = await product(0);
  expect(Math.abs((await product(1)) - first)).toBeGreaterThan(1e-3);
  expect(await product(1)).toBeCloseTo(first, 4); // a reflection of a reflection
  await expect(secondsOfRun(() => Promise.resolve(Number.NaN))).rejects.toThrow("speed test: 1 runs gave NaN");
});

test("a link carries a result, and what is no such link carries none", () => {
  const reached = { cpu: { device: "one of 8 cores", figures: { product: 45.5, mlp: 1200 } } };
  const result = { browser: "Firefox 150 on Linux", version: "0.1.0", date: "2026-11-30", reached };
  const { hash } = new URL(linkToResult("https://x.org/weft/#part", result));
  expect(resultIn(hash)).toEqual(result);
  const figures = (product: unknown) => ({ cpu: { device: "one of 8 cores", figures: { product } } });
  const wrong = [
    { ...result, date: 7 },
    { ...result, reached: undefined },
    { ...result, reached: null },
    { ...result, reached: figures(null) }, // what JSON makes of an infinite one
    { ...result, reached: figures("45.5") },
    null,
  ].map((value) => `#speed=${pack(value)}`);
  for (const fragment of ["", "#part", "#speed=", "#speed=%%", hash.slice(0, 30), ...wrong])
    expect(resultIn(fragment), fragment).toBeUndefined();
});

test("browsers are named by what they say", () => {
  const brands = [
    { brand: "Not/A)Brand", version: "8" },
    { brand: "Chromium", version: "153" },
  ];
  expect(browserName({ userAgent: "", userAgentData: { brands, platform: "Linux" } })).toBe("Chromium 153 on Linux");
  const chrome = [...brands, { brand: "Google Chrome", version: "153" }];
  expect(browserName({ userAgent: "", userAgentData: { brands: chrome, platform: "Windows" } })).toBe(
    "Google Chrome 153 on Windows",
  );
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
  expect(browserName({ userAgent: firefox })).toBe("Firefox 150 on Linux");
  const safari =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 (KHTML, like Gecko) Version/26.1 Safari/605";
  expect(browserName({ userAgent: safari })).toBe("Safari 26.1 on Mac OS X");
});

test("the first page takes its tables from the documents", async () => {
  const { tables } = await loader.load();
  // VitePress has one renderer a process: it is that of another file, if one was first.
  expect(tables.reached.rows.map(([first]) => first)).toContainEqual(expect.stringMatching(/^<code[^>]*>gpt<\/code>$/));
  expect(tables.gpu.columns).toEqual(["row", "Weft", "eager", "×", "graph", "×"]);
  expect(tables.cpu.rows).toHaveLength(4);
  for (const { note } of Object.values(tables)) expect(note).toMatch(/2026-\d\d-\d\d/);
});

test("a table is found below its mark; a row that is missing, a column that moved and a second mark are errors", () => {
  const mark = "<!-- site: b: On a *quiet* day. -->";
  const text = `| x |\n| - |\n| 0 |\n\n${mark}\ntext\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n| 3 | 4 |\n`;
  const table = tableMarked(text, "b");
  expect(table).toEqual({ columns: ["a", "b"], rows: [["1", "2"], ["3", "4"]], note: "On a *quiet* day." }); // prettier-ignore
  expect(part(table, ["3"], ["a"])).toEqual({ columns: ["a"], rows: [["3"]] });
  expect(() => part(table, ["5"])).toThrow('the table has no row "5": there is 1, 3');
  expect(() => part(table, ["3"], ["b"])).toThrow("the table begins with the columns a; wanted b");
  expect(() => tableMarked(text, "c")).toThrow('wanted one mark "<!-- site: c: … -->", found 0');
  expect(() => tableMarked(text + text, "b")).toThrow("found 2");
  expect(() => tableMarked(mark, "b")).toThrow('there is no table below the mark of "b"');
});
