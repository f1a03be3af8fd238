// The wire format of protocol buffers, as far as events need it: fields one after another, each with its number and how
// it is stored.

/** Lists of bytes, one after another. */
export function joined(parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A whole number, seven bits a byte, the lowest first. Negative ones are 64-bit two's complements. */
function varint(n: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(n));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** How a value is stored: the low bits of what a field begins with. */
const stored = { varint: 0, eight: 1, bytes: 2, four: 5 } as const;
const key = (field: number, how: keyof typeof stored): number[] => varint((field << 3) | stored[how]);

type Field = Uint8Array<ArrayBuffer>;

/** A field with a message or other bytes. */
const bytes = (field: number, value: Uint8Array): Field => joined([key(field, "bytes"), varint(value.length), value]);

/** A field with a message of some fields. */
export const message = (field: number, ...fields: readonly Field[]): Field => bytes(field, joined(fields));

export const text = (field: number, value: string): Field => bytes(field, new TextEncoder().encode(value));

export const integer = (field: number, value: number): Field => joined([key(field, "varint"), varint(value)]);

export function float(field: number, value: number): Field {
  const four = new DataView(new ArrayBuffer(4));
  four.setFloat32(0, value, true);
  return joined([key(field, "four"), new Uint8Array(four.buffer)]);
}

export function double(field: number, value: number): Field {
  return joined([key(field, "eight"), eight(value)]);
}

/** A field with a list of numbers. */
export const doubles = (field: number, values: readonly number[]): Field => bytes(field, joined(values.map(eight)));

function eight(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return new Uint8Array(view.buffer);
}
