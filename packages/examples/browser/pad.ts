// The canvas to draw on, by mouse, pen or finger. It can also show a sample.
import { CELLS, picture, type Stroke } from "./sheet.ts";

export interface Pad {
  /** Shows a picture in place of a drawing, or nothing. */
  show(picture: Uint8Array | undefined): void;
}

/** Makes a canvas a drawing pad; `changed` gets the picture at every change, undefined when the pad is empty. */
export function pad(canvas: HTMLCanvasElement, changed: (picture: Uint8Array | undefined) => void): Pad {
  const context = canvas.getContext("2d")!;
  let strokes: Stroke[] = [];
  let shown: Uint8Array | undefined;
  /** The stroke of each pen or finger that is down. */
  const open = new Map<number, Stroke>();

  const draw = (): void => {
    const { width, height } = canvas;
    paint(canvas, shown);
    if (shown !== undefined) return;
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 0.075 * width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0]! * width, stroke[1]! * height);
      for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i]! * width, stroke[i + 1]! * height);
      context.stroke();
    }
  };
  const add = (stroke: Stroke, events: readonly PointerEvent[]): void => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    for (const { clientX, clientY } of events) stroke.push((clientX - left) / width, (clientY - top) / height);
    draw();
    changed(picture(strokes));
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (shown !== undefined) strokes = [];
    shown = undefined;
    const stroke: Stroke = [];
    strokes.push(stroke);
    open.set(event.pointerId, stroke);
    add(stroke, [event]);
  });
  canvas.addEventListener("pointermove", (event) => {
    const stroke = open.get(event.pointerId);
    if (stroke === undefined) return;
    const all = event.getCoalescedEvents?.() ?? [];
    add(stroke, all.length > 0 ? all : [event]);
  });
  canvas.addEventListener("lostpointercapture", (event) => open.delete(event.pointerId));
  dark.addEventListener("change", draw);

  return {
    show(picture) {
      strokes = [];
      open.clear();
      shown = picture;
      draw();
      changed(picture);
    },
  };
}

const painted = new Map<HTMLCanvasElement, Uint8Array | undefined>();
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => painted.forEach((picture, canvas) => paint(canvas, picture)));

/** Paints a picture, or nothing, on a canvas, in its text color; repaints it when the color scheme changes. */
export function paint(canvas: HTMLCanvasElement, picture: Uint8Array | undefined): void {
  painted.set(canvas, picture);
  const context = canvas.getContext("2d")!;
  const side = canvas.width / CELLS;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = getComputedStyle(canvas).color;
  picture?.forEach((value, i) => {
    context.globalAlpha = value / 255;
    context.fillRect((i % CELLS) * side, Math.floor(i / CELLS) * side, side, side);
  });
  context.globalAlpha = 1;
}
