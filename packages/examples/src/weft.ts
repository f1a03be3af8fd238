#!/usr/bin/env node
// The command-line program `weft`.
import { run } from "./command-line/command.ts";

let lost = false;

// The reader of a pipe may exit (`weft train | head -1`): then output is dropped, and training continues. So it does where
// output goes to a full disk, but that is an error.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (lost || error.code === "EPIPE" || error.code === "EIO") return;
    lost = true;
    console.error(`weft: output cannot be written: ${error.message}`);
  });

const code = await run(process.argv.slice(2));
// Errors of the last lines come after this.
process.exitCode = code;
process.on("exit", () => {
  if (lost && code === 0) process.exitCode = 1;
});
