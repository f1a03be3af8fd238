// Logs in files: lines of JSON, and event files, which a parser written from the format reads back.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError } from "@weft/nn";
import { UnsupportedError } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { afterAll, expect, test, vi } from "vitest";
import { jsonl, logTo, tensorBoard } from "../src/index.node.ts";
import * as page from "../src/index.ts";
import { crc32c, masked } from "../src/log/crc32c.ts";
import { record } from "../src/log/events.ts";
import { doublesIn, eventsIn, fieldsIn, maskedCrc, recordsIn, textIn } from "./events.ts";

const { tensor } = await open();
const work = mkdtempSync(join(tmpdir(), "weft-logs-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

test("CRC-32C has the values of RFC 3720", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k))).toBe(0x46dd794e);
  expect(crc32c(new Uint8Array())).toBe(0);
  for (let n = 0; n < 50; n++) {
    const bytes = Uint8Array.from({ length: n }, (_, k) => (k * 37 + n * 101) % 256);
    expect(BigInt(masked(crc32c(bytes)))).toBe(maskedCrc(bytes));
  }
});

test("lines of JSON: scalars, texts, histograms, settings; NaN is a string", async () => {
  const path = join(work, "some/folder/run.jsonl");
  const log = jsonl(path);
  log.settings({ lr: 0.1, name: "a\nb", deep: true });
  log.scalars(1, { loss: 0.5, accuracy: NaN, worst: -Infinity });
  log.text(2, "note", "hello");
  await log.histogram(3, "w", tensor([0, 1, 1, 3]));
  await log.flush();
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const [settings, scalars, text, histogram] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(settings).toMatchObject({ settings: { lr: 0.1, name: "a\nb", deep: true } });
  expect(scalars).toEqual({
    step: 1,
    time: expect.closeTo(Date.now() / 1000, -2),
    loss: 0.5,
    accuracy: "NaN",
    worst: "-Infinity",
  });
  expect(text).toMatchObject({ step: 2, name: "note", text: "hello" });
  const found = histogram!["histogram"] as { counts: number[]; edges: number[] };
  expect(found).toMatchObject({ least: 0, most: 3, count: 4, sum: 5, squares: 11 });
  expect(found.counts.reduce((a, b) => a + b)).toBe(4);
  expect([found.counts[0], found.counts[10], found.counts[29], found.edges[29]]).toEqual([1, 2, 1, 3]);
});

test("what is noted is written within a second, also if nothing follows; its time may be given", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const path = join(work, "slow.jsonl");
    const folder = join(work, "slow");
    const logs = [jsonl(path), tensorBoard(folder)];
    for (const log of logs) log.scalars(1, { loss: 4 }, 1234.5);
    await vi.advanceTimersByTimeAsync(999);
    expect(existsSync(path)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await vi.waitFor(() => {
      expect(readFileSync(path, "utf8")).toBe('{"step":1,"time":1234.5,"loss":4}\n');
      const [event] = eventsIn(readFileSync(join(folder, eventFiles(folder)[0]!))).filter(({ tag }) => tag === "loss");
      expect(event).toMatchObject({ step: 1, time: 1234.5 });
    });
    // Where timers have no turn, as between two steps that never wait, the next entry writes.
    logs[0]!.scalars(2, { loss: 2 });
    const later = performance.now() + 1000;
    vi.spyOn(performance, "now").mockReturnValue(later);
    logs[0]!.scalars(3, { loss: 1 });
    expect(vi.getTimerCount()).toBe(0);
    await vi.waitFor(() => expect(readFileSync(path, "utf8").match(/"step":\d/g)).toHaveLength(3));
    expect(() => logs[0]!.scalars(3, { loss: 2 }, NaN)).toThrow("jsonl: wanted a finite number as the time, got");
  } finally {
    vi.restoreAllMocks();
    vi.useRealTimers();
  }
});

test("an existing file of lines is appended to, without the line that a killed program left", async () => {
  const path = join(work, "cut.jsonl");
  await logTo([1, 2], jsonl(path));
  const whole = readFileSync(path, "utf8");
  const long = `{"step":3,"time":5,"name":"note","text":"${"€".repeat(100_000)}`;
  for (const cut of [
    "",
    "{",
    '{"st',
    '{"step":3,"ti',
    '{"time":3,"sett',
    long,
    Buffer.from(long).subarray(0, 150_001),
  ]) {
    writeFileSync(path, Buffer.concat([Buffer.from(whole), Buffer.from(cut)]));
    await logTo([3], jsonl(path));
    const steps = readFileSync(path, "utf8").trimEnd().split("\n").map((line) => (JSON.parse(line) as { loss: number }).loss); // prettier-ignore
    expect(steps).toEqual([1, 2, 3]);
  }
});

test("a last line that is whole, or not ours, is kept, and ended", async () => {
  const path = join(work, "kept.jsonl");
  const others = [
    '{"step":3,"time":1,"loss":3}',
    '{"mine":1',
    "no line at all",
    "1",
    "  ",
    "x".repeat(200_000),
    "a\nb",
  ];
  for (const before of others) {
    writeFileSync(path, before);
    await logTo([5], jsonl(path));
    const now = readFileSync(path, "utf8");
    expect(now.slice(0, before.length + 1)).toBe(`${before}\n`);
    expect(now.slice(before.length + 1)).toMatch(/^\{"step":1,.*"loss":5\}\n$/);
  }
});

