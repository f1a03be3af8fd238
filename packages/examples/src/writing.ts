// Text that a language model writes, character by character.
import { training } from "@weft/autograd";
import { categorical, div, scope, type Creation, type Tensor } from "@weft/tensor";

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
 * Writes text: each character is drawn with a probability proportional to exp(score / temperature). `read` gives the
 * scores `[1, V]` of what comes after a character `[1, 1]`, and remembers what it read before. The same seed writes the
 * same text.
 */
export async function write(
  read: (x: Tensor) => Tensor,
  characters: readonly string[],
  { tensor }: Creation,
  { first, length = 600, temperature = 1, seed = 1 }: WritingOptions,
): Promise<string> {
  let text = first;
  for (let at = 0; at < first.length - 1 + length; at++) {
    const drawn = await scope(() => {
      const x = tensor([[characters.indexOf(text[at]!)]], { dtype: "i32" });
      const scores = training(false, () => read(x));
      return categorical(div(scores, temperature), { seed: seed + at }).item();
    });
    if (at >= first.length - 1) text += characters[Number(drawn)]!;
  }
  return text;
}
