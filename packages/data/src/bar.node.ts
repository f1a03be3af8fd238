// The bar on a terminal: cli-progress draws it, at most ten times a second; what stands in the line is ours. The terminal's
// settings stay as they are (cursor, line wrapping), so that nothing has to be put right when Ctrl-C ends the program.
import cliProgress from "cli-progress";
import { lines, text, type Display, type Stand, type TextStream } from "./display.ts";

/** A bar on a terminal; elsewhere plain lines every so many seconds. */
export function terminal(stream: TextStream = process.stderr, seconds = 5): Display {
  return stream.isTTY === true ? bar(stream) : lines((line) => stream.write(`${line}\n`), seconds);
}

function bar(stream: TextStream): Display {
  let shown: Stand | undefined;
  const drawn = new cliProgress.SingleBar({
    stream: stream as NodeJS.WritableStream,
    format: () => (shown === undefined ? "" : text(shown, true)),
    linewrap: true, // leaves wrapping on, and cuts the line at the width of the terminal
    fps: 10,
  });
  return {
    update(stand) {
      if (shown === undefined) {
        shown = stand;
        drawn.start(stand.total ?? 0, 0);
      }
      drawn.update(stand.count);
    },
    close(stand) {
      if (shown === undefined) return;
      drawn.update(stand.count);
      drawn.stop();
    },
  };
}
