// Text that a language model writes, character by character.
import { training } from "@weft/autograd";
import { ArgumentError, categorical, scope, take, type Creation, type Tensor } from "@weft/tensor";

export interface WritingOptions {
  /** What is read before; its characters must be known. */
  readonly first: string;
  /** How many characters are written (600). */
  readonly length?: number;
  /** Below 1 likely characters are preferred (1). */
  readonly temperature?: number;
  readonly seed?: number;
}

/**
 * Writes text: each character is drawn with a probability proportional to exp(score / temperature). `next` gives the
 * scores `[1, V]` of what comes after the characters with these numbers. It is called for every beginning of the text in
 * turn, so it may remember what it has read. The same seed writes the same text.
 */
export async function write(
  next: (before: readonly number[]) => Tensor,
  characters: readonly string[],
  { first, length = 600, temperature = 1, seed = 1 }: WritingOptions,
): Promise<string> {
  const places = new Map(characters.map((character, place) => [character, place]));
  const begun = Array.from(first, (character) => {
    const place = places.get(character);
    if (place === undefined)
      throw new ArgumentError(`the model does not know ${JSON.stringify(character)}: it reads ${characters.join("")}`);
    return place;
  });
  const written = begun.slice(0, 1);
  while (written.length < begun.length + length) {
    const at = written.length;
    const drawn = await scope(() =>
      categorical(
        training(false, () => next(written)),
        { temperature, seed: seed + at },
      ).item(),
    );
    written.push(begun[at] ?? Number(drawn));
  }
  return written.map((place) => characters[place]!).join("");
}

/** What `write` calls, of a model that reads windows `[1, length]` and in them sees only what is before. */
export const byWindows =
  (model: (x: Tensor) => Tensor, length: number, { tensor }: Creation) =>
  (before: readonly number[]): Tensor => {
    const seen = before.slice(-length);
    const x = Array.from({ length }, (_, i) => seen[i] ?? 0); // what fills up is not seen
    return take(model(tensor([x], { dtype: "i32" })), seen.length - 1, { axis: 1 });
  };
