// The page's side of a worker: sends cells, those above first, and stops what does not end by terminating the worker and
// starting another.
import type { Port, Report } from "./messages.ts";
import type { Emit } from "./output.ts";
import type { Outcome } from "./run.ts";

/** A cell as a session sees it. */
export interface SessionCell {
  /** The code to run. */
  source(): string;
  /** Whether code of the page was changed, so that a promise that does not hold is no failure. */
  changed(): boolean;
  /** Called when it starts; outputs of the run go to what this returns. */
  begin(): Emit;
  end(outcome: Outcome): void;
}

export class Session {
  readonly #start: () => Port;
  readonly #cells: () => readonly SessionCell[];
  #port: Port | undefined;
  /** The cells that have run in this worker without an error. */
  #ran = new Set<SessionCell>();
  #runs = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Ends the run that is in progress. */
  #abandon: ((reason: string) => void) | undefined;
  /** Grows when the worker is stopped: what was queued before is dropped. */
  #generation = 0;

  constructor(start: () => Port, cells: () => readonly SessionCell[]) {
    this.#start = start;
    this.#cells = cells;
  }

  /** Runs a cell, after the cells above it that have not run in this worker. False if one failed, or it was removed. */
  run(cell: SessionCell): Promise<boolean> {
    return this.#enqueue(async (current) => {
      const cells = this.#cells();
      const place = cells.indexOf(cell);
      if (place === -1) return false;
      const above = cells.slice(0, place).filter((one) => !this.#ran.has(one));
      for (const one of [...above, cell]) if (!current() || !(await this.#runOne(one))) return false;
      return true;
    });
  }

  /** Runs all cells in order, up to the first that fails. */
  runAll(): Promise<boolean> {
    return this.#enqueue(async (current) => {
      for (const cell of this.#cells()) if (!current() || !(await this.#runOne(cell))) return false;
      return true;
    });
  }

  /** Ends whatever runs, and forgets what has run. */
  stop(reason = "it had not ended; the next run begins anew, with the cells above it"): void {
    this.#generation++;
    this.#port?.terminate();
    this.#port = undefined;
    this.#ran.clear();
    this.#abandon?.(reason);
  }

  #enqueue(task: (current: () => boolean) => Promise<boolean>): Promise<boolean> {
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation;
    const result = this.#last.then(() => (current() ? task(current) : false));
    this.#last = result;
    return result;
  }

  async #runOne(cell: SessionCell): Promise<boolean> {
    const run = ++this.#runs;
    const emit = cell.begin();
    const start = performance.now();
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#abandon = (message) => {
        emit({ kind: "error", name: "Stopped", message, line: undefined });
        resolve({ ok: false, milliseconds: performance.now() - start });
      };
      this.#port ??= this.#start();
      this.#port.listen(
        (report: Report) => {
          if (report.run !== run) return;
          if ("outputs" in report) report.outputs.forEach(emit);
          else resolve(report.outcome);
        },
        (reason) => this.stop(`the worker of this page ended (${reason}); the next run starts another`),
      );
      this.#port.send({ run, source: cell.source(), changed: cell.changed() });
    });
    this.#abandon = undefined;
    this.#ran.delete(cell);
    if (outcome.ok) this.#ran.add(cell);
    cell.end(outcome);
    return outcome.ok;
  }
}
