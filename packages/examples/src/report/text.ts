// Text in a report: what a language model wrote.
import { escaped, type Section } from "./page.ts";

export const textSection = (text: string): Section => ({
  title: "What it writes",
  about: "Each character is drawn with the probability that the model gives it, after those before.",
  body: `<pre class="text">${escaped(text)}</pre>`,
});

export const sentencesSection = (sentences: readonly string[]): Section => ({
  title: "What it writes",
  about: "Each word is drawn with the probability that the model gives it, after those before.",
  body: `<pre class="text">${escaped(sentences.join("\n"))}</pre>`,
});
