// The report on a regression model: how it learned, and how far off it is.
import { errorCurve, scatter } from "./figures.ts";
import { page, type Report } from "./page.ts";

export interface RegressionFindings extends Pick<Report, "title" | "result" | "facts"> {
  readonly losses: readonly number[];
  readonly truth: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly unit: string;
}

/** The report as a page. */
export const regressionReport = (findings: RegressionFindings): string =>
  page({
    ...findings,
    sections: [
      {
        title: "How it learned",
        about: "The mean squared error, step by step; both axes are logarithmic.",
        body: errorCurve(findings.losses),
      },
      {
        title: "How far off it is",
        about: "Each point is one case: the true value and the prediction. On the dashed line they are equal.",
        body: scatter(findings.truth, findings.predictions, findings.unit),
      },
    ],
  });
