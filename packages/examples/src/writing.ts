// Text that a language model writes, character by character or word by word.
import { training } from "@weft/autograd";
import { categorical, scope, take, type Creation, type Tensor } from "@weft/tensor";
import { patient } from "./patience.ts";
import { refuseUnknown } from "./vocabularies.ts";

export interface WritingOptions {
  /** What is read before; its characters must be known. By default the end of a line, or the first character known. */
  readonly first?: string;
  /** How many characters are written (600). */
  readonly length?: number | undefined;
  /** Is told of each character, also of those that are read before. */
  readonly told?: (character: string) => void;
  /** Below 1 likely characters are preferred (1). */
  readonly temperature?: number;
  readonly seed?: number;
}

/** The logits `[1, V]` of what comes after these. It is called for every beginning in turn, so it may remember. */
type Next = (before: readonly number[]) => Tensor;

interface DrawingOptions {
  /** How many there are at most, with those of the beginning. */
  readonly most: number;
  /** What ends it. */
  readonly end?: number;
  readonly temperature?: number;
  readonly seed: number;
  /** Is told of each number. */
  readonly told?: (number: number) => void;
}

/** Goes on after a beginning: each number is drawn with a probability proportional to exp(logit / temperature). */
export async function draw(
  next: Next,
  begun: readonly number[],
  { most, end, temperature = 1, seed, told }: DrawingOptions,
): Promise<number[]> {
  const all = begun.slice(0, 1);
  for (const known of all) told?.(known);
  const places = Array.from({ length: most - all.length }, (_, i) => all.length + i);
  for await (const at of patient(places, "text")) {
    const logits = () => training(false, () => next(all));
    const drawn = await scope(() => categorical(logits(), { temperature, seed: seed + at }).item());
    all.push(begun[at] ?? Number(drawn));
    told?.(all[at]!);
    if (at >= begun.length && all[at] === end) break;
  }
  return all;
}

/** Writes text character by character. The same seed writes the same text. */
export async function write(
  next: Next,
  characters: readonly string[],
  { first, length = 600, temperature = 1, seed = 1, told }: WritingOptions,
): Promise<string> {
  const beginning = first ?? (characters.includes("\n") ? "\n" : characters[0]!);
  const places = new Map(characters.map((character, place) => [character, place]));
  refuseUnknown(beginning, characters);
  const begun = Array.from(beginning, (character) => places.get(character)!);
  const written = await draw(next, begun, {
    most: begun.length + length,
    temperature,
    seed,
    told: (place) => told?.(characters[place]!),
  });
  return written.map((place) => characters[place]!).join("");
}

/** Windows grow by so many places: few sizes, since kernels are made for each of them. */
const growth = 32;

/** What `write` calls, of a model that reads windows of up to `length` and in them sees only what is before. */
export const byWindows =
  (model: (x: Tensor) => Tensor, length: number, { tensor }: Creation) =>
  (before: readonly number[]): Tensor => {
    const seen = before.slice(-length);
    const size = Math.min(length, Math.ceil(seen.length / growth) * growth);
    const x = Array.from({ length: size }, (_, i) => seen[i] ?? 0); // what fills up is not seen
    return take(model(tensor([x], { dtype: "i32" })), seen.length - 1, { axis: 1 });
  };
