// The entry for Node: the same exports as in the browser, with functions that write files.
import { checkpoints } from "./checkpoints.node.ts";
import { fitWith, type Fit } from "./fit/fit.ts";

export { checkpoints } from "./checkpoints.node.ts";
export * from "./everywhere.ts";
export { makeFolder } from "./folder.ts";
export { jsonl, tensorBoard } from "./log/files.ts";

// Its documentation is that of its type: an editor shows it at a call.
export const fit: Fit = /* @__PURE__ */ fitWith(checkpoints);
