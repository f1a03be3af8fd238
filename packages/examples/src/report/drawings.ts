// Pictures that a model drew, in a report: many of them side by side in one picture.
import { sheet, type Section } from "./page.ts";
import { address, tiled } from "./picture.ts";

export interface Drawings extends Pick<Section, "title" | "about"> {
  /** Brightness from 0 to 1, picture after picture, each 28 × 28. */
  readonly values: Float32Array;
  /** How many stand in a row. */
  readonly columns: number;
}

export const drawingSection = ({ title, about, values, columns }: Drawings): Section => ({
  title,
  about,
  body: sheet({ src: address(tiled(values, 28, columns)), alt: title }),
});
