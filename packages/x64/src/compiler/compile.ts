// A module as one routine: its argument says where memory begins, which function to call, and with what.
import { nativeArguments } from "@weft/kernel/machine";
import { Assembler, type Code } from "../assembler/assembler.ts";
import { Label, at, rax, rdi, rsp } from "../assembler/operands.ts";
import { routine } from "../assembler/routine.ts";
import { base, everything, generate, type Callee } from "./generator.ts";
import type { X64Module } from "./statements.ts";
import type { Target } from "./target.ts";

/** Where, in bytes, the argument has what `nativeArguments` lays out in words. */
const argumentAt = {
  base: 4 * nativeArguments.base,
  entry: 4 * nativeArguments.entry,
  first: 4 * nativeArguments.first,
} as const;

export interface Compiled {
  readonly code: Code;
  /** The names of functions that can be called, by their numbers. */
  readonly entries: readonly string[];
}

/** The code of a module for the vectors of a target. Its functions take integers and return nothing. */
export function compile(module: X64Module, target: Target): Compiled {
  const exported = module.functions.filter(({ name }) => name !== "");
  const code = routine((code: Assembler, exit: Label) => {
    const main = new Label("main");
    code.emit("jmp", main);
    // What a function overwrites is known when it is written; before, calls of it save everything.
    const callees: Callee[] = module.functions.map(({ name }) => ({ label: new Label(name), clobbers: everything }));
    for (const f of module.functions)
      callees[f.index] = { ...callees[f.index]!, clobbers: generate(code, f, target, callees) };
    code.bind(main);
    code.emit("mov", base, at(rdi, argumentAt.base));
    code.emit("mov", rax.low, at(rdi, argumentAt.entry));
    exported.forEach((f, n) => {
      const next = new Label("next");
      code.emit("cmp", rax.low, n);
      code.emit("jcc", "ne", next);
      const room = 16 * Math.ceil(f.params.length / 2);
      if (room > 0) code.emit("sub", rsp, room);
      f.params.forEach((_, i) => {
        code.emit("mov", rax.low, at(rdi, argumentAt.first + 4 * i));
        code.emit("mov", at(rsp, 8 * i), rax);
      });
      code.emit("call", callees[f.index]!.label);
      if (room > 0) code.emit("add", rsp, room);
      code.emit("jmp", exit);
      code.bind(next);
    });
  });
  return { code, entries: exported.map(({ name }) => name) };
}
