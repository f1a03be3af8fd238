// Runs before each file of tests. Files share a process, which costs a third less than one each: so each begins with
// the random numbers that a new process has, whatever ran before it, and leaves no memory of a device.
import { afterAll } from "vitest";
import { seed } from "../packages/nn/src/index.ts";
import { openSync } from "../packages/tensor-cpu/src/index.ts";
import { opened } from "./opened.ts";

seed(0);
openSync().seed(0);
afterAll(() => {
  for (const backend of opened.splice(0)) backend.destroy();
});
