// Reviews as a model reads them: each word colored by how much it changed the model's mind.
import { scope, type Backend, type Tensor } from "@weft/tensor";
import { minibatch, type HostArray, type Reviews } from "@weft/data";
import { mistakes, type Prediction } from "../training/evaluation.ts";
import { escaped, type Section } from "./page.ts";

const names = ["negative", "positive"];

/** How many reviews of a kind are shown. */
const SHOWN = 3;

/** Some reviews that were judged right, some that were judged wrong, and some that the model was not sure about. */
export async function reviewSections(
  test: Reviews<HostArray<Int32Array>>,
  vocabulary: readonly string[],
  predictions: readonly Prediction[],
  /** The logits of both classes after each word, `[N, T, 2]`. */
  logitsByWord: (x: Tensor) => Tensor,
  backend: Backend,
): Promise<Section[]> {
  const wrong = mistakes(predictions);
  const right = predictions.filter(({ label, guess }) => label === guess).sort((a, b) => b.confidence - a.confidence);
  const of = (label: number) => right.filter((prediction) => prediction.label === label).slice(0, SHOWN);
  const section = async (title: string, about: string, shown: readonly Prediction[]): Promise<Section> => {
    const minds = await mindsOf(test, shown, logitsByWord, backend);
    const bodies = shown.map((prediction, i) =>
      reviewed(prediction, wordsOf(test, prediction.index, vocabulary), minds[i]!),
    );
    return { title, about: shown.length === 0 ? "There are none." : about, body: bodies.join("\n") };
  };
  return [
    await section(
      "Reviews that it is sure about",
      "Their last words, as the model reads them. Blue words made it believe more in a positive review, orange ones less.",
      [...of(1), ...of(0)],
    ),
    await section("Its most confident mistakes", `Of ${wrong.length} mistakes.`, wrong.slice(0, SHOWN)),
    await section(
      "What it could not decide",
      "The reviews that it was least sure about.",
      predictions.toSorted((a, b) => a.confidence - b.confidence).slice(0, SHOWN),
    ),
  ];
}

/** The logit of positive less that of negative after each word of some reviews. */
async function mindsOf(
  { inputs }: Reviews<HostArray<Int32Array>>,
  shown: readonly Prediction[],
  logitsByWord: (x: Tensor) => Tensor,
  backend: Backend,
): Promise<number[][]> {
  const minds: number[][] = [];
  for (const x of minibatch(inputs, 1, { backend, partial: true, sampler: shown.map(({ index }) => index) })) {
    const logits = await scope(() => logitsByWord(x).data());
    minds.push(Array.from({ length: logits.length / 2 }, (_, t) => logits[2 * t + 1]! - logits[2 * t]!));
  }
  return minds;
}

const wordsOf = (
  { inputs }: Reviews<HostArray<Int32Array>>,
  index: number,
  vocabulary: readonly string[],
): string[] => {
  const length = inputs.shape[1]!;
  return Array.from(inputs.data.subarray(index * length, (index + 1) * length), (id) => vocabulary[id]!);
};

/** What is shown for ids that are no words; nothing for what fills up a review. */
const signs = new Map([
  ["<pad>", undefined],
  ["<start>", undefined],
  ["<oov>", "…"],
  ["br", "/"], // the end of a line
]);

function reviewed(
  { label, guess, confidence }: Prediction,
  words: readonly string[],
  minds: readonly number[],
): string {
  const changes = minds.map((mind, t) => mind - (minds[t - 1] ?? 0));
  const most = Math.max(...changes.map(Math.abs)) || 1;
  const spans = words.flatMap((word, t) => {
    const shown = signs.has(word) ? signs.get(word) : word;
    if (shown === undefined) return [];
    const color = changes[t]! > 0 ? "59 118 184" : "209 87 43";
    const strength = ((0.8 * Math.abs(changes[t]!)) / most).toFixed(2);
    return [`<span style="background: rgb(${color} / ${strength})">${escaped(shown)}</span>`];
  });
  const verdict = `<b>${names[label]}</b>, ${label === guess ? "as" : "but"} the model says: ${names[guess]}`;
  return `<figure class="quote"><figcaption>${verdict} (${(100 * confidence).toFixed(1)}% sure)</figcaption><p>${spans.join(" ")}</p></figure>`;
}
