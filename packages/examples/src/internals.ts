// What the benchmarks of the repository need of the programs. It is not for other programs: it changes without notice.
export type { BackendName } from "./backends.ts";
export { measurements, median, started, stepsOf, type Measurement } from "./program-speed.ts";
export { isValues, type Learner, type Step } from "./training/program.ts";
export { here, tables, type Line, type Table } from "./published-tables.ts";
export { counted, markdownTable } from "./format.ts";
export { after, parts, type Part } from "./programs/opcost.ts";
