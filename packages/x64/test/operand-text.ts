// Reads instructions in the form in which operands print: "vaddps zmm1, zmm30, [rdi+64]{broadcast}, {k2}{z}".
import {
  at,
  cl,
  conditions,
  general,
  mask,
  merging,
  vector,
  zeroing,
  type General,
  type Mask,
  type Masking,
  type Memory,
  type Vector,
} from "@weft/x64";

type Read = General | Vector | Mask | Masking | Memory | number | bigint | string;

const generals = new Map(
  Array.from({ length: 16 }, (_, i) => general(i)).flatMap((r): [string, General][] => [
    [String(r), r],
    [String(r.low), r.low],
  ]),
);

function register(name: string): General | Vector | Mask {
  const [, width, number] = /^([xyz])mm(\d+)$/.exec(name) ?? [];
  if (number !== undefined) return vector(Number(number), { x: 128, y: 256, z: 512 }[width!] as 128 | 256 | 512);
  return name.startsWith("k") ? mask(Number(name.slice(1))) : generals.get(name)!;
}

function memory(text: string): Memory {
  const [, base, index, scale, displacement] = /^\[(\w+)(?:\+(\w+)\*(\d))?([+-]\d+)?\]/.exec(text)!;
  const place = at(
    general(generals.get(base!)!.number),
    Number(displacement ?? 0),
    index === undefined ? undefined : (register(index) as General<64> | Vector),
    Number(scale ?? 1) as 1 | 2 | 4 | 8,
  );
  return text.endsWith("{broadcast}") ? place.broadcast() : place;
}

function operand(text: string): Read {
  const [, selects, zero] = /^\{(k\d)\}(\{z\})?$/.exec(text) ?? [];
  if (selects !== undefined) return (zero === undefined ? merging : zeroing)(register(selects) as Mask);
  if (text.startsWith("[")) return memory(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  return text === cl || Object.hasOwn(conditions, text) ? text : register(text);
}

/** The name and the operands of an instruction. */
export function read(line: string): { readonly name: string; readonly operands: readonly Read[] } {
  const [name, ...rest] = line.split(/ (.*)/s);
  return {
    name: name!,
    operands: (rest[0] ?? "")
      .split(", ")
      .filter((part) => part !== "")
      .map(operand),
  };
}
