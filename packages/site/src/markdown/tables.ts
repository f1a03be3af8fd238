// Tables of the documents in `docs`, so that a page shows what they say instead of a copy.

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const cells = (line: string): string[] => line.slice(1, -1).split("|").map((cell) => cell.trim()); // prettier-ignore

/** A table that the site shows, and the sentence below it. */
export interface MarkedTable extends Table {
  readonly note: string;
}

/** The table below the mark `<!-- site: name: note -->`; its cells are Markdown. The mark of a newer table replaces the older. */
export function tableMarked(markdown: string, name: string): MarkedTable {
  const lines = markdown.split("\n");
  const mark = new RegExp(`^<!-- site: ${name}: (.*) -->$`);
  const places = lines.flatMap((line, i) => (mark.test(line) ? [i] : []));
  if (places.length !== 1) throw new Error(`wanted one mark "<!-- site: ${name}: … -->", found ${places.length}`);
  const first = lines.findIndex((line, i) => i > places[0]! && line.startsWith("|"));
  if (first === -1) throw new Error(`there is no table below the mark of "${name}"`);
  const end = lines.findIndex((line, i) => i > first && !line.startsWith("|"));
  const [columns, , ...rows] = lines.slice(first, end === -1 ? lines.length : end).map(cells);
  return { columns: columns!, rows, note: mark.exec(lines[places[0]!]!)![1]! };
}

/** The rows whose first cells are named, and the first columns, which must have these names. */
export function part({ columns, rows }: Table, named: readonly string[], wanted = columns): Table {
  const first = columns.slice(0, wanted.length);
  if (first.join() !== wanted.join())
    throw new Error(`the table begins with the columns ${first.join(", ")}; wanted ${wanted.join(", ")}`);
  const picked = named.map((name) => {
    const row = rows.find(([title]) => title === name);
    if (row === undefined)
      throw new Error(`the table has no row "${name}": there is ${rows.map(([title]) => title).join(", ")}`);
    return row.slice(0, wanted.length);
  });
  return { columns: first, rows: picked };
}
