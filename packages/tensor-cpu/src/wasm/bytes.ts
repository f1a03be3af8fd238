// A byte array that grows while WebAssembly's binary format is written into it.

const scratch = new DataView(new ArrayBuffer(8));

export class Bytes {
  data: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.data = new Uint8Array(capacity);
  }
  byte(b: number): void {
    if (this.length === this.data.length) this.#grow(1);
    this.data[this.length++] = b;
  }
  /** An unsigned number in LEB128. */
  u(n: number): void {
    while (n > 0x7f) {
      this.byte((n & 0x7f) | 0x80);
      n = Math.floor(n / 128);
    }
    this.byte(n);
  }
  /** A signed 32-bit number in LEB128. */
  s(n: number): void {
    for (;;) {
      const low = n & 0x7f;
      n >>= 7;
      if ((n === 0 && low < 0x40) || (n === -1 && low >= 0x40)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }
  i32(n: number): void {
    if (this.length + 4 > this.data.length) this.#grow(4);
    this.data[this.length++] = n;
    this.data[this.length++] = n >> 8;
    this.data[this.length++] = n >> 16;
    this.data[this.length++] = n >> 24;
  }
  f32(x: number): void {
    scratch.setFloat32(0, x);
    this.i32(scratch.getInt32(0));
  }
  f64(x: number): void {
    scratch.setFloat64(0, x);
    this.i32(scratch.getInt32(4));
    this.i32(scratch.getInt32(0));
  }
  /** Room for the length of what follows; `endLength` fills it in. */
  beginLength(): number {
    const at = this.length;
    for (let i = 0; i < 5; i++) this.byte(0);
    return at;
  }
  endLength(at: number): void {
    const n = this.length - at - 5;
    for (let i = 0; i < 5; i++) this.data[at + i] = ((n >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0);
  }
  /** A length and the characters of an ASCII name. */
  name(text: string): void {
    this.u(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }
  append(other: Bytes): void {
    if (this.length + other.length > this.data.length) this.#grow(other.length);
    this.data.set(other.data.subarray(0, other.length), this.length);
    this.length += other.length;
  }
  /** A copy of what was written. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length);
  }

  #grow(more: number): void {
    const next = new Uint8Array(Math.max(2 * this.data.length, this.length + more));
    next.set(this.data);
    this.data = next;
  }
}

// Large arrays cost more to create than a kernel costs to write: they are reused.
const spare: Bytes[] = [];

export function borrow(): Bytes {
  const bytes = spare.pop() ?? new Bytes(4096);
  bytes.length = 0;
  return bytes;
}
export function giveBack(bytes: Bytes): void {
  spare.push(bytes);
}
