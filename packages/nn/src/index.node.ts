// The entry in Node: what a page has, with files that are files.
export { load, readMetadata, save } from "./files.ts";
export * from "./index.ts";
