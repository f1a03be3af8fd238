// What somebody meant who misspelled a name. commander does it for commands and options, but not for arguments.

/** The name that is most like a word; undefined if none is near: by commander's own limits. */
export function mostSimilar<Name extends string>(word: string, names: readonly Name[]): Name | undefined {
  const near = names
    .map((name) => ({ name, edits: distance(word, name), length: Math.max(word.length, name.length) }))
    .filter(({ edits, length }) => edits <= 3 && 1 - edits / length > 0.4);
  return near.toSorted((a, b) => a.edits / a.length - b.edits / b.length)[0]?.name;
}

/** How many letters are put in, left out, replaced or exchanged with the next one. */
function distance(a: string, b: string): number {
  const edits = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const replaced = edits[i - 1]![j - 1]! + Number(a[i - 1] !== b[j - 1]);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      edits[i]![j] = Math.min(
        edits[i - 1]![j]! + 1,
        edits[i]![j - 1]! + 1,
        replaced,
        exchanged ? edits[i - 2]![j - 2]! + 1 : Infinity,
      );
    }
  return edits[a.length]![b.length]!;
}
