// Files as somebody who means harm, or a bad disk, would have them: a good one with something changed.

/** Numbers that repeat with their seed (Marsaglia's xorshift). */
export function generator(seed: number): (below: number) => number {
  let x = (seed * 0x9e3779b1) | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

type Random = (below: number) => number;
type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const snippets = [
  '"', "{", "}", "[", "]", ",", ":", "\\", "-", "0", "9", "1e9", "null", "true", '"a":', '{"a":1}', "\u001b[31m", "\ufeff",
  "\n", '"dtype":"I32"', '"shape":[4]', '"data_offsets":[0,0]', '"__metadata__":{}', "F64", "BF16", "BOOL", "9007199254740993",
  "\\u0000", "[".repeat(50), "NaN", "Infinity", "\0", "\t", " ",
]; // prettier-ignore

/** Ways to change a file; each gives a copy. */
export const mutations: Readonly<Record<string, Mutation>> = {
  "a bit": (bytes, random) => {
    const copy = bytes.slice();
    copy[random(copy.length)]! ^= 1 << random(8);
    return copy;
  },
  "a bit near the beginning": (bytes, random) => {
    const copy = bytes.slice();
    copy[random(Math.min(400, copy.length))]! ^= 1 << random(8);
    return copy;
  },
  "a byte": (bytes, random) => {
    const copy = bytes.slice();
    copy[random(copy.length)] = random(256);
    return copy;
  },
  "an end": (bytes, random) => bytes.slice(0, random(bytes.length)),
  "a beginning": (bytes, random) => bytes.slice(random(bytes.length)),
  "a piece left out": (bytes, random) => {
    const [from, length] = [random(bytes.length), 1 + random(16)];
    return joined(bytes.slice(0, from), bytes.slice(from + length));
  },
  "a piece twice": (bytes, random) => {
    const [from, length] = [random(bytes.length), 1 + random(64)];
    return joined(bytes.slice(0, from + length), bytes.slice(from));
  },
  "words put in": (bytes, random) => {
    const at = random(Math.min(600, bytes.length));
    return joined(bytes.slice(0, at), text(snippets[random(snippets.length)]!), bytes.slice(at));
  },
  "words written over": (bytes, random) => {
    const copy = bytes.slice();
    const words = text(snippets[random(snippets.length)]!);
    const at = random(Math.min(600, copy.length));
    copy.set(words.subarray(0, copy.length - at), at);
    return copy;
  },
  "two files": (bytes, random, other) => {
    const at = random(Math.min(bytes.length, other.length));
    return joined(bytes.slice(0, at), other.slice(at));
  },
  "something behind": (bytes, random) => joined(bytes, text(snippets[random(snippets.length)]!)),
};

/** So many changed files: each from `files`, changed once, twice or three times. */
export function* mutants(
  files: readonly Uint8Array[],
  count: number,
  seed: number,
): Generator<readonly [string, Uint8Array]> {
  const random = generator(seed);
  const ways = Object.entries(mutations);
  for (let n = 0; n < count; n++) {
    const names: string[] = [];
    let bytes = files[random(files.length)]!;
    for (let times = 1 + random(3); times > 0 && bytes.length > 0; times--) {
      const [name, change] = ways[random(ways.length)]!;
      names.push(name);
      bytes = change(bytes, random, files[random(files.length)]!);
    }
    yield [`number ${n} of seed ${seed}: ${names.join(", ")}`, bytes];
  }
}
