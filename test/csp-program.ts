// A program for a page: it trains, and leaves there how that went, what the page forbids, and the losses of every step.
import { convolutional, mlp, recurrent } from "./losses.ts";

function evalIsRefused(): string {
  try {
    return new Function("return 'allowed'")() as string;
  } catch {
    return "refused";
  }
}

const shared = globalThis.crossOriginIsolated ? "yes" : "no";
const run = async () => ({ mlp: await mlp(), convolutional: await convolutional(), recurrent: await recurrent() });
const result = await run().catch((error: unknown) => String(error));
Object.assign(globalThis, { result });
const learned = typeof result === "string" ? result : `learned ${result.mlp.at(-1)! < 0.1 ? "yes" : "no"}`;
document.title = `eval ${evalIsRefused()}, shared memory ${shared}, ${learned}`;
