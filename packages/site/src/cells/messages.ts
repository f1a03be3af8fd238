// What the page and the worker that runs its cells say to each other.
import type { Output } from "./output.ts";
import type { Outcome } from "./run.ts";

export interface Request {
  readonly run: number;
  readonly source: string;
  /** Whether code of the page was changed, so that its promises bind nobody. */
  readonly changed: boolean;
}

export type Report =
  | { readonly run: number; readonly outputs: readonly Output[] }
  | { readonly run: number; readonly outcome: Outcome };

/** A worker, seen from the page. */
export interface Port {
  send(request: Request): void;
  /** Called with each report, and once with the reason if the worker ends by itself. */
  listen(report: (report: Report) => void, ended: (reason: string) => void): void;
  terminate(): void;
}
