// The entry in Node: what a page has, with files that are files.
export { load, save } from "./files.ts";
export * from "./index.ts";
