// A routine that JavaScript calls: it keeps what the calling convention of the system wants kept.
import { Assembler, type Code } from "./assembler.ts";
import { Label, at, general, rbp, rcx, rdi, rsp, xmm } from "./operands.ts";

/** Who keeps which registers, and where the argument is: Windows has its own rules. */
export type Convention = "system-v" | "windows";

export interface RoutineOptions {
  /** Those of Linux and macOS, or of Windows (what this system has). */
  readonly convention?: Convention;
  /** Bytes of stack for the body, from rsp on, aligned to 64; at most 3584, so that no page of the stack is left out (0). With them rbp is not the body's. */
  readonly stack?: number;
}

const conventions = {
  // rbx, rbp, r12 to r15
  "system-v": { general: [3, 5, 12, 13, 14, 15], vectors: [] },
  // and rsi, rdi, xmm6 to xmm15
  windows: { general: [3, 5, 6, 7, 12, 13, 14, 15], vectors: [6, 7, 8, 9, 10, 11, 12, 13, 14, 15] },
} as const;

export function conventionHere(): Convention {
  const { process } = globalThis as { process?: { readonly platform?: string } };
  return process?.platform === "win32" ? "windows" : "system-v";
}

/**
 * The code of a routine with one argument, a pointer, which the body finds in rdi. The body ends where it stops, or by a
 * jump to `exit`. What it names of the registers that the caller keeps is saved around it.
 */
export function routine(body: (code: Assembler, exit: Label) => void, options: RoutineOptions = {}): Code {
  const { convention = conventionHere(), stack = 0 } = options;
  if (!Number.isInteger(stack) || stack < 0 || stack > 3584)
    throw new RangeError(`x64: a routine has 0 to 3584 bytes of stack, not ${stack}`);
  const code = new Assembler();
  const exit = new Label("exit");
  body(code, exit);
  code.bind(exit);

  const kept = conventions[convention];
  const used = code.general | (convention === "windows" ? 1 << rdi.number : 0);
  const vectors = kept.vectors.filter((n) => (code.vectors >>> n) & 1);
  const framed = stack > 0 || vectors.length > 0;
  if (framed && (used >> rbp.number) & 1)
    throw new TypeError("x64: rbp holds the stack of this routine; use another register");
  const saved = kept.general.filter((n) => (used >> n) & 1).map(general);
  const room = Math.ceil(stack / 64) * 64;

  const before = new Assembler();
  if (framed) {
    before.emit("push", rbp);
    before.emit("mov", rbp, rsp);
  }
  for (const register of saved) before.emit("push", register);
  if (framed) {
    before.emit("sub", rsp, room + 16 * vectors.length);
    before.emit("and", rsp, -64);
  }
  vectors.forEach((n, i) => before.emit("vmovups", at(rsp, room + 16 * i), xmm(n)));
  if (convention === "windows") before.emit("mov", rdi, rcx);

  vectors.forEach((n, i) => code.emit("vmovups", xmm(n), at(rsp, room + 16 * i)));
  if (framed) code.emit("lea", rsp, at(rbp, -8 * saved.length));
  for (const register of saved.toReversed()) code.emit("pop", register);
  if (framed) code.emit("pop", rbp);
  if (code.wide) code.emit("vzeroupper");
  code.emit("ret");
  return code.finish(before.finish().bytes);
}
