// The report on a training: the result, how it learned, and what the program shows.
import { chartOf, said, type Metrics } from "../training/metric-kinds.ts";
import { labelOf } from "../format.ts";
import type { Entry, Noted } from "../training/training-record.ts";
import { errorCurve, lossCurve, resultCurve, type ResultPoint } from "./figures.ts";
import { escaped, page, type Report, type Section } from "./page.ts";

export interface TrainingFindings extends Omit<Report, "sections"> {
  /** The losses of the steps by name, `loss` first; none in a measurement. */
  readonly losses: Losses;
  /** What the numbers of evaluations are. */
  readonly metrics?: Metrics | undefined;
  readonly evaluations: readonly Entry[];
  /** Whether each step read all of the data: only logarithmic axes show the beginning of that. */
  readonly fullBatch?: boolean | undefined;
  readonly sections: readonly Section[];
  /** The model's parts as text. */
  readonly summary?: string | undefined;
}

type Losses = Readonly<Record<string, readonly Noted[]>>;

/** The report as a page. */
export const trainingReport = ({
  losses,
  metrics = {},
  evaluations,
  fullBatch = false,
  sections,
  summary,
  ...head
}: TrainingFindings): string => {
  const hasLosses = Object.keys(losses).length > 0;
  return page({
    ...head,
    sections: [
      ...(hasLosses ? [fullBatch ? errorSection(losses) : lossSection(losses, evaluations, metrics)] : []),
      ...(hasLosses || summary !== undefined // else nothing was learned
        ? resultSection(evaluations, metrics, hasLosses && !fullBatch)
        : []),
      ...sections,
      ...(summary === undefined
        ? []
        : [{ title: "Its parts", about: "Every parameter and its shape.", body: `<pre>${escaped(summary)}</pre>` }]),
    ],
  });
};

const errorSection = (losses: Losses): Section => ({
  title: "How it learned",
  about: "The error, step by step; both axes are logarithmic.",
  body: errorCurve(Object.values(losses)[0]!),
});

function lossSection(losses: Losses, evaluations: readonly Entry[], metrics: Metrics): Section {
  const named = Object.entries(losses).map(([name, values]) => [
    name === "loss" ? "training loss" : labelOf(name),
    values,
  ]);
  const evaluated = pointsBy(evaluations, (name) => metrics[name] === "loss");
  const beside = Object.keys(evaluated).map((name) => `, and the ${name} after each evaluation`);
  return {
    title: "How it learned",
    about: `The loss of every step (pale) and its moving mean${beside.join("")}, on a logarithmic axis.`,
    body: lossCurve(Object.fromEntries(named) as Losses, { perEpoch: stepsPerEpoch(evaluations), evaluated }),
  };
}

/** By the epochs that are over: a training may have been stopped in the middle of one. */
function stepsPerEpoch(evaluations: readonly Entry[]): number | undefined {
  const last = evaluations.at(-1);
  return last && last.step / last.values["epoch"]!;
}

/** What evaluations found, by its label. */
function pointsBy(
  evaluations: readonly Entry[],
  wanted: (name: string) => boolean,
): Readonly<Record<string, readonly ResultPoint[]>> {
  const names = new Set(evaluations.flatMap(({ values }) => Object.keys(values)));
  const shown = [...names].filter((name) => name !== "epoch" && wanted(name));
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
function resultSection(evaluations: readonly Entry[], metrics: Metrics, lossesAreDrawn: boolean): Section[] {
  const isDrawn = (name: string): boolean =>
    name !== "epoch" && metrics[name] !== "best" && !(lossesAreDrawn && metrics[name] === "loss");
  const names = Object.keys(evaluations.at(-1)?.values ?? {}).filter(isDrawn);
  if (names.length === 0) return [];
  const charts = [...new Set(names.map((name) => chartOf(name, metrics)))].map((chart) => {
    const inChart = names.filter((name) => chartOf(name, metrics) === chart);
    const results = pointsBy(evaluations, (name) => inChart.includes(name));
    return { results, drawn: resultCurve(results, (value) => said(value, metrics[inChart[0]!])) };
  });
  const labels = charts.flatMap(({ results }) => Object.keys(results));
  return [
    {
      title: "How well it does",
      about: `The ${labels.join(", the ")} after each evaluation.`,
      body: charts.map(({ drawn }) => drawn).join("\n"),
    },
  ];
}
