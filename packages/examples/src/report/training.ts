// The report on a training: the result, how it learned, and what the program shows.
import { labelOf, said } from "../words.ts";
import type { Entry } from "../record.ts";
import { errorCurve, lossCurve, resultCurve } from "./figures.ts";
import { escaped, page, type Report, type Section } from "./page.ts";

export interface TrainingFindings extends Pick<Report, "title" | "result" | "facts"> {
  /** The noted losses, in order; none in a measurement. */
  readonly losses: readonly number[];
  readonly evaluations: readonly Entry[];
  readonly sections: readonly Section[];
  /** The model's parts as text. */
  readonly summary?: string | undefined;
}

/** The report as a page. */
export const trainingReport = ({ losses, evaluations, sections, summary, ...head }: TrainingFindings): string =>
  page({
    ...head,
    sections: [
      ...lossSection(losses, evaluations),
      ...(losses.length === 0 && summary === undefined ? [] : resultSection(evaluations)), // nothing was learned
      ...sections,
      ...(summary === undefined
        ? []
        : [{ title: "Its parts", about: "Every parameter and its shape.", body: `<pre>${escaped(summary)}</pre>` }]),
    ],
  });

function lossSection(losses: readonly number[], evaluations: readonly Entry[]): Section[] {
  if (losses.length === 0) return [];
  const epochs = evaluations.at(-1)?.values["epoch"] ?? 1;
  // Where an epoch is a step, as in regression with all of the data, only a logarithmic axis shows the beginning.
  const single = epochs >= losses.length && losses.length > 1;
  return [
    {
      title: "How it learned",
      about: single
        ? "The error, step by step; both axes are logarithmic."
        : "The loss of every step (pale) and its moving mean, on a logarithmic axis.",
      body: single ? errorCurve(losses) : lossCurve(losses, losses.length / epochs),
    },
  ];
}

/** The main result after each evaluation. */
function resultSection(evaluations: readonly Entry[]): Section[] {
  const name = Object.keys(evaluations[0]?.values ?? {}).find((key) => key !== "epoch");
  if (name === undefined) return [];
  const points = evaluations.map(({ values }) => ({ epoch: values["epoch"]!, value: values[name]! }));
  return [
    {
      title: "How well it does",
      about: `The ${labelOf(name)} after each evaluation.`,
      body: resultCurve(points, labelOf(name), (value) => said(name, value)),
    },
  ];
}
