// What a run has shown so far, ready to be drawn: points join their curve, and a bar moves instead of growing a second one.
import type { Emit, Output } from "./output.ts";

type Of<K extends Output["kind"]> = Extract<Output, { kind: K }>;

/** A curve with its points: x first, then the values of each line. */
export interface Chart extends Of<"curve"> {
  readonly points: number[][];
}

export type Item = Exclude<Output, Of<"curve"> | Of<"point">> | Chart;

/** Outputs that are kept; of more the first go, several at once, since each of the others moves. */
const MOST = 1000;
const TOGETHER = 500;

const isLasting = ({ kind }: Item): boolean => kind === "curve" || kind === "progress" || kind === "error";

/** Removes the first, but for curves that still grow, bars and errors. */
function shorten(items: Item[]): void {
  let excess = items.length - MOST;
  const kept = items.filter((item) => isLasting(item) || excess-- <= 0);
  items.splice(0, items.length, ...kept);
}

/** Takes outputs into `items`; `moved` is called when a curve got a point. */
export function transcript(items: Item[], moved: () => void): Emit {
  const charts = new Map<number, Chart>();
  return (output) => {
    switch (output.kind) {
      case "curve": {
        const chart = { ...output, points: [output.x, ...output.names].map((): number[] => []) };
        charts.set(output.id, chart);
        items.push(chart);
        return;
      }
      case "point": {
        const chart = charts.get(output.id);
        if (chart === undefined) return;
        [output.x, ...output.values].slice(0, chart.points.length).forEach((value, i) => chart.points[i]!.push(value));
        moved();
        return;
      }
      case "progress": {
        const i = items.findIndex((item) => item.kind === "progress" && item.id === output.id);
        if (i === -1) items.push(output);
        else items[i] = output;
        return;
      }
      default:
        items.push(output);
        if (items.length > MOST + TOGETHER) shorten(items);
    }
  };
}
