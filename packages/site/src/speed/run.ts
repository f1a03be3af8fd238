// Runs the speed test on a backend, in a worker of the page or, for the tests, in Node.
import type { BackendName } from "../cells/backends.ts";
import { taskNames, type TaskName } from "./task-titles.ts";
import { tasks, type Device } from "./tasks.ts";
import { secondsOfRun, type Timing } from "./timing.ts";

/** What the worker tells the page: first the device, then a figure for each task. */
export type SpeedReport =
  | { readonly device: string }
  | { readonly task: TaskName; readonly figure: number }
  | { readonly failed: string }
  | { readonly ended: true };

async function opened(name: BackendName): Promise<{ readonly backend: Device; readonly device: string }> {
  if (name === "cpu") {
    const { open } = await import("@weft/tensor-cpu");
    return { backend: await open(), device: `one of ${navigator.hardwareConcurrency} cores` };
  }
  const { open } = await import("@weft/tensor-webgpu");
  const backend = await open();
  const { description, vendor, architecture, software } = backend.info();
  const named = description || [vendor, architecture].filter(Boolean).join(" ") || "a GPU without a name";
  return { backend, device: software ? `${named} (a driver in software)` : named };
}

/** Measures all tasks on a backend; what comes out goes to `tell`. Never throws. */
export async function measure(name: BackendName, tell: (report: SpeedReport) => void, timing?: Timing): Promise<void> {
  try {
    const { backend, device } = await opened(name);
    tell({ device });
    for (const task of taskNames) {
      const { amount, work } = tasks[task];
      tell({ task, figure: amount / (await secondsOfRun(work(backend), timing)) });
    }
  } catch (error) {
    tell({ failed: String(error) });
  }
  tell({ ended: true });
}
