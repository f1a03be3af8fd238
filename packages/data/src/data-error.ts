// What can go wrong with data: files that are not what they should be, downloads that fail, folders that are not there.
import { WeftError } from "@weft/tensor";

/** A file, a download or a folder is not what a data set needs. The message says what was wanted, found, and to be done. */
export class DataError extends WeftError {
  static override readonly name: string = "DataError";
}
