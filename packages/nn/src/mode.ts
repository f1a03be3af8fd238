// The mode of one call, for layers that only call others: it holds for all of them.
import { training } from "@weft/autograd";
import { readOptions } from "@weft/tensor/internals";
import { trainingKinds } from "./kinds.ts";

export interface ModeOptions {
  /** Whether the layers in it are in training mode. Default: that of the program, true inside `diff`. */
  readonly training?: boolean | undefined;
}

/** Calls f in the mode that the options of a call ask for, if they do. */
export function inMode<R>(op: string, options: ModeOptions | undefined, f: () => R): R {
  const { training: mode } = readOptions(op, options, trainingKinds, {});
  return mode === undefined ? f() : training(mode, f);
}
