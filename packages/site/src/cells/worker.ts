// The worker in which a page's cells run. The reader's code becomes a module here and nowhere else: the page itself never
// makes a script of text.
import type { Request } from "./messages.ts";
import { serve } from "./serve.ts";
import type { CellFunction, Evaluate } from "./run.ts";

const evaluate: Evaluate = async (body, file) => {
  const text = `export default async ($, $import) => {${body}\n}\n//# sourceURL=${file}`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    const module = (await import(/* @vite-ignore */ url)) as { default: CellFunction };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
const receive = serve(evaluate, (report) => postMessage(report));
addEventListener("message", ({ data }: MessageEvent<Request>) => receive(data));
