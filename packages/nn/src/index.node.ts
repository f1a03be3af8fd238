// The entry for Node: the same exports as in the browser, with functions that read and write files.
export { load, readMetadata, save } from "./files.ts";
export * from "./index.ts";
