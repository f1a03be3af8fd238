// Tables of the documents in `docs`, so that a page shows what they say instead of a copy.

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const cells = (line: string): string[] => line.slice(1, -1).split("|").map((cell) => cell.trim()); // prettier-ignore

/** The first table below a line that begins so; its cells are Markdown. */
export function tableBelow(markdown: string, beginning: string): Table {
  const lines = markdown.split("\n");
  const place = lines.findIndex((line) => line.startsWith(beginning));
  const first = lines.findIndex((line, i) => i > place && line.startsWith("|"));
  if (place === -1 || first === -1) throw new Error(`there is no table below "${beginning}"`);
  const end = lines.findIndex((line, i) => i > first && !line.startsWith("|"));
  const [columns, , ...rows] = lines.slice(first, end === -1 ? lines.length : end).map(cells);
  return { columns: columns!, rows };
}

/** The rows whose first cells are named, and the first columns. Throws if a row is missing. */
export function part({ columns, rows }: Table, named: readonly string[], width = columns.length): Table {
  const picked = named.map((name) => {
    const row = rows.find(([first]) => first === name);
    if (row === undefined)
      throw new Error(`the table has no row "${name}": there is ${rows.map(([f]) => f).join(", ")}`);
    return row.slice(0, width);
  });
  return { columns: columns.slice(0, width), rows: picked };
}
