// The file of a report: it is rewritten whenever something was measured, in one step, so that a run that is cut off keeps what it has.
import { renameSync, writeFileSync } from "node:fs";

/** Writes a report as JSON; the file is the old one or the new one, never a part of one. */
export function writeReport(file: string, report: object): void {
  const fresh = `${file}.new`;
  writeFileSync(fresh, `${JSON.stringify(report, undefined, 2)}\n`);
  renameSync(fresh, file);
}
