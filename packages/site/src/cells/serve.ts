// The worker's side: runs the cells that it is sent, one after the other.
import type { Report, Request } from "./messages.ts";
import type { Emit, Output } from "./output.ts";
import { page, type Evaluate } from "./run.ts";

/** Milliseconds between two messages of outputs, so that a loop that prints without end does not flood the page. */
const PAUSE = 40;
/** Lines of text in one message; more are left out. */
const MOST = 500;

/** Returns what takes requests; reports go to `send`. */
export function serve(evaluate: Evaluate, send: (report: Report) => void): (request: Request) => void {
  const { run } = page(evaluate);
  let last: Promise<void> = Promise.resolve();
  return ({ run: id, source }) => {
    last = last.then(async () => {
      const { add, flush } = batches((outputs) => send({ run: id, outputs }));
      const outcome = await run(source, add);
      flush();
      send({ run: id, outcome });
    });
  };
}

/** Gathers outputs into few messages: a busy loop sends them, too, though no timer fires. */
function batches(send: (outputs: readonly Output[]) => void): { add: Emit; flush: () => void } {
  let waiting: Output[] = [];
  let texts = 0;
  let sent = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    sent = performance.now();
    if (texts > MOST) waiting.push({ kind: "text", text: `… ${texts - MOST} more`, level: "log" });
    if (waiting.length > 0) send(waiting);
    waiting = [];
    texts = 0;
  };
  const add = (output: Output): void => {
    if (output.kind !== "text" || ++texts <= MOST) waiting.push(output);
    if (performance.now() - sent >= PAUSE) flush();
    else timer ??= setTimeout(flush, PAUSE);
  };
  return { add, flush };
}
