// The bytes of a pickle, read from front to back: numbers, texts and lines. Every length is compared with what is left.
import { quoted } from "@weft/tensor/internals";
import { viewOf } from "../bytes.ts";
import { FormatError } from "../format-error.ts";

/** As in Python: longer numbers in decimals take too long to convert. */
const mostDigits = 4300;
const mostIntegerBytes = 1024;

/** An integer as a number, if that is exact. */
const whole = (n: bigint): number | bigint => (Number.isSafeInteger(Number(n)) ? Number(n) : n);

export class Input {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get length(): number {
    return this.#bytes.length;
  }

  fail(problem: string): never {
    throw new FormatError(`pickle: ${problem} (at byte ${this.#at})`);
  }

  /** Moves on, and returns where the bytes begin that were passed. */
  #pass(count: number): number {
    const begin = this.#at;
    if (count > this.#bytes.length - begin)
      this.fail(`it claims ${count} more bytes, and ends after ${this.#bytes.length - begin}`);
    this.#at += count;
    return begin;
  }

  u8(): number {
    return this.#bytes[this.#pass(1)]!;
  }
  u16(): number {
    return this.#view.getUint16(this.#pass(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#pass(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#pass(4), true);
  }
  /** A length of 64 bits. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#pass(8), true));
  }
  /** Big-endian, unlike everything else. */
  f64(): number {
    return this.#view.getFloat64(this.#pass(8));
  }

  /** A view of the next bytes. */
  bytes(count: number): Uint8Array {
    const begin = this.#pass(count);
    return this.#bytes.subarray(begin, begin + count);
  }

  text(count: number): string {
    const bytes = this.bytes(count);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail("a text is not UTF-8");
    }
  }

  /** A string of Python 2, whose characters are bytes. */
  latin(count: number): string {
    return latin(this.bytes(count));
  }

  /** The characters up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) return this.fail("a line has no end");
    const text = this.latin(end - this.#at);
    this.#at++;
    return text;
  }

  /** An integer in two's complement. */
  integer(count: number): number | bigint {
    if (count > mostIntegerBytes) this.fail(`it claims an integer of ${count} bytes`);
    const bytes = this.bytes(count);
    let n = 0n;
    for (let k = bytes.length - 1; k >= 0; k--) n = (n << 8n) | BigInt(bytes[k]!);
    return whole(BigInt.asIntN(8 * count, n));
  }

  /** An integer in decimals. */
  decimal(text: string): number | bigint {
    if (text.length > mostDigits || !/^[+-]?\d+$/.test(text)) return this.fail(`${quoted(text)} is not an integer`);
    return whole(BigInt(text.replace("+", "")));
  }

  /** A float as Python prints it. */
  float(text: string): number {
    const found = /^([+-]?)(inf|nan|\d+\.?\d*(?:e[+-]?\d+)?)$/i.exec(text);
    if (found === null || text.length > mostDigits) return this.fail(`${quoted(text)} is not a float`);
    const size = { inf: Infinity, nan: NaN }[found[2]!.toLowerCase()] ?? Number(found[2]);
    return found[1] === "-" ? -size : size;
  }
}

/** Bytes as text, a character for each. */
function latin(bytes: Uint8Array): string {
  let text = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
