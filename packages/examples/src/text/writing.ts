// Text that a language model writes, character by character or word by word.
import { training } from "@weft/autograd";
import { categorical, scope, slice, take, type Creation, type Tensor } from "@weft/tensor";
import { patient } from "../progress.ts";
import { reader, type RecurrentModel } from "./stateful-reader.ts";
import { refuseUnknown } from "../training/vocabularies.ts";

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

/** The logits `[1, V]` of what comes after these, which come after those of the calls before. */
export type Next = (tokens: readonly number[]) => Tensor;

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
  begin: () => Next,
  begun: readonly number[],
  { most, end, temperature = 1, seed, told }: DrawingOptions,
): Promise<number[]> {
  const next = begin();
  const all = [...begun];
  for (const known of all) told?.(known);
  let unread = begun;
  const positions = Array.from({ length: Math.max(0, most - all.length) }, (_, i) => all.length + i);
  for await (const at of patient(positions, "text")) {
    const logits = () => training(false, () => next(unread));
    const drawn = Number(await scope(() => categorical(logits(), { temperature, seed: seed + at }).item()));
    unread = [drawn];
    all.push(drawn);
    told?.(drawn);
    if (drawn === end) break;
  }
  return all;
}

/** Writes text character by character. The same seed writes the same text. */
export async function write(
  begin: () => Next,
  characters: readonly string[],
  { first, length = 600, temperature = 1, seed = 1, told }: WritingOptions,
): Promise<string> {
  const beginning = first ?? (characters.includes("\n") ? "\n" : characters[0]!);
  const numbers = new Map(characters.map((character, i) => [character, i]));
  refuseUnknown(beginning, characters);
  const begun = Array.from(beginning, (character) => numbers.get(character)!);
  const written = await draw(begin, begun, {
    most: begun.length + length,
    temperature,
    seed,
    told: (i) => told?.(characters[i]!),
  });
  return written.map((i) => characters[i]!).join("");
}

/** Windows grow by so many tokens: few sizes, since kernels are made for each of them. */
const growth = 32;

/** For `write`: a model that reads windows of up to `contextLength`, and in them sees only what is before. */
export const byWindows =
  (model: (x: Tensor) => Tensor, contextLength: number, { tensor }: Creation) =>
  (): Next => {
    let seen: readonly number[] = [];
    return (tokens) => {
      seen = [...seen, ...tokens].slice(-contextLength);
      const size = Math.min(contextLength, Math.ceil(seen.length / growth) * growth);
      const x = Array.from({ length: size }, (_, i) => seen[i] ?? 0); // what fills up is not seen
      return take(model(tensor([x], { dtype: "i32" })), seen.length - 1, { axis: 1 });
    };
  };

/** For `write`: a recurrent model with a state of the shape `[layers, 1, hidden]`. */
export const byState =
  (model: RecurrentModel, [layers, hidden]: readonly [layers: number, hidden: number], backend: Creation) =>
  (): Next => {
    const { read } = reader(model, [layers, 1, hidden], backend);
    return (tokens) => {
      const { logits } = read(
        backend.tensor(
          tokens.map((token) => [token]),
          { dtype: "i32" },
        ),
      );
      return slice(logits, { starts: [-1] });
    };
  };
