// The error for reading a value that an earlier launch failed to compute.
import { WeftError } from "@weft/tensor";
import { calledAs } from "@weft/tensor/internals";
import type { Node } from "../graph/node.ts";

/** An error of the class of that which made the launch fail. */
export function lostError(op: string, { dtype, shape, lost }: Node): Error {
  const Kind = lost instanceof WeftError ? (lost.constructor as typeof WeftError) : WeftError;
  const message = `${calledAs(op)}: this ${dtype}[${shape}] tensor was lost when an earlier launch failed`;
  return new Kind(`${message}: ${lost?.message}`, { cause: lost });
}
