// A session runs cells in a worker, those above first; what does not end, or takes all memory, costs that worker only.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Port, Report } from "../src/cells/messages.ts";
import type { Output } from "../src/cells/output.ts";
import { Session, type SessionCell } from "../src/cells/session.ts";

interface Recorded extends SessionCell {
  text: string;
  readonly outputs: Output[];
  runs: number;
}

function cell(text: string): Recorded {
  return {
    text,
    outputs: [],
    runs: 0,
    source() {
      return this.text;
    },
    changed: () => false,
    begin() {
      this.runs++;
      this.outputs.length = 0;
      return (output) => this.outputs.push(output);
    },
    end() {},
  };
}

let started = 0;
let workers: Worker[] = [];

function startWorker(): Port {
  started++;
  const worker = new Worker(join(import.meta.dirname, "thread.ts"), {
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  workers.push(worker);
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
    send: (request) => worker.postMessage(request),
    listen(report, ended) {
      worker.removeAllListeners();
      worker.on("message", (message: Report) => report(message));
      worker.on("error", (error) => ended(error.message));
    },
    terminate: () => void worker.terminate(),
  };
}

beforeEach(() => {
  started = 0;
  workers = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.terminate()));
});

const value = (text: string): Output => ({ kind: "value", text });

test("cells above that have not run here run first, and once", async () => {
  const [a, b, c] = [cell("let n = 1;"), cell("n += 1; n"), cell("n * 10")];
  const session = new Session(startWorker, () => [a, b, c]);
  expect(await session.run(c)).toBe(true);
  expect(c.outputs).toEqual([value("20")]);
  expect(await session.run(c)).toBe(true);
  expect([a.runs, b.runs, c.runs]).toEqual([1, 1, 2]);
  expect(await session.run(b)).toBe(true);
  expect(b.outputs).toEqual([value("3")]);
  expect(await session.runAll()).toBe(true);
  expect(c.outputs).toEqual([value("20")]);
  expect(started).toBe(1);
});

test("a cell that fails ends the run, and runs again before those below it", async () => {
  const [a, b] = [cell("throw new Error('no')"), cell("1")];
  const session = new Session(startWorker, () => [a, b]);
  expect(await session.run(b)).toBe(false);
  expect(a.outputs).toEqual([{ kind: "error", name: "Error", message: "no", line: 1 }]);
  expect(b.runs).toBe(0);
  a.text = "2";
  expect(await session.run(b)).toBe(true);
  expect(a.runs).toBe(2);
});

test("an endless loop is stopped, what waits behind it is dropped, and cells run again in another worker", async () => {
  const [a, b] = [cell("let n = 1; console.log('begun');"), cell("for (;;);")];
  const session = new Session(startWorker, () => [a, b]);
  const endless = session.run(b);
  const waiting = session.run(a);
  await expect.poll(() => a.outputs.length, { timeout: 60_000 }).toBe(1);
  session.stop();
  expect(await endless).toBe(false);
  expect(await waiting).toBe(false);
  expect(b.outputs).toEqual([
    { kind: "error", name: "Stopped", message: expect.stringMatching(/^it had not ended/) as string, line: undefined },
  ]);
  b.text = "n";
  expect(await session.run(b)).toBe(true);
  expect([a.runs, started]).toEqual([2, 2]);
});

test("exhausted memory ends the worker, not the page", async () => {
  const a = cell("const kept = []; for (;;) kept.push(new Array(100_000).fill(0.5));");
  const session = new Session(startWorker, () => [a]);
  expect(await session.run(a)).toBe(false);
  expect(a.outputs.at(-1)).toMatchObject({
    kind: "error",
    message: expect.stringMatching(/worker.*ended.*memory/) as string,
  });
  a.text = "'alive'";
  expect(await session.run(a)).toBe(true);
  expect(started).toBe(2);
});

test("a cell that is removed while it waits does not run, and no other runs for it", async () => {
  const [a, b, c] = [cell("1"), cell("2"), cell("3")];
  let cells = [a, b, c];
  const session = new Session(startWorker, () => cells);
  const first = session.run(a);
  const removed = session.run(c);
  cells = [a, b];
  expect([await first, await removed]).toEqual([true, false]);
  expect([a.runs, b.runs, c.runs]).toEqual([1, 0, 0]);
});

test("stopping when nothing runs forgets what has run", async () => {
  const a = cell("1");
  const session = new Session(startWorker, () => [a]);
  await session.run(a);
  session.stop();
  await session.run(a);
  expect(started).toBe(2);
});
