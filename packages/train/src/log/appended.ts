// Files that grow: what is added is written within a second, in order, whole pieces at a time, if the program lets the event
// loop run. No file stays open, so a program that is killed, or that ends by an error or process.exit, loses at most what it
// added last and has not flushed; one that comes to its end loses nothing.
import { appendFile } from "node:fs/promises";
import { FileError } from "@weft/nn";

/** The most milliseconds that something waits to be written, and how many bytes are written at once. */
const pause = 1000;
const most = 1 << 16;

export class Appended {
  readonly #open: () => Promise<string>;
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** When the first of the pieces was added, and what will write them if nothing is added after them. */
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
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
    const write = (): void => void this.flush().catch(() => {});
    if (this.#timer === undefined) {
      this.#since = performance.now();
      this.#timer = setTimeout(write, pause);
    }
    // What waits for a timer is bounded where the loop goes on by itself.
    if (this.#size >= most || performance.now() - this.#since >= pause) write();
  }

  /** Resolves when everything has been handed to the system. */
  flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#size = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
