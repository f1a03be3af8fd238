// What a report shows of a classifier of pictures: what it confuses, and what its first layer responds to.
import type { Labeled } from "@weft/data";
import { confusion, mistakes, type Prediction } from "../training/evaluation.ts";
import { confusionMatrix } from "./figures.ts";
import { escaped, gallery, type Section } from "./page.ts";
import { address, pictureAt, weighed, weighedColors } from "./picture.ts";

/** The weights of a layer, `[units, …]`. */
interface Weights {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface Findings {
  readonly test: Labeled;
  /** The name of each class. */
  readonly classes: readonly string[];
  readonly predictions: readonly Prediction[];
  /** Those of the first layer. */
  readonly weights: Weights;
}

/** How many of the wrong predictions are shown. */
const SHOWN = 24;

export function classifierSections({ test, classes, predictions, weights }: Findings): Section[] {
  const wrong = mistakes(predictions);
  return [
    {
      title: "What it confuses",
      about: "Rows are labels, columns are the model's predictions. Orange is wrong.",
      body: confusionMatrix(confusion(predictions, classes.length), classes),
    },
    {
      title: "Its most confident mistakes",
      about:
        wrong.length === 0
          ? "It made no mistakes."
          : `The ${Math.min(SHOWN, wrong.length)} most confident of ${wrong.length} mistakes.`,
      body: gallery(wrong.slice(0, SHOWN).map((prediction) => mistake(prediction, test, classes))),
    },
    {
      title: "What it looks for first",
      about: isColor(weights)
        ? "The weights of the first layer, unit by unit, as the colors that raise its output most."
        : "The weights of the first layer, unit by unit: red where ink raises its output, blue where ink lowers it.",
      body: gallery(filters(weights)),
    },
  ];
}

const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;

function mistake({ index, label, guess, confidence }: Prediction, test: Labeled, classes: readonly string[]) {
  const [is, taken] = [escaped(classes[label]!), escaped(classes[guess]!)];
  return {
    src: address(pictureAt(test, index)),
    alt: `Picture ${index}, ${classes[label]}, taken for ${classes[guess]}`,
    caption: `<b>${is}</b> taken for <b>${taken}</b><br />${percent(confidence)} sure<br />picture ${index}`,
  };
}

/** Whether these are weights of a convolution of color pictures. */
const isColor = ({ shape }: Weights): boolean => shape.length === 4 && shape[1] === 3;

function filters(weights: Weights) {
  const { data, shape } = weights;
  const units = shape[0]!;
  const size = data.length / units; // with one gray channel, a unit's weights are one picture
  const [side, drawn] = isColor(weights) ? [Math.sqrt(size / 3), weighedColors] : [Math.sqrt(size), weighed];
  const limit = Array.from(data).reduce((most, w) => Math.max(most, Math.abs(w)), 0);
  return Array.from({ length: units }, (_, unit) => ({
    src: address(drawn(Array.from(data).slice(unit * size, (unit + 1) * size), side, side, limit)),
    alt: `The weights of unit ${unit}`,
    caption: String(unit),
  }));
}
