#!/usr/bin/env node
// The command-line program `weft`.
import { run } from "./command.ts";

// The reader of a pipe may exit (`weft train | head -1`): then output is dropped, and training continues.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });

process.exitCode = await run(process.argv.slice(2));
