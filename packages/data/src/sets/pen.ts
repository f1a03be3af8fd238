// The pen that draws digits: a skeleton becomes a smooth line, the line is distorted as by a hand, and a round tip of
// some width draws it on 28 x 28 cells. It uses only + - * / and square roots, which every machine rounds alike.
import type { Skeleton } from "./skeletons.ts";
import type { Stream } from "../stream.ts";

/** How handwriting varies. Lengths are in heights of a digit unless stated otherwise. */
export interface Hand {
  /** How far a point of the skeleton moves. */
  readonly stray: number;
  /** How far the paper is stretched (elastic distortion). */
  readonly stretch: number;
  /** Tangent of half the angle of rotation. */
  readonly turn: number;
  /** Slant to the right: mean and spread. */
  readonly slant: readonly [mean: number, spread: number];
  /** Variation of the width relative to the height. */
  readonly width: number;
  /** Length of the longer side in cells, minimum and maximum. */
  readonly height: readonly [number, number];
  /** Radius of the tip in cells, minimum and maximum. */
  readonly tip: readonly [number, number];
  /** Shift in cells. */
  readonly shift: number;
}

const STEPS = 5;
const GRID = 4;

/** Nearly normal with spread 1, and never beyond 3.5: the sum of four uniform draws. */
const about = (random: Stream): number =>
  (random.uniform() + random.uniform() + random.uniform() + random.uniform() - 2) * 1.7320508075688772;

const between = (random: Stream, [low, high]: readonly [number, number]): number =>
  low + (high - low) * random.uniform();

/** A line that the pen follows: x and y alternating; NaN lifts the pen. */
type Stroke = number[];

/** Curves through the points of a skeleton (Catmull and Rom), each of which is moved a little. */
function follow(skeleton: Skeleton, stray: number, random: Stream): Stroke {
  const line: Stroke = [];
  for (const stroke of skeleton.strokes) {
    const xs: number[] = [];
    const ys: number[] = [];
    for (let i = 0; i < stroke.length; i += 2) {
      const corner = i > 0 && stroke[i] === stroke[i - 2] && stroke[i + 1] === stroke[i - 1];
      xs.push(corner ? xs.at(-1)! : stroke[i]! + stray * about(random));
      ys.push(corner ? ys.at(-1)! : stroke[i + 1]! + stray * about(random));
    }
    const last = xs.length - 1;
    line.push(xs[0]!, ys[0]!);
    for (let i = 0; i < last; i++) {
      const before = Math.max(i - 1, 0);
      const after = Math.min(i + 2, last);
      if (xs[i] === xs[i + 1] && ys[i] === ys[i + 1]) continue;
      for (let step = 1; step <= STEPS; step++) {
        const t = step / STEPS;
        line.push(
          curve(xs[before]!, xs[i]!, xs[i + 1]!, xs[after]!, t),
          curve(ys[before]!, ys[i]!, ys[i + 1]!, ys[after]!, t),
        );
      }
    }
    line.push(Number.NaN, Number.NaN);
  }
  return line;
}

const curve = (a: number, b: number, c: number, d: number, t: number): number =>
  b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));

/** Stretches the paper: a grid of random shifts, smoothly interpolated (quadratic B-splines). */
function stretch(line: Stroke, amount: number, random: Stream): void {
  const push = Array.from({ length: 2 * GRID * GRID }, () => amount * about(random));
  for (let i = 0; i < line.length; i += 2) {
    const u = Math.min(Math.max(line[i]!, 0), 1) * (GRID - 2) + 0.5;
    const v = Math.min(Math.max(line[i + 1]!, 0), 1) * (GRID - 2) + 0.5;
    if (Number.isNaN(u)) continue;
    const [col, wx] = weights(u);
    const [row, wy] = weights(v);
    let dx = 0;
    let dy = 0;
    for (let r = 0; r < 3; r++)
      for (let c = 0; c < 3; c++) {
        const at = 2 * ((row + r) * GRID + col + c);
        const w = wy[r]! * wx[c]!;
        dx += w * push[at]!;
        dy += w * push[at + 1]!;
      }
    line[i] = line[i]! + dx;
    line[i + 1] = line[i + 1]! + dy;
  }
}

