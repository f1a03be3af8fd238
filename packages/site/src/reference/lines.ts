// The lists of names on the page of a package: of what is said of a name, the first sentence.

const row = /^(\| \[[^\]]*\]\((?:classes|functions|namespaces)\/[^)]*\) \| )(.*)( \|)$/gm;

/** A sentence: its end is a period before a space and a capital letter or code; code within it may have any. */
const sentence = /^(?:`[^`]*`|[^`])*?\.(?= [A-Z`"[(])/;

/** Shortens the rows that lead to a page of their own. */
export const lineEach = (markdown: string): string =>
  markdown.replaceAll(
    row,
    (_, link: string, text: string, end: string) => link + (sentence.exec(text)?.[0] ?? text) + end,
  );
