// Errors of data sets: files with the wrong content, downloads that fail, folders that do not exist.
import { WeftError } from "@weft/tensor";

/**
 * A file, a download or a folder is not what a data set needs. The message says what was wanted, what was found, and
 * what to do.
 *
 * @example
 * parseIdx(Uint8Array.of(1, 2, 3)); // throws DataError
 */
export class DataError extends WeftError {
  static override readonly name: string = "DataError";
}
