// Live curves by uPlot, which is loaded with the first one.
import type uPlot from "uplot";
import type { Chart } from "./transcript.ts";

export interface Plot {
  /** Draws the points that came since, at most once a frame. */
  update(): void;
  end(): void;
}

const HEIGHT = 220;
const colors = ["--vp-c-brand-1", "--vp-c-red-1", "--vp-c-green-1", "--vp-c-yellow-1"];

/** Draws a chart into an element; `say` gets the last point as text. */
export async function plot(element: HTMLElement, chart: Chart, say: (text: string) => void): Promise<Plot> {
  const { default: UPlot } = await import("uplot");
  let made: uPlot | undefined;
  const color = (name: string): string => getComputedStyle(element).getPropertyValue(name);
  /** The theme's colors are read when the chart is made, so a change of the theme makes it anew. */
  const make = (): void => {
    made?.destroy();
    const axis = { stroke: color("--vp-c-text-2"), grid: { stroke: color("--vp-c-divider"), width: 1 } };
    made = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false }, y: chart.log ? { distr: 3 } : {} },
        axes: [
          { ...axis, label: chart.x, labelSize: 20 },
          { ...axis, size: 60 }, // wide enough for 10,000
        ],
        series: [
          { label: chart.x },
          ...chart.names.map((label, i) => ({
            label,
            stroke: color(colors[i % colors.length]!),
            width: 2,
            points: { show: false },
          })),
        ],
        cursor: { drag: { x: false, y: false } },
      },
      chart.points as uPlot.AlignedData,
      element,
    );
  };
  make();
  let scheduled = 0;
  const draw = (): void => {
    scheduled = 0;
    made!.setData(chart.points as uPlot.AlignedData);
    say(
      chart.points
        .map((line, i) => `${i === 0 ? chart.x : chart.names[i - 1]} ${line.at(-1) ?? "nothing yet"}`)
        .join(", "),
    );
  };
  draw();
  const sized = new ResizeObserver(() => made!.setSize({ width: element.clientWidth, height: HEIGHT }));
  sized.observe(element);
  const themed = new MutationObserver(make);
  themed.observe(document.documentElement, { attributeFilter: ["class"] });
  return {
    update() {
      if (scheduled === 0) scheduled = requestAnimationFrame(draw);
    },
    end() {
      cancelAnimationFrame(scheduled);
      sized.disconnect();
      themed.disconnect();
      made?.destroy();
    },
  };
}
