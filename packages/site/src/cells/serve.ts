// The worker's side: runs the cells that it is sent, one after the other.
import type { Report, Request } from "./messages.ts";
import type { Emit, Output } from "./output.ts";
import { page, type Evaluate } from "./run.ts";

/** Milliseconds between two messages of outputs. */
const PAUSE = 50;
/** Lines of text that a run shows at once, and how many more a message: a page must not drown in those of a loop. */
const FIRST = 1000;
const MORE = 50;

export interface Serving {
  /** Takes a request; what comes of it is sent. */
  receive(request: Request): void;
  /** Shows an error that nobody caught. */
  complain(error: unknown): void;
}

export function serve(evaluate: Evaluate, send: (report: Report) => void): Serving {
  const { run, complain } = page(evaluate);
  let last: Promise<void> = Promise.resolve();
  return {
    receive({ run: id, source, changed }) {
      last = last.then(async () => {
        const { add, flush } = batches((outputs) => send({ run: id, outputs }));
        const outcome = await run(source, add, changed);
        const ok = flush() && outcome.ok;
        send({ run: id, outcome: { ...outcome, ok } });
      });
    },
    complain,
  };
}

/** What an output costs of what may be shown: a line of text is 1. */
function costOf(output: Output): number {
  switch (output.kind) {
    case "text":
    case "value":
      return 1 + output.text.length / 500;
    case "point":
      return 0.02;
    case "table":
      return 1 + output.rows.length;
    case "images":
    case "curve":
      return 10;
    default:
      return 0; // a bar rests by itself, and a cell has few promises and errors
  }
}

/** Gathers outputs into few messages: a busy loop sends them, too, though no timer fires. */
function batches(send: (outputs: readonly Output[]) => void): { add: Emit; flush: () => boolean } {
  let waiting: Output[] = [];
  let room = FIRST;
  let ok = true;
  let sent = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** What there is room for: the latest, since a cell ends with what it is about. */
  const fitting = (): Output[] => {
    let left = 0;
    const kept = waiting.toReversed().filter((output) => {
      const cost = costOf(output);
      if (cost > 0 && room <= 0) {
        left++;
        return false;
      }
      room -= cost;
      return true;
    });
    if (left > 0) kept.push({ kind: "text", text: `… ${left} more`, level: "log" });
    return kept.toReversed();
  };
  const flush = (): boolean => {
    clearTimeout(timer);
    timer = undefined;
    sent = performance.now();
    const outputs = fitting();
    waiting = [];
    room = Math.min(FIRST, room + MORE);
    if (outputs.length > 0 && !attempt(() => send(outputs)))
      // One of them cannot be sent, and the others must be.
      for (const output of outputs) if (!attempt(() => send([output]))) fail(output);
    return ok;
  };
  const fail = ({ kind }: Output): void => {
    ok = false;
    const message = `${kind}: this cannot be shown, since it holds what no message can carry; wanted numbers and texts`;
    send([{ kind: "error", name: "TypeError", message, line: undefined }]);
  };
  const add = (output: Output): void => {
    waiting.push(output);
    if (performance.now() - sent >= PAUSE) flush();
    else timer ??= setTimeout(flush, PAUSE);
  };
  return { add, flush };
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
