// The entry for pages, which have no files.
import { fitWith, type Fit } from "./fit/fit.ts";
import { checkpoints } from "./no-files.ts";

export * from "./everywhere.ts";
export { checkpoints, jsonl, makeFolder, tensorBoard } from "./no-files.ts";

// Its documentation is that of its type: an editor shows it at a call.
export const fit: Fit = /* @__PURE__ */ fitWith(checkpoints);
