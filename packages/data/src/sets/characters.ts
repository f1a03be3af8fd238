// Text as a sequence of characters, for language models that spell.
import type { HostArray } from "../host-array.ts";

/** A text and its characters. */
export interface CharacterText {
  readonly text: string;
  /** The distinct characters, in the order of their code points. */
  readonly characters: readonly string[];
  /** `[N]`: for each character of the text its place in `characters`. */
  readonly ids: HostArray<Int32Array>;
}

export function characterText(text: string): CharacterText {
  const codes = new Int32Array(text.length); // of whole characters: the last ones stay unused where some have two halves
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    const code = text.codePointAt(at)!;
    codes[count] = code;
    at += code > 0xffff ? 2 : 1;
  }
  const data = codes.subarray(0, count);
  const distinct = [...new Set(data)].toSorted((a, b) => a - b);
  const places = new Map(distinct.map((code, id) => [code, id]));
  for (let i = 0; i < count; i++) data[i] = places.get(data[i]!)!;
  return {
    text,
    characters: distinct.map((code) => String.fromCodePoint(code)),
    ids: { data, shape: [count], dtype: "i32" },
  };
}
