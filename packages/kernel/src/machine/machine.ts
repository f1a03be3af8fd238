// What code must know of the machine that it is written for: sizes are data.
import type { Func, Module } from "./code.ts";
import type { I32, Local, VOID } from "./expression.ts";

type Int = Local<typeof I32>;

export interface Machine {
  /** What it is called, in keys of caches and in messages. */
  readonly name: string;
  /** Lanes of 32 bits in a vector. */
  readonly lanes: 4 | 8 | 16;
  /** Whether it has fused multiply-adds: `floats.madd`, `lanes.blend`. */
  readonly fused: boolean;
  /** Whether it can leave out lanes: `partial`. */
  readonly partial: boolean;
  /** The block of a product that its registers hold: rows, and vectors of a row. */
  readonly tile: { readonly rows: number; readonly vectors: number };
  /**
   * The blocks that its caches hold when a large product is packed: a panel of the second matrix so deep is near the
   * registers, and so is a block of the first of so many rows; so many columns of the second are packed at a time. Of a
   * second matrix with `near` numbers or fewer, nothing is packed.
   */
  readonly blocks: {
    readonly depth: number;
    readonly height: number;
    readonly width: number;
    readonly near: number;
  };
  /** Writes the copy of `width` numbers, fewer than a row of the block has; with `accumulate` they are added. */
  copyNarrow(f: Func<typeof VOID>, from: Int, to: Int, width: Int, accumulate: Int): void;
  /** Adds `width` numbers, no more than a vector has, to those at `to`. */
  addNarrow(f: Func<typeof VOID>, from: Int, to: Int, width: Int): void;
}

/** Writes the functions of a module for a machine. */
export type WriteModule = (module: Module, machine: Machine) => void;
