// Trees in a report: each phrase is a bar above its words, in the color of the sentiment that was guessed.
import type { Tree } from "@weft/data";
import { nodesOf, wordsOf, type Guesses } from "../text/trees.ts";
import { escaped, type Section } from "./page.ts";

/** From very negative to very positive. */
const colors = ["#c2461c", "#eda17f", "#c9ced6", "#8ab4de", "#2f6fb5"] as const;

const [row, bar, letter, gap] = [22, 16, 8, 10] as const;

const most = { trees: 12, words: 14 };

/** The first trees that fit on the page. */
export async function treeSection(
  trees: readonly Tree<number>[],
  classes: readonly string[],
  guesses: Guesses,
): Promise<Section> {
  const shown = trees.filter((tree) => wordsOf(tree).length <= most.words).slice(0, most.trees);
  const pictures: string[] = [];
  for (const tree of shown) pictures.push(drawn(tree, await guesses(tree), classes));
  const legend = classes.map((name, at) => `<b style="color:${colors[at]}">■</b> ${escaped(name)}`).join(" &#160; ");
  return {
    title: "How it reads",
    about:
      "A bar is a phrase, the words below it are its own. The color is the model's guess; where people judged " +
      "otherwise a strip below has the color of theirs.",
    body: `<p>${legend}</p>\n${pictures.join("\n")}`,
  };
}

/** A tree as nested bars, the root at the top. */
function drawn(tree: Tree<number>, guessed: readonly number[], classes: readonly string[]): string {
  const guessOf = new Map(nodesOf(tree).map((node, at) => [node, guessed[at]!]));
  const depth = (node: Tree<number>): number => 1 + Math.max(0, ...node.children.map(depth));
  const height = depth(tree) * row + row;
  const parts: string[] = [];
  /** Draws a node from x on, and returns its width. */
  const draw = (node: Tree<number>, x: number, y: number): number => {
    const { word, children, label } = node;
    let width = word === undefined ? 0 : word.length * letter + gap;
    for (const child of children) width += draw(child, x + width, y + row);
    const guess = guessOf.get(node)!;
    const said = guess === label ? classes[guess]! : `${classes[guess]!}; people said ${classes[label]!}`;
    const place = (h: number): string => `x="${x + 1}" width="${width - 2}" height="${h}"`;
    parts.push(
      `<g><title>${escaped(`${wordsOf(node).join(" ")}: ${said}`)}</title>` +
        `<rect ${place(bar)} y="${y}" rx="3" fill="${colors[guess]}" />` +
        (guess === label ? "" : `<rect ${place(5)} y="${y + bar - 5}" fill="${colors[label]}" />`) +
        (word === undefined
          ? ""
          : `<text x="${x + width / 2}" y="${height - 6}" text-anchor="middle" fill="currentColor">${escaped(word)}</text>`) +
        "</g>",
    );
    return width;
  };
  const width = draw(tree, 0, 0);
  const sentence = escaped(wordsOf(tree).join(" "));
  return (
    `<svg role="img" aria-label="${sentence}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `style="font-size:13px;margin:0 0 1.25rem">${parts.join("")}</svg>`
  );
}
