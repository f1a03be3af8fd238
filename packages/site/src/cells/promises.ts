// What a cell promises: comments at its end say which lines it prints (`//> 6`) and what holds of what it declared
// (`//~ accuracy > 0.9`). The reader sees them; the tests, and every run in the page, check them.

export interface Promised {
  /** Lines that the cell prints: all of them, if there are any. `…` stands for any text. */
  readonly lines: readonly string[];
  /** Expressions that are true when it has run. */
  readonly conditions: readonly string[];
}

/** The promises of a cell. */
export function promisesOf(source: string): Promised {
  const found = (mark: string): string[] =>
    source.split("\n").flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length).replace(/^ /, "")] : []));
  return { lines: found("//>"), conditions: found("//~") };
}

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** A tensor prints where it lives; the promise holds on every backend. */
const anywhere = (line: string): string => line.trimEnd().replaceAll("@weft/tensor-webgpu", "@weft/tensor-cpu");

/** Whether what was printed is what was promised. */
export function keeps(printed: readonly string[], promised: readonly string[]): boolean {
  const lines = printed.flatMap((text) => text.split("\n")).map(anywhere);
  if (lines.length !== promised.length) return false;
  return promised.every((line, i) => {
    const parts = anywhere(line).split("…").map(literally);
    return new RegExp(`^${parts.join(".*")}$`, "s").test(lines[i]!);
  });
}
