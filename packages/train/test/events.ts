// Reads event files back, written from the descriptions of the formats: TFRecord's framing with masked CRC-32C, and the
// wire format of protocol buffers.

/** CRC-32C bit by bit. */
function crc32c(bytes: Uint8Array): bigint {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc % 2n === 1n ? (crc / 2n) ^ 0x82f63b78n : crc / 2n;
  }
  return crc ^ 0xffffffffn;
}

/** TensorFlow's masking: rotate right by 15 bits and add a constant. */
export const maskedCrc = (bytes: Uint8Array): bigint => {
  const crc = crc32c(bytes);
  return (crc / 2n ** 15n + (crc % 2n ** 15n) * 2n ** 17n + 0xa282ead8n) % 2n ** 32n;
};

export interface Records {
  readonly records: Uint8Array[];
  /** Bytes after the last complete record. */
  readonly rest: number;
}

/** The records of a file; throws at a wrong checksum. */
export function recordsIn(file: Uint8Array): Records {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (file.length - at >= 16) {
    const length = Number(view.getBigUint64(at, true));
    if (BigInt(view.getUint32(at + 8, true)) !== maskedCrc(file.subarray(at, at + 8))) throw new Error("wrong length");
    if (file.length - at < 16 + length) break;
    const data = file.subarray(at + 12, at + 12 + length);
    if (BigInt(view.getUint32(at + 12 + length, true)) !== maskedCrc(data)) throw new Error("wrong data");
    records.push(data);
    at += 16 + length;
  }
  return { records, rest: file.length - at };
}

/** The fields of a message: numbers (as 64 bits), doubles, floats, or bytes, by field number. */
export type Fields = Readonly<Record<number, readonly (bigint | number | Uint8Array)[]>>;

export function fieldsIn(message: Uint8Array): Fields {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields: Record<number, (bigint | number | Uint8Array)[]> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(message[at++]!);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  };
  const skip = (n: number): number => (at += n) - n;
  while (at < message.length) {
    const key = varint();
    const read: Record<string, () => bigint | number | Uint8Array> = {
      0: varint,
      1: () => view.getFloat64(skip(8), true),
      2: () => {
        const length = Number(varint());
        return message.subarray(at, skip(length) + length);
      },
      5: () => view.getFloat32(skip(4), true),
    };
    (fields[Number(key >> 3n)] ??= []).push(read[String(key & 7n)]!());
  }
  if (at !== message.length) throw new Error("a message is cut");
  return fields;
}

export const textIn = (bytes: unknown): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes as Uint8Array);
export const doublesIn = (bytes: unknown): number[] => {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array<ArrayBuffer>;
  return [...new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength))];
};

export interface Seen {
  readonly time: number;
  readonly step: number;
  readonly version?: string;
  readonly tag?: string;
  /** The fields of the summary's value. */
  readonly value?: Fields;
}

/** The events of a file: `Event { wall_time = 1; step = 2; file_version = 3; summary = 5 { value = 1 { tag = 1 } } }`. */
export const eventsIn = (file: Uint8Array): Seen[] =>
  recordsIn(file).records.map((data) => {
    const { 1: time, 2: step, 3: version, 5: summary } = fieldsIn(data);
    const common = { time: time![0] as number, step: Number(BigInt.asIntN(64, step![0] as bigint)) };
    if (summary === undefined) return { ...common, version: textIn(version![0]) };
    const value = fieldsIn(fieldsIn(summary[0] as Uint8Array)[1]![0] as Uint8Array);
    return { ...common, tag: textIn(value[1]![0]), value };
  });
