// An elementwise primitive as a WGSL function of one f32, for the texts of calls: the same polynomials as in kernels.
import { Builder, expressions } from "@weft/kernel";
import { applied, constant, wgslType, registerOf } from "./scalar.ts";

type Primitive = "exp" | "log" | "sigmoid" | "tanh";

/** `fn NAME(x: f32) -> f32`. */
export function functionOf(name: string, op: Primitive): string {
  const k = new Builder();
  const y = expressions[op](k, [k.load(0, "f32")], undefined);
  const lines = k.code.map((c, v) => {
    const value =
      c.kind === "load"
        ? "x"
        : c.kind === "const"
          ? constant(c.value, c.type)
          : c.kind === "apply"
            ? applied(
                c.fn,
                k.type(c.args[0]!),
                c.args.map((a) => `v${a}`),
                c.imm,
              )
            : undefined;
    if (value === undefined) throw new TypeError(`functionOf: ${op} is not made of x alone`);
    return `let v${v}: ${wgslType[registerOf(c.type)]} = ${value};`;
  });
  return `fn ${name}(x: f32) -> f32 { ${lines.join(" ")} return v${y}; }`;
}
