// The process ends while pipelines are compiling: nothing crashes, however it ends, and backends that have ended leave
// nothing behind.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { onDevice, ownDevice } from "./device.ts";

/** What a run of the program prints, and how it ended. */
function output(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "exit-program.ts"), ...args]);
  return new Promise((resolve) => {
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    child.stderr.on("data", (part) => (text += part));
    child.on("close", () => resolve(text));
  });
}

const runs = process.env["WEFT_LONG"] === undefined ? 1 : 100;

onDevice(`a process ends in each way (${runs} times) without a crash`, { timeout: runs * 120_000 }, async () => {
  const lines = (await output("runs", String(runs))).trim().split("\n");
  const ways = [
    "return",
    "exit",
    "throw",
    "reject",
    "signal",
    "handler",
    "destroy",
    "device",
    "lost",
    "late",
    "terminate",
    "worker",
  ];
  expect(lines).toEqual(ways.map((way) => `${way}: ${runs} ended as it should`));
});

onDevice("all backends together add one listener, which goes with the last of them", async () => {
  const before = process.listenerCount("exit");
  const [a, b] = await Promise.all([open({}), open({})]);
  expect(process.listenerCount("exit")).toBe(before + 1);
  a.destroy();
  expect(process.listenerCount("exit")).toBe(before + 1);
  b.destroy();
  expect(process.listenerCount("exit")).toBe(before);
});

onDevice("a device that the program made counts as long as something may be compiling on it", async () => {
  const before = process.listenerCount("exit");
  const device = await ownDevice();
  (await open({ device })).destroy();
  expect(process.listenerCount("exit")).toBe(before + 1);
  device.destroy();
});
