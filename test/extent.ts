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

/** Those that it runs on a driver in software, merged: another than with every operation by itself. */
export const mergedViews = process.env["WEFT_LONG"] === "1" ? "each" : "another";