test("logs in files have no options", () => {
  for (const [op, make, what] of [
    ["jsonl", jsonl, "file"],
    ["tensorBoard", tensorBoard, "folder"],
  ] as const)
    // oxfmt-ignore
    expect(() => (make as (...all: unknown[]) => unknown)(join(work, "none"), { flush: 3 })).toThrow(
      `${op}: there are no options; wanted the path of a ${what} only, got also { flush }`,
    );
});

test("what cannot be noted is refused where it is given, and the log goes on", async () => {
  const path = join(work, "refused.jsonl");
  for (const [op, log] of [
    ["jsonl", jsonl(path)],
    ["tensorBoard", tensorBoard(join(work, "refused"))],
  ] as const) {
    const any = log as any;
    for (const step of [NaN, "a", null, 3n, Infinity]) {
      expect(() => any.scalars(step, { loss: 1 })).toThrow(`${op}: wanted`);
      expect(() => any.text(step, "a", "b")).toThrow(`${op}: wanted`);
      await expect(any.histogram(step, "a", [1])).rejects.toThrow(`${op}: wanted`);
    }
    if (op === "tensorBoard")
      expect(() => any.scalars(1.5, { loss: 1 })).toThrow("wanted an integer as the step, got number 1.5");
    for (const values of [null, undefined, 5, [1], tensor(1), { loss: 1n }, { loss: "1" }, { loss: null }])
      expect(() => any.scalars(1, values)).toThrow(`${op}: wanted`);
    for (const settings of [null, 5, ["a"], { lr: 1n }, { lr: null }, { lr: [1] }])
      expect(() => any.settings(settings)).toThrow(`${op}: wanted`);
    for (const text of [undefined, 5]) expect(() => any.text(1, "a", text)).toThrow("wanted a string as the text");
    for (const values of [undefined, null, 5, ["a"], [null], {}])
      await expect(any.histogram(1, "w", values)).rejects.toThrow(`${op}: wanted`);
    log.scalars(1, { loss: 1 });
    await log.flush();
  }
  for (const name of ["step", "time"]) expect(() => jsonl(path).scalars(1, { [name]: 5 })).toThrow(`named ${name}`);
  expect(readFileSync(path, "utf8")).toMatch(/^\{"step":1,.*"loss":1\}\n$/);
});

test("logTo refuses values that are none, and keeps every name", async () => {
  for (const values of [null, 5, "x", [1]])
    await expect(logTo([1], { scalars: () => {} }, { values: () => values as never })).rejects.toThrow(
      "logTo: wanted numbers by name from values(item, step), as in { loss: item }, got",
    );
  const noted: object[] = [];
  const log = { scalars: (_: number, values: object) => void noted.push(values) };
  await logTo([1], log, { values: () => JSON.parse('{"__proto__":1,"constructor":2}') });
  expect(Object.entries(noted[0]!)).toEqual([["__proto__", 1], ["constructor", 2]]); // prettier-ignore
});

const eventFiles = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));

test("event files are read back: framing, checksums, scalars, texts, histograms, settings", async () => {
  const folder = join(work, "runs/1");
  const log = tensorBoard(folder);
  log.settings({ lr: 0.5, optimizer: "adam", amsgrad: true });
  log.scalars(7, { "train/loss": 0.25, "Genauigkeit €": 0.5 });
  log.scalars(2 ** 40, { loss: NaN });
  log.text(3, "notes", "# Title");
  await log.histogram(4, "w", [1, 2, NaN, 3]);
  await log.flush();
  const [name, ...more] = eventFiles(folder);
  expect(more).toEqual([]);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\..+\.\d+\.\d+$/);
  const file = readFileSync(join(folder, name!));
  expect(recordsIn(file).rest).toBe(0);
  const events = eventsIn(file);
  for (const { time } of events) expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
  expect(events.map(({ step, version, tag }) => [step, version ?? tag])).toEqual([
    [0, "brain.Event:2"],
    [0, "_hparams_/session_start_info"],
    [7, "train/loss"],
    [7, "Genauigkeit €"],
    [2 ** 40, "loss"],
    [3, "notes"],
    [4, "w"],
  ]);
  const [, settings, first, second, third, text, histogram] = events.map(({ value }) => value!);
  expect([first, second, third].map((value) => value![2])).toEqual([[0.25], [0.5], [NaN]]);

  // SummaryMetadata { plugin_data = 1 { plugin_name = 1; content = 2 } }, TensorProto { dtype = 1; shape = 2; string_val = 8 }
  const plugin = fieldsIn(fieldsIn(text![9]![0] as Uint8Array)[1]![0] as Uint8Array);
  expect(textIn(plugin[1]![0])).toBe("text");
  const words = fieldsIn(text![8]![0] as Uint8Array);
  expect([words[1], textIn(words[8]![0])]).toEqual([[7n], "# Title"]);
  expect(fieldsIn(fieldsIn(words[2]![0] as Uint8Array)[2]![0] as Uint8Array)).toEqual({ 1: [1n] });

  // HistogramProto { min, max, num, sum, sum_squares, bucket_limit = 6, bucket = 7 }
  const { 6: limits, 7: buckets, ...moments } = fieldsIn(histogram![5]![0] as Uint8Array);
  expect(moments).toEqual({ 1: [1], 2: [3], 3: [3], 4: [6], 5: [14] });
  expect(doublesIn(limits![0]).at(-1)).toBe(3);
  expect(doublesIn(buckets![0]).filter((n) => n > 0)).toEqual([1, 1, 1]);

  // HParamsPluginData { version = 1; session_start_info = 3 { map<string, Value> hparams = 1; start_time_secs = 5 } }
  const shown = fieldsIn(fieldsIn(settings![9]![0] as Uint8Array)[1]![0] as Uint8Array);
  expect(textIn(shown[1]![0])).toBe("hparams");
  const content = fieldsIn(shown[2]![0] as Uint8Array);
  expect(content[1]).toEqual([0n]);
  const start = fieldsIn(content[3]![0] as Uint8Array);
  const entries = start[1]!.map((entry) => fieldsIn(entry as Uint8Array));
  expect(entries.map((entry) => textIn(entry[1]![0]))).toEqual(["lr", "optimizer", "amsgrad"]);
  const [lr, optimizer, amsgrad] = entries.map((entry) => fieldsIn(entry[2]![0] as Uint8Array));
  expect([lr![2], textIn(optimizer![3]![0]), amsgrad![4]]).toEqual([[0.5], "adam", [1n]]);
  expect(typeof start[5]![0]).toBe("number");
});

