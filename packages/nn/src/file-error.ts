// The error class for files, the same in Node and in the browser.
import { WeftError } from "@weft/tensor";

/** A file could not be read or written. @example await load("nowhere.safetensors", model); // throws FileError */
export class FileError extends WeftError {
  static override readonly name: string = "FileError";
}
