// A folder for files of a test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new folder, which is there until the test has ended. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
