// Starts workers, in Node and in pages.
import { programWith, type Control } from "./worker.ts";

/** A worker that was started: it begins at some time, or never. */
export interface Running {
  terminate(): void;
}

/** What is used of Node's module. */
interface NodeThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; workerData: unknown; execArgv: string[]; env: object; name: string },
  ) => {
    on(event: "error" | "exit", f: () => void): void;
    unref(): void;
    terminate(): unknown;
  };
}
interface NodeProcess {
  getBuiltinModule?(name: "node:worker_threads"): NodeThreads | undefined;
}

/** What is used of a page's workers. */
interface PageWorkers {
  readonly Worker?: new (
    address: string,
    options: { name: string },
  ) => {
    addEventListener(type: "error", f: (event: { preventDefault(): void }) => void): void;
    postMessage(message: unknown): void;
    terminate(): void;
  };
}

const name = "weft";

/**
 * Starts a worker. Undefined where none can be started (a sandbox, a page that forbids it); `ended` is called when it has
 * ended, or could not be loaded. `native` calls machine code, in Node.
 */
export function startWorker(control: Control, native: string | undefined, ended: () => void): Running | undefined {
  const { process, Worker: PageWorker } = globalThis as { process?: NodeProcess } & PageWorkers;
  try {
    const node = process?.getBuiltinModule?.("node:worker_threads");
    if (node !== undefined) {
      const text = programWith(`require("node:worker_threads").workerData`, native);
      // Flags of this process and NODE_OPTIONS would load modules in it.
      const worker = new node.Worker(text, { eval: true, workerData: control, execArgv: [], env: {}, name });
      worker.on("error", ended);
      worker.on("exit", ended);
      worker.unref();
      return { terminate: () => void worker.terminate() };
    }
    if (PageWorker === undefined) return undefined;
    const text = `onmessage = ({ data }) => { ${programWith("data")} };`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new PageWorker(address, { name });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      ended();
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
    worker.postMessage(control);
    return {
      terminate() {
        worker.terminate();
        URL.revokeObjectURL(address);
      },
    };
  } catch {
    return undefined;
  }
}
