// Turns a drawing into a picture like those of the training data: 28 x 28 bytes, the digit about 19 cells high, with
// its center of mass in the middle, drawn with a round tip. `digits()` does the same with the digits that it draws.

/** A line drawn without lifting the pen: x, y, x, y, …, as fractions of the sheet. */
export type Stroke = number[];

export const CELLS = 28;
/** The larger side of a digit, in cells. */
const HEIGHT = 19;
/** The largest scale of a drawing, so that a dot stays a dot. */
const MOST = 4 * CELLS;
/** Radius of the tip and width of its soft edge, in cells. */
const TIP = 1.25;
const EDGE = 1.2;
/** Cells between the middle of a line and the edge of the sheet. */
const MARGIN = TIP + 1;

/** The picture of a drawing; undefined for an empty one. */
export function picture(strokes: readonly Stroke[]): Uint8Array | undefined {
  const xs = strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 0));
  const ys = strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 1));
  if (xs.length === 0) return undefined;
  const [left, right, top, bottom] = [least(xs), -least(xs.map(minus)), least(ys), -least(ys.map(minus))];
  const scale = Math.min(HEIGHT / Math.max(right - left, bottom - top), MOST);
  const [cx, cy] = center(strokes);
  const dx = inside(CELLS / 2 - cx * scale, left * scale, right * scale);
  const dy = inside(CELLS / 2 - cy * scale, top * scale, bottom * scale);
  const sheet = new Uint8Array(CELLS * CELLS);
  for (const stroke of strokes) {
    const line = stroke.map((value, i) => value * scale + (i % 2 === 0 ? dx : dy));
    for (let i = 0; i < line.length; i += 2) {
      const from = Math.max(i - 2, 0);
      ink(sheet, line[from]!, line[from + 1]!, line[i]!, line[i + 1]!);
    }
  }
  return sheet;
}

const minus = (x: number): number => -x;
/** Not `Math.min(...values)`: there may be too many for a call. */
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));

/** The shift, limited so that both ends stay on the sheet. */
const inside = (shift: number, from: number, to: number): number =>
  Math.min(Math.max(shift, MARGIN - from), CELLS - MARGIN - to);

/** The center of mass of the ink; a dot counts as a very short line. */
function center(strokes: readonly Stroke[]): [number, number] {
  let [x, y, total] = [0, 0, 0];
  for (const stroke of strokes)
    for (let i = 0; i < stroke.length; i += 2) {
      const from = Math.max(i - 2, 0);
      const [x0, y0, x1, y1] = [stroke[from]!, stroke[from + 1]!, stroke[i]!, stroke[i + 1]!];
      const length = Math.hypot(x1 - x0, y1 - y0) + 1e-6;
      x += (length * (x0 + x1)) / 2;
      y += (length * (y0 + y1)) / 2;
      total += length;
    }
  return [x / total, y / total];
}

/** Inks the cells near one segment: fully inside the tip, fading at its edge. */
function ink(sheet: Uint8Array, x0: number, y0: number, x1: number, y1: number): void {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  for (let row = 0; row < CELLS; row++)
    for (let col = 0; col < CELLS; col++) {
      const [px, py] = [col + 0.5 - x0, row + 0.5 - y0];
      const t = length > 0 ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
      const distance = Math.hypot(px - t * dx, py - t * dy);
      const covered = Math.min((TIP + EDGE / 2 - distance) / EDGE, 1);
      const at = row * CELLS + col;
      sheet[at] = Math.max(sheet[at]!, Math.round(230 * covered)); // below 0 becomes 0: the cell has at least that
    }
}