function weights(u: number): [first: number, readonly number[]] {
  const first = Math.min(Math.floor(u - 0.5), GRID - 3);
  const t = u - 0.5 - first;
  return [first, [0.5 * (1 - t) * (1 - t), 0.5 + t * (1 - t), 0.5 * t * t]];
}

/** Rotates, slants and widens the line, and fits it into the sheet with its center of ink in the middle. */
function place(line: Stroke, hand: Hand, random: Stream): void {
  const tan = hand.turn * about(random);
  const cos = (1 - tan * tan) / (1 + tan * tan);
  const sin = (2 * tan) / (1 + tan * tan);
  const slant = hand.slant[0] + hand.slant[1] * about(random);
  const width = 1 + hand.width * about(random);
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < line.length; i += 2) {
    if (Number.isNaN(line[i]!)) continue;
    const x = (line[i]! - 0.5) * 0.8 * width - (line[i + 1]! - 0.5) * slant;
    const y = line[i + 1]! - 0.5;
    line[i] = cos * x - sin * y;
    line[i + 1] = sin * x + cos * y;
    left = Math.min(left, line[i]!);
    right = Math.max(right, line[i]!);
    top = Math.min(top, line[i + 1]!);
    bottom = Math.max(bottom, line[i + 1]!);
  }
  const scale = between(random, hand.height) / Math.max(right - left, bottom - top);
  const [cx, cy] = center(line);
  const dx = 14 + hand.shift * about(random);
  const dy = 14 + hand.shift * about(random);
  for (let i = 0; i < line.length; i += 2) {
    line[i] = (line[i]! - cx) * scale + dx;
    line[i + 1] = (line[i + 1]! - cy) * scale + dy;
  }
}

function center(line: Stroke): [number, number] {
  let [x, y, total] = [0, 0, 0];
  for (let i = 2; i < line.length; i += 2) {
    const dx = line[i]! - line[i - 2]!;
    const dy = line[i + 1]! - line[i - 1]!;
    const length = Math.sqrt(dx * dx + dy * dy);
    if (Number.isNaN(length)) continue;
    x += 0.5 * length * (line[i]! + line[i - 2]!);
    y += 0.5 * length * (line[i + 1]! + line[i - 1]!);
    total += length;
  }
  return [x / total, y / total];
}

/** Draws one digit into 28 x 28 bytes. */
export function draw(skeleton: Skeleton, hand: Hand, random: Stream, sheet: Uint8Array): void {
  const line = follow(skeleton, hand.stray, random);
  stretch(line, hand.stretch, random);
  place(line, hand, random);
  const tip = between(random, hand.tip);
  const drift = 0.25 * about(random); // the pressure changes along the line
  const ink = new Float64Array(28 * 28);
  for (let i = 2; i < line.length; i += 2) {
    if (Number.isNaN(line[i]!) || Number.isNaN(line[i - 2]!)) continue;
    segment(ink, line[i - 2]!, line[i - 1]!, line[i]!, line[i + 1]!, tip * (1 + drift * (i / line.length - 0.5)));
  }
  const dark = 200 + 55 * random.uniform();
  for (let i = 0; i < ink.length; i++)
    if (ink[i]! > 0) sheet[i] = Math.min(255, Math.floor(dark * ink[i]! * (1 + 0.12 * (random.uniform() - 0.5)) + 0.5));
}

/** Inks the cells near one piece of the line: fully inside the tip, fading over 1.2 cells at its edge. */
function segment(ink: Float64Array, x0: number, y0: number, x1: number, y1: number, tip: number): void {
  const reach = tip + 0.6;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const length = dx * dx + dy * dy;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach - 0.5));
  const right = Math.min(27, Math.floor(Math.max(x0, x1) + reach - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach - 0.5));
  const bottom = Math.min(27, Math.floor(Math.max(y0, y1) + reach - 0.5));
  for (let row = top; row <= bottom; row++)
    for (let col = left; col <= right; col++) {
      const px = col + 0.5 - x0;
      const py = row + 0.5 - y0;
      const t = length > 0 ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
      const ex = px - t * dx;
      const ey = py - t * dy;
      const covered = Math.min((reach - Math.sqrt(ex * ex + ey * ey)) / 1.2, 1);
      const at = row * 28 + col;
      if (covered > ink[at]!) ink[at] = covered;
    }
}
