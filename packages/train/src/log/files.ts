// Logs in files: lines of JSON, and TensorBoard's event files.
import { open } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { ArgumentError } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import { makeFolder } from "../folder.ts";
import { Appended } from "./appended.ts";
import { checksOf } from "./entry.ts";
import { beginning, histogramEvent, scalarEvents, settingsEvent, textEvent } from "./events.ts";
import { histogramOf } from "./histogram.ts";
import type { FileLog } from "./log.ts";

function checkPath(op: string, what: string, path: unknown, more: readonly unknown[]): void {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(`${op}: wanted the path of a ${what}, got ${describe(path)}`);
  if (more.length > 0)
    throw new ArgumentError(
      `${op}: there are no options; wanted the path of a ${what} only, got also ${describe(more[0])}`,
    );
}

const now = (): number => Date.now() / 1000;

/** JSON has no NaN and no infinities: these are strings. */
const written = (_: string, x: unknown): unknown => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);

/**
 * A log of lines of JSON, each an object: `{"step":1,"time":1764440000.5,"loss":0.7}`, the time in seconds since 1970.
 * NaN and infinities, which JSON lacks, are strings. Texts are `{ step, time, name, text }`, histograms
 * `{ step, time, name, histogram: { least, most, count, sum, squares, edges, counts } }`, settings `{ time, settings }`.
 *
 * Numbers cannot be named `step` or `time`.
 *
 * An existing file is appended to; if its last line is one of these and was cut off, as by a program that was killed, that
 * line is removed first. Missing folders are made. In Node only.
 *
 * @example
 * for await (const loss of logTo(minimize(f, batches, adam()), jsonl("run.jsonl"))) ;
 */
export function jsonl(path: string): FileLog;
export function jsonl(path: string, ...more: readonly unknown[]): FileLog {
  checkPath("jsonl", "file", path, more);
  const file = new Appended(async () => {
    await makeFolder(dirname(path));
    await endLastLine(path);
    return path;
  });
  const check = checksOf("jsonl", false);
  const encoder = new TextEncoder();
  /** Numbers come after step and time also where their names are numbers, which JavaScript puts first. */
  const line = (entry: object, more: object = {}): void => {
    const [first, second] = [entry, more].map((part) => JSON.stringify(part, written)) as [string, string];
    file.add(encoder.encode(`${second === "{}" ? first : `${first.slice(0, -1)},${second.slice(1)}`}\n`));
  };
  return {
    scalars(step, values, time = now()) {
      check.step(step);
      check.scalars(values);
      check.time(time);
      for (const name of ["step", "time"])
        if (Object.hasOwn(values, name))
          throw new ArgumentError(`jsonl: a number cannot be named ${name}, which each line has; give it another name`);
      line({ step, time }, values);
    },
    text(step, name, text) {
      check.step(step);
      check.text(name, text);
      line({ step, time: now(), name, text });
    },
    settings(settings) {
      check.settings(settings);
      line({ time: now(), settings });
    },
    async histogram(step, name, values) {
      check.step(step);
      check.histogram(name, values);
      const time = now();
      line({ step, time, name, histogram: await histogramOf(values) });
    },
    flush: () => file.flush(),
  };
}

/** How our lines begin. */
const beginnings = [`{"step":`, `{"time":`];

/** Whether a line is one of ours that was cut off. */
function isCut(line: string): boolean {
  if (!beginnings.some((own) => line.startsWith(own) || own.startsWith(line))) return false;
  try {
    JSON.parse(line);
    return false;
  } catch {
    return true;
  }
}

/** Makes a file end with a line end: it cuts a line of ours that is not whole, and ends any other one. */
async function endLastLine(path: string): Promise<void> {
  const file = await open(path, "a+");
  try {
    const { size } = await file.stat();
    const parts: Buffer[] = [];
    let begin = size;
    while (begin > 0) {
      const part = Buffer.alloc(Math.min(begin, 1 << 16));
      begin -= part.length;
      await file.read(part, 0, part.length, begin);
      const last = part.lastIndexOf("\n") + 1;
      parts.unshift(part.subarray(last));
      begin += last;
      if (last > 0) break;
    }
    if (begin === size) return;
    if (isCut(Buffer.concat(parts).toString())) await file.truncate(begin);
    else await file.write("\n");
  } finally {
    await file.close();
  }
}

/** How many event files this program has begun: their names differ by it. */
let begun = 0;

/**
 * A log in the format of TensorBoard: `tensorboard --logdir runs` shows every folder in `runs`, with its scalars, texts,
 * histograms and settings (HPARAMS). Each log begins an event file of its own, so a run that is resumed in the same
 * folder continues its curves. A file that a killed program was writing is readable up to its last complete record. In
 * Node only.
 *
 * @example
 * const log = tensorBoard("runs/1");
 * log.settings({ lr: 0.001 });
 * for await (const loss of logTo(minimize(f, batches, adam()), log)) ;
 */
export function tensorBoard(folder: string): FileLog;
export function tensorBoard(folder: string, ...more: readonly unknown[]): FileLog {
  checkPath("tensorBoard", "folder", folder, more);
  const time = now();
  const seconds = String(Math.floor(time)).padStart(10, "0");
  const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${begun++}`;
  const file = new Appended(async () => {
    await makeFolder(folder);
    return join(folder, name);
  });
  const check = checksOf("tensorBoard", true);
  file.add(beginning(time));
  return {
    scalars(step, values, at = now()) {
      check.step(step);
      check.scalars(values);
      check.time(at);
      file.add(scalarEvents(at, step, values));
    },
    text(step, tag, text) {
      check.step(step);
      check.text(tag, text);
      file.add(textEvent(now(), step, tag, text));
    },
    settings(values) {
      check.settings(values);
      file.add(settingsEvent(now(), values));
    },
    async histogram(step, tag, values) {
      check.step(step);
      check.histogram(tag, values);
      const at = now();
      file.add(histogramEvent(at, step, tag, await histogramOf(values)));
    },
    flush: () => file.flush(),
  };
}
