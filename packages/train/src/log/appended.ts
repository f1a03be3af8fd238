// Files that grow: what is added is written every second, in order, whole pieces at a time. No file stays open, so a
// program that ends without a word loses at most what it added last.
import { appendFile } from "node:fs/promises";
import { FileError } from "@weft/nn";

/** Milliseconds between two writes, and how many bytes are written at once. */
const pause = 1000;
const most = 1 << 16;

export class Appended {
  readonly #open: () => Promise<string>;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #since = performance.now();
  #path: Promise<string> | undefined;
  /** The writes so far, one after another. After one that failed there are no more: its piece may be cut. */
  #written: Promise<void> = Promise.resolve();
  #failure: FileError | undefined;

  /** `open` makes the file ready to be appended to, and returns its path; it is called before the first write. */
  constructor(open: () => Promise<string>) {
    this.#open = open;
  }

  /** Throws if something could not be written. */
  add(piece: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size >= most || performance.now() - this.#since >= pause) void this.flush().catch(() => {});
  }

  /** Resolves when everything has been handed to the system. */
  flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#size = 0;
    this.#since = performance.now();
    if (pieces.length > 0) this.#written = this.#written.then(() => this.#write(pieces));
    this.#written.catch(() => {}); // whoever adds or flushes next is told
    return this.#written;
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    let path = "to the file";
    try {
      path = await (this.#path ??= this.#open());
      await appendFile(path, Buffer.concat(pieces));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw (this.#failure = new FileError(`log: could not write ${path}: ${reason}`, { cause }));
    }
  }
}
