// Which parameters were differentiated together, and which ones somebody has found in a model. A parameter that a closure hides
// shows itself by its company on tapes alone.
import type { Param } from "./box.ts";

const groups = new WeakMap<Param, readonly WeakRef<Param>[]>();
const found = new WeakSet<object>();

/** Notes the parameters of a tape. A loop has the same on each: then there is nothing to do. */
export function metOnTape(params: readonly Param[]): void {
  const { length } = params;
  if (length < 2) return;
  const before = groups.get(params[0]!);
  if (before?.length === length && before[length - 1]!.deref() === params[length - 1]) return;
  const group = params.map((p) => new WeakRef(p));
  for (const p of params) groups.set(p, group);
}

/** Notes that a walk through a model has found a box. */
export const markFound = (box: object): void => void found.add(box);

/** Whether a walk through any model has found a box. */
export const wasFound = (box: object): boolean => found.has(box);

/** The parameters that shared a tape with p. */
export const companyOf = (p: Param): Param[] => (groups.get(p) ?? []).flatMap((ref) => ref.deref() ?? []);
