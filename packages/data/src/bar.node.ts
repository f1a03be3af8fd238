// The bar on a terminal: cli-progress draws it, at most ten times a second; the text of the line is ours. The
// terminal's settings (cursor, line wrapping) are left alone, so that nothing needs to be restored when Ctrl-C ends the
// program.
import cliProgress from "cli-progress";
import { lines, text, type Display, type ProgressState, type TextStream } from "./display.ts";

/** A bar on a terminal; elsewhere plain lines, one every `seconds` seconds. */
export function terminal(stream: TextStream = process.stderr, seconds = 5): Display {
  return stream.isTTY === true ? bar(stream) : lines((line) => stream.write(`${line}\n`), seconds);
}

function bar(stream: TextStream & { readonly columns?: number }): Display {
  let shown: ProgressState | undefined;
  let around: Around | undefined;
  const drawn = new cliProgress.SingleBar({
    stream: {
      isTTY: true,
      get columns() {
        return stream.columns;
      },
      write: (part: string) => around?.draw(part),
    } as unknown as NodeJS.WritableStream,
    format: () => (shown === undefined ? "" : text(shown, true)),
    linewrap: true, // leaves wrapping on, and cuts the line to the width of the terminal
    fps: 10,
  });
  return {
    update(state) {
      if (shown === undefined) {
        shown = state;
        around = writesAround(stream, () => text(state, true).slice(0, stream.columns ?? 80));
        drawn.start(state.total ?? 0, 0);
      }
      drawn.update(state.count);
    },
    close(state) {
      if (shown === undefined) return;
      around?.resume();
      drawn.update(state.count);
      drawn.stop();
      around?.end();
    },
    log: (line) => stream.write(`${line}\n`),
  };
}

interface Around {
  /** Writes a part of the bar, unless another writer's line is unfinished. */
  draw(part: string): void;
  /** Ends such a line. */
  resume(): void;
  /** Restores the streams. */
  end(): void;
}

/**
 * Output of other writers goes above the bar on a terminal: the bar is cleared before and drawn again after.
 */
function writesAround(stream: TextStream, line: () => string): Around {
  const { stdout, stderr } = process;
  const shared: readonly TextStream[] = [stdout, stderr].includes(stream as typeof stdout)
    ? [stdout, stderr]
    : [stream];
  const terminals = shared.filter((one) => one === stream || one.isTTY === true);
  let ended = false;
  /** Whether another writer's line is unfinished; the bar is not drawn until it ends. */
  let open = false;
  const write = stream.write.bind(stream);
  const restore = terminals.map((one) => {
    const own = Object.getOwnPropertyDescriptor(one, "write");
    const before = one.write;
    const above = (part: string, ...rest: []): unknown => {
      if (ended) return before.call(one, part, ...rest);
      if (!open) write("\r\u001B[K");
      const result = before.call(one, part, ...rest);
      open = !endsLine(part);
      if (!open) write(line());
      return result;
    };
    one.write = above;
    return () => {
      if (one.write !== above) return; // another wrapper came on top: ours stays, and passes everything through
      if (own === undefined) delete (one as Partial<TextStream>).write;
      else Object.defineProperty(one, "write", own);
    };
  });
  return {
    draw: (part) => {
      if (!open) write(part);
    },
    resume() {
      if (open) write("\n");
      open = false;
    },
    end() {
      ended = true;
      for (const one of restore) one();
    },
  };
}

const endsLine = (part: string | Uint8Array): boolean => part.at(-1) === (typeof part === "string" ? "\n" : 10);
