// Tables as Markdown, which are also readable on a terminal, and numbers in them.

/** A number with three significant digits. */
export const figure = (x: number): string =>
  x >= 1000 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(3)));
export const times = (x: number): string =>
  `${x >= 100 ? Math.round(x).toLocaleString("en") : x.toPrecision(x < 1 ? 2 : 3)}×`;

/** A Markdown table with aligned columns; the first is text. */
export function lines(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, k) => Math.max(2, title.length, ...body.map((cells) => cells[k]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, k) => (k === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)].join("\n");
}
