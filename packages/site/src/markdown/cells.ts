// Blocks of code that live: "```ts cell" in a page becomes a component around the highlighted code, which is all that a
// reader without JavaScript gets. The page's buttons stand before the first one.
import type { MarkdownRenderer } from "vitepress";

const isCell = (info: string): boolean => /^ts\s+cell\b/.test(info.trim());

/** The code of the cells of a page, in order. */
export function cellsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts +cell\b[^\n]*\n([\s\S]*?)^```/gm)].map(([, code]) => code!.trimEnd());
}

/** How many cells stand above the first that is marked as slow: all, if none is. */
export function quickCells(markdown: string): number {
  const infos = [...markdown.matchAll(/^```ts +cell\b([^\n]*)\n[\s\S]*?^```/gm)].map(([, info]) => info!.trim());
  return infos.includes("slow") ? infos.indexOf("slow") : infos.length;
}

/** Characters of code in a line that stay together where that matters. */
const SHORT = 40;

/** Marks short code, so that a table need not break a command at its dashes. */
export function shortCode(md: MarkdownRenderer): void {
  const inline = md.renderer.rules.code_inline!;
  md.renderer.rules.code_inline = (tokens, i, ...rest) => {
    const html = inline(tokens, i, ...rest);
    return tokens[i]!.content.length <= SHORT ? html.replace(/^<code/, '<code class="short"') : html;
  };
}

/** Teaches the renderer about cells. */
export function liveCells(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence!;
  md.renderer.rules.fence = (tokens, i, ...rest) => {
    const html = fence(tokens, i, ...rest);
    if (!isCell(tokens[i]!.info)) return html;
    const isFirst = !tokens.slice(0, i).some(({ type, info }) => type === "fence" && isCell(info));
    return `${isFirst ? "<CellBar />" : ""}<LiveCell>${html}</LiveCell>`;
  };
}
