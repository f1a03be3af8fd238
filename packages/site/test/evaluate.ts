// How text becomes a function in Node.
import { compileFunction } from "node:vm";
import type { CellFunction, Evaluate } from "../src/cells/run.ts";

export const evaluate: Evaluate = ({ body, parameters }, filename) =>
  compileFunction(`"use strict"; return (async () => {${body}\n})();`, [...parameters], { filename }) as CellFunction;
