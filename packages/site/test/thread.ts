// A worker of Node that runs cells as the worker of a page does, for the tests of sessions.
import { parentPort } from "node:worker_threads";
import { serve } from "../src/cells/serve.ts";
import { evaluate } from "./evaluate.ts";

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
const { receive } = serve(evaluate, (report) => parentPort!.postMessage(report));
parentPort!.on("message", receive);
