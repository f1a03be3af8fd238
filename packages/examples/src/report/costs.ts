// The cost of operations beside what Knet's table and its script say.
import { operationCosts } from "../published-tables.ts";
import { table, type Section } from "./page.ts";

const hundredths = (x: string | number): string => Number(x).toFixed(2);

/** A table of the best passes, of so many calls. */
export function costSections(best: Readonly<Record<string, number>>, calls: number): Section[] {
  const times = operationCosts.map(([name]) => (best[name]! / calls) * 6000);
  const forward = (best["Σ(·)²"]! / calls) * 6000;
  return [
    {
      title: "Seconds for 6,000 calls",
      about:
        "Each row does what the rows above do, and one thing more. Each call waits for its result, so on a GPU the rows " +
        "are mostly waiting.",
      body: table(
        ["", "Knet, GPU of 2016", "Knet, CPU of 2016", "Weft", "of the forward pass"],
        operationCosts.map(([name, ...published], k) => [
          name,
          ...published.map(hundredths),
          times[k]!.toFixed(3),
          (times[k]! / forward).toFixed(2),
        ]),
      ),
    },
  ];
}