test("a prefix of an event file is readable up to its last complete record; a flipped bit is found", () => {
  const parts = [3, 0, 200].map((n) => record(new Uint8Array(n).fill(n)));
  const whole = Buffer.concat(parts);
  const ends = parts.map((_, k) => parts.slice(0, k + 1).reduce((n, part) => n + part.length, 0));
  for (let n = 0; n <= whole.length; n++) {
    const { records, rest } = recordsIn(whole.subarray(0, n));
    const complete = ends.filter((end) => end <= n);
    expect([records.length, n - rest]).toEqual([complete.length, complete.at(-1) ?? 0]);
  }
  for (let byte = 0; byte < whole.length; byte++) {
    const wrong = Uint8Array.from(whole);
    wrong[byte]! ^= 1;
    expect(() => recordsIn(wrong)).toThrow(/wrong/);
  }
});

test("each log has a file of its own, and logTo writes to several at once", async () => {
  const folder = join(work, "runs/2");
  const lines = join(work, "both.jsonl");
  await logTo([4, 2], [tensorBoard(folder), jsonl(lines)], { values: (item) => ({ loss: item, double: 2 * item }) });
  await logTo([1], tensorBoard(folder), { step: () => 3 });
  const all = eventFiles(folder).flatMap((name) => eventsIn(readFileSync(join(folder, name))));
  const scalars = all.filter(({ tag }) => tag === "loss").map(({ step, value }) => [step, value![2]![0]]);
  expect(scalars.toSorted()).toEqual([[1, 4], [2, 2], [3, 1]]); // prettier-ignore
  expect(eventFiles(folder)).toHaveLength(2);
  expect(readFileSync(lines, "utf8").split("\n")).toHaveLength(3);
});

test("what cannot be written is an error of the loop, which names the file", async () => {
  const blocked = join(work, "file");
  appendFileSync(blocked, "x");
  await expect(logTo([1, 2], jsonl(join(blocked, "run.jsonl")))).rejects.toThrow(FileError);
  const log = tensorBoard(blocked);
  await expect(logTo([1, 2], log)).rejects.toThrow(/log: could not write .*file/);
  expect(() => log.scalars(1, { loss: 1 })).toThrow(FileError);
  expect(() => jsonl("")).toThrow("jsonl: wanted the path of a file");
});

test("in a page, what writes files says what to do instead", () => {
  expect(() => page.jsonl("run.jsonl")).toThrow(UnsupportedError);
  expect(() => page.tensorBoard("runs")).toThrow("tensorBoard: a page has no files. Pass logTo an object");
  expect(() => page.checkpoints([], { model: {}, folder: "run" })).toThrow("checkpoints: a page has no files");
});

test("a line whose numbers have numbers as names is known as one that was cut off", async () => {
  const file = join(work, "numbered.jsonl");
  const first = jsonl(file);
  first.scalars(1, { "0": 5, loss: 1 });
  await first.flush();
  const line = readFileSync(file, "utf8");
  expect(line).toMatch(/^\{"step":1,"time":[\d.]+,"0":5,"loss":1\}\n$/);
  for (const kept of [12, line.length - 3]) {
    writeFileSync(file, line.slice(0, kept));
    const next = jsonl(file);
    next.scalars(2, {});
    await next.flush();
    expect(readFileSync(file, "utf8")).toMatch(/^\{"step":2,"time":[\d.]+\}\n$/);
  }
});
