// The entry in Node: what a page has, and files.
export { FileError, load, save } from "./files.ts";
export * from "./index.ts";
