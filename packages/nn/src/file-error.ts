// The error of files, the same class in Node and in pages.
import { WeftError } from "@weft/tensor";

/** A file could not be read or written. */
export class FileError extends WeftError {
  static override readonly name: string = "FileError";
}
