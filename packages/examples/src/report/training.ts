// The report on a training: the result, how it learned, and what the program shows.
import { familyOf, isLoss, labelOf, said } from "../words.ts";
import type { Entry, Noted } from "../record.ts";
import { errorCurve, lossCurve, resultCurve, type ResultPoint } from "./figures.ts";
import { escaped, page, type Report, type Section } from "./page.ts";

export interface TrainingFindings extends Omit<Report, "sections"> {
  /** The losses of the steps, in order; none in a measurement. */
  readonly losses: readonly Noted[];
  /** Further losses of the steps, by name. */
  readonly otherLosses?: Readonly<Record<string, readonly Noted[]>>;
  readonly evaluations: readonly Entry[];
  /** Whether each step read all of the data: only logarithmic axes show the beginning of that. */
  readonly fullBatch?: boolean | undefined;
  readonly sections: readonly Section[];
  /** The model's parts as text. */
  readonly summary?: string | undefined;
}

/** The report as a page. */
export const trainingReport = ({
  losses,
  otherLosses = {},
  evaluations,
  fullBatch = false,
  sections,
  summary,
  ...head
}: TrainingFindings): string =>
  page({
    ...head,
    sections: [
      ...(fullBatch ? errorSection(losses) : lossSection(losses, otherLosses, evaluations)),
      ...(losses.length === 0 && summary === undefined // nothing was learned
        ? []
        : resultSection(evaluations, losses.length > 0 && !fullBatch)),
      ...sections,
      ...(summary === undefined
        ? []
        : [{ title: "Its parts", about: "Every parameter and its shape.", body: `<pre>${escaped(summary)}</pre>` }]),
    ],
  });

const errorSection = (losses: readonly Noted[]): Section[] =>
  losses.length === 0
    ? []
    : [
        {
          title: "How it learned",
          about: "The error, step by step; both axes are logarithmic.",
          body: errorCurve(losses),
        },
      ];

function lossSection(
  losses: readonly Noted[],
  others: Readonly<Record<string, readonly Noted[]>>,
  evaluations: readonly Entry[],
): Section[] {
  if (losses.length === 0) return [];
  const named = Object.fromEntries(Object.entries(others).map(([name, values]) => [labelOf(name), values]));
  const evaluated = pointsBy(evaluations, isLoss);
  const beside = Object.keys(evaluated).map((name) => `, and the ${name} after each evaluation`);
  return [
    {
      title: "How it learned",
      about: `The loss of every step (pale) and its moving mean${beside.join("")}, on a logarithmic axis.`,
      body: lossCurve({ "training loss": losses, ...named }, { perEpoch: stepsPerEpoch(evaluations), evaluated }),
    },
  ];
}

/** By the epochs that are over: a training may have been stopped in the middle of one. */
function stepsPerEpoch(evaluations: readonly Entry[]): number | undefined {
  const last = evaluations.at(-1);
  return last && last.step / last.values["epoch"]!;
}

/** What evaluations found, by its label; the best so far hides how it went on, and is left out. */
function pointsBy(
  evaluations: readonly Entry[],
  wanted: (name: string) => boolean,
): Readonly<Record<string, readonly ResultPoint[]>> {
  const names = new Set(evaluations.flatMap(({ values }) => Object.keys(values)));
  const shown = [...names].filter((name) => name !== "epoch" && !/^best[A-Z]/.test(name) && wanted(name));
  return Object.fromEntries(
    shown.map((name) => [
      labelOf(name),
      evaluations.flatMap(({ values: { epoch, [name]: value } }) =>
        epoch === undefined || value === undefined ? [] : [{ epoch, value }],
      ),
    ]),
  );
}

/** The results after each evaluation, those of a kind in one chart, but for losses that are drawn beside those of the steps. */
function resultSection(evaluations: readonly Entry[], lossesAreDrawn: boolean): Section[] {
  const names = Object.keys(evaluations.at(-1)?.values ?? {}).filter((name) => !(lossesAreDrawn && isLoss(name)));
  const charts = [...new Set(names.map(familyOf))].flatMap((family) => {
    const results = pointsBy(evaluations, (name) => names.includes(name) && familyOf(name) === family);
    return Object.keys(results).length === 0 ? [] : [{ family, results }];
  });
  if (charts.length === 0) return [];
  const labels = charts.flatMap(({ results }) => Object.keys(results));
  return [
    {
      title: "How well it does",
      about: `The ${labels.join(", the ")} after each evaluation.`,
      body: charts.map(({ family, results }) => resultCurve(results, (value) => said(family, value))).join("\n"),
    },
  ];
}
