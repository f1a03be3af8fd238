#!/usr/bin/env node
// The command-line program `weft`.
import { run } from "./command.ts";

process.exitCode = await run(process.argv.slice(2));
