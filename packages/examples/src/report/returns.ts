// What a report shows of an agent: the return of each of its episodes.
import { returnCurve } from "./figures.ts";
import type { Section } from "./page.ts";

export const returnSections = (returns: readonly number[]): Section[] => [
  {
    title: "Its episodes",
    about:
      "How many steps the pole stood in each episode of the training, and the mean of 100 episodes in a row: Gym calls " +
      "the task solved where that is 195 or more (the dashed line).",
    body: returnCurve(returns, 195),
  },
];
