// A report as one self-contained HTML file: style, charts and pictures are inside.

export interface Section {
  readonly title: string;
  /** One or two sentences: what the section shows. */
  readonly about: string;
  /** HTML. */
  readonly body: string;
}

export interface Report {
  /** The command that repeats it, and what it ran on: versions, and what computed it. */
  readonly command?: readonly [line: string, on: string];
  readonly title: string;
  /** The main result, and what it means. */
  readonly result: readonly [value: string, what: string];
  /** What there is to say of the result: that less than all was done, what all of it reaches. */
  readonly remarks?: readonly string[];
  /** Further facts: name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly Section[];
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text escaped for HTML. */
export const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (c) => entities[c]!);

export interface Captioned {
  /** The URL of a picture. */
  readonly src: string;
  /** HTML under the picture. */
  readonly caption: string;
  /** The picture in words. */
  readonly alt: string;
}

/** Pictures side by side, with a caption under each. */
export const gallery = (pictures: readonly Captioned[]): string =>
  `<div class="gallery">${pictures
    .map(
      ({ src, caption, alt }) =>
        `<figure><img src="${src}" alt="${escaped(alt)}" /><figcaption>${caption}</figcaption></figure>`,
    )
    .join("\n")}</div>`;

/** A table: the first column has names, the others have numbers. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${row(head, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table>`;
};

/** One picture, as wide as the page. */
export const sheet = ({ src, alt }: Omit<Captioned, "caption">): string =>
  `<img class="sheet" src="${src}" alt="${escaped(alt)}" />`;

const style = `
:root { color-scheme: light dark; --ink: #1d2530; --soft: #5d6b7c; --paper: #f6f7f9; --card: #fff; --line: #e1e5ea; --mark: #3b76b8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #98a5b5; --paper: #14181e; --card: #1c222b; --line: #2d3643; --mark: #7fb0e6; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1rem 4rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 46rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.75rem; }
h2 { margin: 0; font-size: 1.15rem; }
p { margin: .25rem 0 1rem; color: var(--soft); }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; margin-bottom: 1.25rem; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 1rem 2rem; }
.result { margin: 0; font-size: 2.6rem; line-height: 1.1; font-weight: 700; color: var(--mark); }
.result small { display: block; font-size: .9rem; font-weight: 400; color: var(--soft); }
dl { flex-basis: 100%; display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem 1.5rem; margin: 0; padding-top: 1rem; border-top: 1px solid var(--line); }
.command { font-size: .85rem; color: var(--soft); overflow-wrap: anywhere; }
.remark { margin: .25rem 0; color: var(--soft); }
dt { font-size: .8rem; color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 1rem .75rem; }
figure { margin: 0; text-align: center; font-size: .85rem; line-height: 1.3; }
img { width: 100%; max-width: 5.5rem; border-radius: 6px; image-rendering: pixelated; }
img.sheet { display: block; max-width: 35rem; margin: 0 auto; }
figcaption { color: var(--soft); }
figcaption b { color: var(--ink); }
.quote { margin: 1rem 0; padding-left: .75rem; border-left: 3px solid var(--line); text-align: left; }
.quote p { margin: 0; color: var(--ink); line-height: 1.7; }
.quote span { border-radius: 4px; padding: .1em .15em; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 400; font-size: .85rem; }
pre { margin: 0; overflow-x: auto; font-size: .85rem; }
pre.text { white-space: pre-wrap; }
footer { text-align: center; font-size: .85rem; color: var(--soft); }
`;

/** The whole page. */
export const page = ({ command, title, result, remarks = [], facts, sections }: Report): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${escaped(title)}: ${escaped(result[0])}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
${command === undefined ? "" : `<p class="command"><code>${escaped(command[0])}</code><br />${escaped(command[1])}</p>\n`}<h1>${escaped(title)}</h1>
<p class="result">${escaped(result[0])}<small>${escaped(result[1])}</small></p>
${remarks.map((remark) => `<p class="remark">${escaped(remark)}</p>\n`).join("")}<dl>
${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("\n")}
</dl>
</header>
${sections
  .map(
    ({ title, about, body }) => `<section>\n<h2>${escaped(title)}</h2>\n<p>${escaped(about)}</p>\n${body}\n</section>`,
  )
  .join("\n")}
<footer>Made by Weft, ${new Date().toISOString().slice(0, 10)}</footer>
</main>
</body>
</html>
`;
