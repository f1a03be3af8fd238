// The cost of operations beside what Knet's table and its script say.
import { table, type Section } from "./page.ts";

/** Seconds of 6,000 calls: on a GRID K520, from the table, and on that machine's CPU, from AutoGrad's prof/profile.jl. */
const published = [
  ["0.67", "0.95"],
  ["0.71", "1.05"],
  ["0.75", "1.34"],
  ["0.81", "1.43"],
  ["0.85", "1.48"],
  ["0.89", "1.49"],
  ["1.18", "1.63"],
  ["1.33", "1.96"],
  ["2.79", "4.40"],
] as const;

/** A table of the best passes, of so many calls. */
export function costSections(best: Readonly<Record<string, number>>, calls: number): Section[] {
  const times = Object.values(best).map((seconds) => (seconds / calls) * 6000);
  const forward = times[6]!;
  return [
    {
      title: "Seconds for 6,000 calls",
      about:
        "Each row does what the rows above do, and one thing more. Each call waits for its result, so on a GPU the rows " +
        "are mostly waiting.",
      body: table(
        ["", "Knet, GPU of 2016", "Knet, CPU of 2016", "Weft", "of the forward pass"],
        Object.keys(best).map((name, k) => [
          name,
          ...published[k]!,
          times[k]!.toFixed(3),
          (times[k]! / forward).toFixed(2),
        ]),
      ),
    },
  ];
}
