// The worker in which a page's cells run. The reader's code becomes a module here and nowhere else: the page itself never
// makes a script of text.
import type { Request } from "./messages.ts";
import { serve } from "./serve.ts";
import type { CellFunction, Evaluate } from "./run.ts";

const evaluate: Evaluate = async ({ body, parameters }, file) => {
  const text = `export default async (${parameters.join(", ")}) => {${body}\n}\n//# sourceURL=${file}`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    const module = (await import(/* @vite-ignore */ url)) as { default: CellFunction };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
const { receive, complain } = serve(evaluate, (report) => postMessage(report));
addEventListener("message", ({ data }: MessageEvent<Request>) => receive(data));
// What nobody caught is shown, and the worker lives on.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  complain(event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  complain(event.error);
});
// A worker that closed itself would leave the page waiting.
Object.defineProperty(globalThis, "close", {
  value() {
    throw new TypeError("close: a cell cannot close the worker in which it runs; Stop ends it");
  },
});
