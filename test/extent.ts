// How much is tested: `npm test` leaves out what takes minutes on a software driver, `npm run test:all` and `.ci/run` leave out nothing.

/** Whether everything is tested. */
export const everything = process.env["WEFT_TESTS"] === "all";

/** The backends that long tests run on. */
export const longOn = (backend: string): boolean =>
  backend === "cpu" || (everything && process.env["WEFT_NO_DRIVER"] === undefined);

/** Whether programs are merged: where much is tested both ways, the short run has it merged. */
export const mergedOrNot = everything
  ? ([
      ["merged", true],
      ["unmerged", false],
    ] as const)
  : ([["merged", true]] as const);

/** The views that conformance runs each sample on. */
export const views = everything ? "each" : "one";

/** What a case is of: its name without how it runs. */
const sampleOf = (name: string): string => name.replace(/^[^:]*: /, "").replace(/ on views.*/, "");
const sumOf = (text: string): number => [...text].reduce((n, c) => n + c.codePointAt(0)!, 0);

/**
 * A driver in software takes some tenths of a second for each case. So half of the samples run merged there, and the
 * other half with every operation by itself; with `WEFT_LONG=1` all run both ways.
 */
export const halfOf = <T extends { readonly name: string }>(cases: readonly T[], half: 0 | 1): readonly T[] =>
  process.env["WEFT_LONG"] === "1" ? cases : cases.filter(({ name }) => sumOf(sampleOf(name)) % 2 === half);

/** Those that it runs on a driver in software, merged: another than with every operation by itself. */
export const mergedViews = process.env["WEFT_LONG"] === "1" ? "each" : "another";
