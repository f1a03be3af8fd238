// What a generator of digits draws: which digits a LeNet that learned from real ones reads in it, and pictures from the same
// noise, epoch after epoch.
import { add, argmax, div, scope, type Backend, type Tensor } from "@weft/tensor";
import type { Pictures } from "@weft/data";
import { classifierLearner } from "./classifier.ts";
import type { Recipe } from "./classifier-recipe.ts";
import { drawingSection } from "../report/drawings.ts";
import type { Section } from "../report/page.ts";

/** Steps that LeNet takes first, and how often it goes through the pictures at most. */
const LESSONS = { steps: 300, epochs: 30 };
const COLUMNS = 10;

export interface Gallery {
  /** What a saved training needs to go on: a row of pictures for each epoch, as text. */
  readonly state: { readonly rows: string[] };
  /** Keeps a row of pictures. */
  readonly keep: () => Promise<void>;
  /**
   * Of 1,000 drawings, how many are of the rarest digit, and how many digits are found; and the accuracy on real digits of
   * the LeNet that reads them.
   */
  readonly evaluate: () => Promise<{ drawingsOfTheRarest: number; digitsFound: number; readerAccuracy: number }>;
  readonly sections: () => Promise<Section[]>;
}

/** `recipe` is of the reader; `draw` draws so many pictures, `[N, 1, 28, 28]`, with brightness from −1 to 1, the same each time. */
export function gallery(recipe: Recipe, draw: (count: number) => Tensor, data: Pictures, backend: Backend): Gallery {
  const state = { rows: [] as string[] };
  const drawn = (count: number) => div(add(draw(count), 1), 2);
  const pictures = (count: number) => scope(() => drawn(count).data()) as Promise<Float32Array>;

  const reader = classifierLearner(recipe, data, { backend, seed: 1 });
  let lessons: Promise<{ testAccuracy: number }> | undefined;
  async function learn() {
    let steps = 0;
    for (let epoch = 0; epoch < LESSONS.epochs && steps < LESSONS.steps; epoch++)
      for await (const _ of reader.epoch()) if (++steps === LESSONS.steps) break;
    return reader.evaluate();
  }
  return {
    state,
    async keep() {
      state.rows.push(Buffer.from((await pictures(COLUMNS)).map((x) => 255 * x)).toString("base64"));
    },
    async evaluate() {
      const { testAccuracy: readerAccuracy } = await (lessons ??= learn());
      const digits = await scope(() => argmax(reader.model(drawn(1000)), { axis: 1 }).data());
      const counts = Array.from({ length: 10 }, (_, digit) => digits.filter((found) => found === digit).length);
      const digitsFound = counts.filter((n) => n > 0).length;
      return { drawingsOfTheRarest: Math.min(...counts), digitsFound, readerAccuracy };
    },
    async sections() {
      const bytes = state.rows.map((row) => Buffer.from(row, "base64"));
      const learned = drawingSection({
        title: "How it learned to draw",
        about: "Pictures from the same noise after each epoch, the first on top.",
        values: Float32Array.from(Buffer.concat(bytes), (x) => x / 255),
        columns: COLUMNS,
      });
      const about = "Pictures from random noise.";
      return [
        drawingSection({ title: "What it draws", about, values: await pictures(100), columns: COLUMNS }),
        ...(state.rows.length === 0 ? [] : [learned]),
      ];
    },
  };
}
