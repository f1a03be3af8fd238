// A result of the speed test, as the page shows it and as a link carries it.
import { backends, type BackendName } from "../cells/backends.ts";
import { carriedBy, withFragment } from "../cells/fragment.ts";
import { taskNames, type TaskName } from "./task-titles.ts";

/** What one backend reached, in the units of the tasks. */
export interface Reached {
  /** The device, as the browser names it. */
  readonly device: string;
  readonly figures: Readonly<Partial<Record<TaskName, number>>>;
}

export interface SpeedResult {
  /** The browser and its system. */
  readonly browser: string;
  /** The version of Weft. */
  readonly version: string;
  /** "2026-11-30" */
  readonly date: string;
  readonly reached: Readonly<Partial<Record<BackendName, Reached>>>;
}

const fragmentName = "speed";

/** The address of the page, with the result in its fragment, which no server sees. */
export const linkToResult = (address: string, result: SpeedResult): string =>
  withFragment(address, fragmentName, result);

/** The result that a fragment carries; undefined if it carries none. */
export function resultIn(fragment: string): SpeedResult | undefined {
  const found = carriedBy(fragment, fragmentName) as SpeedResult | undefined;
  const isRecord = (x: unknown): boolean => typeof x === "object" && x !== null;
  const isText = (x: unknown): boolean => typeof x === "string" && x.length <= 200;
  const isFigure = (x: unknown): boolean => x === undefined || Number.isFinite(x);
  const isReached = (x: Reached | undefined): boolean =>
    x === undefined ||
    (isText(x?.device) && isRecord(x?.figures) && taskNames.every((name) => isFigure(x.figures[name])));
  const whole =
    isText(found?.browser) &&
    isText(found?.version) &&
    isText(found?.date) &&
    isRecord(found?.reached) &&
    backends.every((name) => isReached(found?.reached[name]));
  return whole ? found : undefined;
}
