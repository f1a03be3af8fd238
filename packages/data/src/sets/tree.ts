// Trees in brackets, as treebanks write them.
import { ArgumentError } from "@weft/tensor";
import { callable, describe, readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";

/** A node of a tree: a leaf has a word, every other node has children. */
export interface Tree<L = string> {
  readonly label: L;
  readonly word?: string;
  readonly children: readonly Tree<L>[];
}

export interface TreeOptions<L> {
  /** The label of a node from its text (default: the text). */
  readonly label?: (text: string) => L;
}

/** Deeper than any sentence is. */
const deepest = 1000;

/** Only these blanks divide: a word may have one that does not break (U+00A0). */
const token = /[()]|[^ \t\r\n()]+/g;

/** A node that is being read. */
interface OpenNode<L> {
  readonly children: Tree<L>[];
  readonly at: number;
  label?: string;
  word?: string;
}

/**
 * Reads one tree in brackets: `(label word)` at a leaf, `(label tree tree …)` elsewhere. The label may be missing where
 * trees follow, as in the Penn Treebank: `( (S …))`. Throws a DataError that says where something else is.
 *
 * @example
 * const tree = parseTree("(3 (2 It) (4 works))", { label: Number });
 * tree.label; // 3
 * tree.children[1].word; // "works"
 */
export function parseTree(text: string): Tree;
export function parseTree<L>(text: string, options: TreeOptions<L> & { readonly label: (text: string) => L }): Tree<L>;
export function parseTree<L>(text: string, options?: TreeOptions<L>): Tree<L | string> {
  const { label = (given: string) => given } = readOptions("parseTree", options, { label: callable }, {});
  if (typeof text !== "string") throw new ArgumentError(`parseTree: wanted a text, got ${describe(text)}.`);
  const open: OpenNode<L | string>[] = [];
  let whole: Tree<L | string> | undefined;
  for (const { 0: part, index } of text.matchAll(token)) {
    const fail = (expected: string): never => {
      throw new DataError(
        `parseTree: expected ${expected} at character ${index}, found ${JSON.stringify(part.slice(0, 40))}.`,
      );
    };
    const node = open.at(-1);
    if (node === undefined && (part !== "(" || whole !== undefined)) fail(whole === undefined ? "a tree" : "the end");
    if (part === "(") {
      if (node?.word !== undefined) fail(") after a word");
      if (open.length >= deepest) fail(`at most ${deepest} open brackets`);
      open.push({ children: [], at: index });
    } else if (part !== ")") {
      if (node!.word !== undefined || node!.children.length > 0) fail(")");
      if (node!.label === undefined) node!.label = part;
      else node!.word = part;
    } else {
      const { word, children, label: given } = open.pop()!;
      if (word === undefined && children.length === 0) fail("a word or a tree");
      const read = { label: label(given ?? ""), ...(word !== undefined && { word }), children };
      const around = open.at(-1);
      if (around === undefined) whole = read;
      else around.children.push(read);
    }
  }
  if (open.length > 0)
    throw new DataError(`parseTree: expected ) for the bracket at character ${open.at(-1)!.at}, found the end.`);
  if (whole === undefined) throw new DataError("parseTree: expected a tree, found nothing.");
  return whole;
}
