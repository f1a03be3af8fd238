// What stands in for a box. Programs without substitutions have only this file of them.
import type { Backend, Tensor } from "@weft/tensor";

/** What is done with a box, done with something in its place: another box, or a given value. */
export interface StandIn {
  readonly backend?: Backend | undefined;
  value: Tensor;
  read(backend?: Backend): Tensor;
}

/** Calls a function later as it would be called now. */
export type Resume = <R>(f: () => R) => R;

/** How stand-ins are found while there are any, and how they are again what they are now. */
export interface Finder {
  readonly find: (box: object) => StandIn | undefined;
  readonly resumed: () => Resume;
}

let finder: Finder | undefined;

/** Says how stand-ins are found from now on; undefined: there are none. */
export const setFinder = (now: Finder | undefined): void => void (finder = now);

/** What stands in for a box here, if anything does. */
export const standIn = (box: object): StandIn | undefined => finder?.find(box);

const asIs: Resume = (f) => f();

/** How functions are called later as they would be called now: where nothing stands in for anything, as they are. */
export const resumption = (): Resume => finder?.resumed() ?? asIs;
