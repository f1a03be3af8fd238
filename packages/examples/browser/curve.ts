// A curve to which points (step, value) are added. It keeps a bounded number of points, so that drawing a long training
// run costs no more than a short one.

export interface Scale {
  /** Values with a line and a label, from the bottom to the top of the chart. */
  readonly ticks: readonly number[];
  /** The text of a tick. */
  readonly label: (value: number) => string;
  /** The height of a value: any increasing function (a logarithm, say). */
  readonly height: (value: number) => number;
  /** Over how many steps the thick line averages; 1 draws the points themselves. */
  readonly smooth: number;
}

export interface Curve {
  add(step: number, value: number): void;
}

const POINTS = 600;
const svg = "http://www.w3.org/2000/svg";

/** Draws into an element with `role="img"`; its label contains the last value. */
export function curve(element: HTMLElement, name: string, { ticks, label, height, smooth }: Scale): Curve {
  const [bottom, top] = [height(ticks[0]!), height(ticks.at(-1)!)];
  const y = (value: number): number => 1 - Math.min(Math.max((height(value) - bottom) / (top - bottom), 0), 1);

  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("viewBox", "0 0 1 1");
  picture.setAttribute("preserveAspectRatio", "none");
  const line = (kind: string): SVGPathElement => {
    const path = document.createElementNS(svg, "path");
    path.setAttribute("class", kind);
    picture.append(path);
    return path;
  };
  line("grid").setAttribute("d", ticks.map((tick) => `M0 ${y(tick)}H1`).join(""));
  const [thin, thick] = [line("each"), line("mean")];
  const labels = ticks.map((tick) => {
    const text = document.createElement("span");
    text.className = "tick";
    text.textContent = label(tick);
    text.style.top = `${100 * y(tick)}%`;
    return text;
  });
  const end = document.createElement("span");
  end.className = "end";
  element.append(picture, ...labels, end);

  /** Step, value and mean so far. */
  let points: [step: number, value: number, mean: number][] = [];
  let scheduled = false;

  const draw = (): void => {
    scheduled = false;
    const last = points.at(-1)!;
    const width = Math.max(last[0], 1);
    const path = (which: 1 | 2): string =>
      points
        .map((point, i) => `${i === 0 ? "M" : "L"}${(point[0] / width).toFixed(4)} ${y(point[which]).toFixed(4)}`)
        .join("");
    thin.setAttribute("d", smooth > 1 ? path(1) : "");
    thick.setAttribute("d", path(2));
    end.textContent = `${last[0].toLocaleString("en")} steps`;
    element.setAttribute("aria-label", `${name}: ${label(last[2])} after ${last[0]} steps`);
  };

  return {
    add(step, value) {
      const before = points.at(-1);
      const weight = Math.max(1 / smooth, 1 / (points.length + 1));
      points.push([step, value, before === undefined ? value : before[2] + weight * (value - before[2])]);
      const { length } = points;
      if (length > POINTS) points = points.filter((_, i) => i % 2 === (length - 1) % 2);
      if (!scheduled) requestAnimationFrame(draw);
      scheduled = true;
    },
  };
}
