// What a report shows of a regression: how far off it is.
import { scatter } from "./figures.ts";
import type { Section } from "./page.ts";

export interface RegressionFindings {
  readonly truth: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly unit: string;
}

export const regressionSections = ({ truth, predictions, unit }: RegressionFindings): Section[] => [
  {
    title: "How far off it is",
    about: "Each point is one case: the true value and the prediction. On the dashed line they are equal.",
    body: scatter(truth, predictions, unit),
  },
];
