// The report on an image classifier: how it learned, what it confuses, what its first layer responds to.
import type { Labeled } from "@weft/data";
import { confusion, mistakes, type Answer } from "../evaluation.ts";
import type { Epoch } from "../training.ts";
import { accuracyCurve, confusionMatrix, lossCurve } from "./figures.ts";
import { escaped, gallery, page, type Report, type Section } from "./page.ts";
import { address, weighed } from "./picture.ts";

/** The weights of a layer, `[units, …]`. */
interface Weights {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface Findings extends Pick<Report, "title" | "result" | "facts"> {
  readonly epochs: readonly Epoch[];
  readonly test: Labeled;
  readonly answers: readonly Answer[];
  /** Those of the first layer. */
  readonly weights: Weights;
  /** The model's parts as text. */
  readonly summary: string;
}

/** How many of the wrong answers are shown. */
const SHOWN = 24;

/** The report as a page. */
export function classifierReport(findings: Findings): string {
  const { epochs, test, answers, weights, summary } = findings;
  const wrong = mistakes(answers);
  const sections: Section[] = [
    {
      title: "How it learned",
      about: "The loss of every step (pale) and its moving mean, on a logarithmic axis.",
      body: lossCurve(
        epochs.flatMap(({ losses }) => losses),
        epochs[0]!.losses.length,
      ),
    },
    {
      title: "How well it does on pictures that it has not seen",
      about: "The accuracy on the test set after each epoch.",
      body: accuracyCurve(epochs.map(({ accuracy }) => accuracy)),
    },
    {
      title: "What it confuses",
      about: "Rows are labels, columns are the model's predictions. Orange is wrong.",
      body: confusionMatrix(confusion(answers)),
    },
    {
      title: "Its most confident mistakes",
      about:
        wrong.length === 0
          ? "It made no mistakes."
          : `The ${Math.min(SHOWN, wrong.length)} most confident of ${wrong.length} mistakes.`,
      body: gallery(wrong.slice(0, SHOWN).map((answer) => mistake(answer, test))),
    },
    {
      title: "What it looks for first",
      about: "The weights of the first layer, unit by unit: red where ink raises its output, blue where ink lowers it.",
      body: gallery(filters(weights)),
    },
    { title: "Its parts", about: "Every parameter and its shape.", body: `<pre>${escaped(summary)}</pre>` },
  ];
  return page({ ...findings, sections });
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

function mistake({ index, label, guess, confidence }: Answer, { images }: Labeled) {
  const [height, width] = images.shape.slice(-2) as [number, number];
  const data = images.data.subarray(index * width * height, (index + 1) * width * height);
  return {
    src: address({ width, height, data }),
    alt: `Picture ${index} is a ${label}, taken for a ${guess}`,
    caption: `<b>${label}</b> taken for <b>${guess}</b><br />${percent(confidence)} sure<br />picture ${index}`,
  };
}

function filters({ data, shape }: Weights) {
  const units = shape[0]!;
  const size = data.length / units; // one gray channel: a unit's weights are one picture
  const side = Math.sqrt(size);
  const limit = Array.from(data).reduce((most, w) => Math.max(most, Math.abs(w)), 0);
  return Array.from({ length: units }, (_, unit) => ({
    src: address(weighed(Array.from(data).slice(unit * size, (unit + 1) * size), side, side, limit)),
    alt: `The weights of unit ${unit}`,
    caption: String(unit),
  }));
}
