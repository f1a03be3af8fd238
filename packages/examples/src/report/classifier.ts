// What a report shows of a classifier of pictures: what it confuses, and what its first layer responds to.
import type { Labeled } from "@weft/data";
import { confusion, mistakes, type Answer } from "../evaluation.ts";
import { confusionMatrix } from "./figures.ts";
import { gallery, type Section } from "./page.ts";
import { address, weighed } from "./picture.ts";

/** The weights of a layer, `[units, …]`. */
interface Weights {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface Findings {
  readonly test: Labeled;
  readonly answers: readonly Answer[];
  /** Those of the first layer. */
  readonly weights: Weights;
}

/** How many of the wrong answers are shown. */
const SHOWN = 24;

export function classifierSections({ test, answers, weights }: Findings): Section[] {
  const wrong = mistakes(answers);
  return [
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
  ];
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
