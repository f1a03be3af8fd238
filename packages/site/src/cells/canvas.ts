// Pixels on a canvas.
import type { Pixels } from "./output.ts";

/** Fills a canvas that has the size of the picture. */
export function paint(canvas: HTMLCanvasElement, pixels: Pixels): void {
  canvas.getContext("2d")!.putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
}
