// Starts workers, in Node and in pages.
import { programWith, type Shared } from "./worker.ts";

export interface Running {
  terminate(): void;
}

/** What is used of Node's module. */
interface NodeThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; workerData: unknown; execArgv: string[]; name: string },
  ) => { on(event: "error", f: (error: Error) => void): void; unref(): void; terminate(): unknown };
}
interface NodeProcess {
  getBuiltinModule?(name: "node:worker_threads"): NodeThreads | undefined;
}

/** What is used of a page's workers. */
interface PageWorkers {
  readonly Worker?: new (
    address: string,
    options: { name: string },
  ) => { postMessage(message: unknown): void; terminate(): void };
}

const name = "weft";

/**
 * Starts a worker, which begins at some time, or never. Undefined where none can be started (a sandbox, a page that
 * forbids it).
 */
export function startWorker(shared: Shared): Running | undefined {
  const { process, Worker: PageWorker } = globalThis as { process?: NodeProcess } & PageWorkers;
  try {
    const node = process?.getBuiltinModule?.("node:worker_threads");
    if (node !== undefined) {
      const text = programWith(`require("node:worker_threads").workerData`);
      const worker = new node.Worker(text, { eval: true, workerData: shared, execArgv: [], name });
      worker.on("error", () => {}); // it claims no work any more
      worker.unref();
      return { terminate: () => void worker.terminate() };
    }
    if (PageWorker === undefined) return undefined;
    const text = `onmessage = ({ data }) => { ${programWith("data")} };`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new PageWorker(address, { name });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
    worker.postMessage(shared);
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
