// What a caller gives as the bytes of a file, and how bytes are looked at, joined and shown.
import { ArgumentError } from "@weft/tensor";
import { checkThere, describe } from "@weft/tensor/internals";

/** A plain view of the bytes; refuses what has none, and what was given away. `op` begins the message. */
export function wantBytes(op: string, bytes: unknown): Uint8Array {
  if (!ArrayBuffer.isView(bytes) || (bytes as Partial<Uint8Array>).BYTES_PER_ELEMENT !== 1)
    throw new ArgumentError(`${op}: wanted the bytes of a file as a Uint8Array, got ${describe(bytes)}`);
  if (bytes.byteLength === 0) checkThere(op, bytes.buffer);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength); // a Buffer's methods differ
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Pieces one after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Bytes in hexadecimal. */
export const hex = (bytes: Uint8Array, between = ""): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(between);
