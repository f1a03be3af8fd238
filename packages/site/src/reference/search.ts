// What the search of the site knows of a page: all its text, but of a page of the reference the names and what it says of
// them, without signatures and tables.
import type { MarkdownEnv, MarkdownRenderer } from "vitepress";

/** Renders a page for the index. */
export function renderForSearch(text: string, env: MarkdownEnv, md: MarkdownRenderer): string {
  const html = md.render(env.relativePath.startsWith("reference/") ? said(text, env.relativePath) : text, env);
  return env.frontmatter?.["search"] === false ? "" : html;
}

/** What a page of the reference says: of a function or a class the top, of a package its types as well. */
export function said(text: string, path: string): string {
  const plain = text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/^(?:\||#{4,} ).*\n/gm, "");
  return /\/(?:classes|functions)\//.test(path) ? plain.replace(/^## [\s\S]*/m, "") : plain;
}
