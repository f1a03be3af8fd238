// What is no function, no tensor or no parameter is an error that says so, and never a zero gradient or a bare TypeError.
import { checkpoint, customGradient, diff, grad, param, state, valueAndGrad, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { adam } from "@weft/optim";
import { ArgumentError, mul, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";

const { tensor } = openSync();
const x = tensor([1, 2]);
const p = param(x);
const f = (v: Tensor) => sum(v);
const tape = diff(() => sum(p));

const wrong: [string, () => unknown, string][] = [
  ["diff of a tensor", () => diff(x as never), "diff: wanted a function as what is differentiated, got a tensor"],
  ["grad of a tensor", () => grad(x as never), "grad: wanted a function as what is differentiated, got a tensor"],
  [
    "grad(f, x)",
    () => grad(f, x as never),
    "grad: wanted the number of an argument, or a list of them as argnums, got a tensor",
  ],
  [
    "argnums -1",
    () => valueAndGrad(f, -1 as never),
    "grad: wanted the number of an argument, or a list of them as argnums, got number -1",
  ],
  ["argnums by name", () => grad(f, ["v"] as never), 'as argnums, got ["v"]'],
  [
    "vjp of nothing",
    () => vjp(undefined as never, x),
    "vjp: wanted a function as what is differentiated, got undefined",
  ],
  [
    "checkpoint of a result",
    () => checkpoint(sum(x) as never),
    "checkpoint: wanted a function as what is repeated, got a tensor",
  ],
  [
    "customGradient of a pair",
    () => customGradient({} as never),
    "customGradient: wanted a function as the function, got {  }",
  ],
  [
    "the gradient by a tensor",
    () => tape.grad(x as never),
    "grad: wanted a parameter, got a tensor f32[2]. A tape has",
  ],
  ["the gradient by a value", () => tape.grad(p.value as never), "grad: wanted a parameter, got a tensor"],
  ["the gradient by a state", () => tape.grad(state(x) as never), "grad: wanted a parameter, got "],
  ["rows by nothing", () => tape.sparseGrad(undefined as never), "grad: wanted a parameter, got undefined"],
  [
    "a parameter of a list",
    () => param([1, 2] as never),
    "param: wanted a tensor, a parameter or a number, got [1, 2]; tensor(",
  ],
  ["a parameter of a number", () => param(1 as never), "param: wanted a tensor, got the number 1"],
  ["a state of a number", () => state(1 as never), "state: wanted a tensor, got the number 1"],
  [
    "a list as the next value",
    () => (p.value = [1, 2] as never),
    "param: wanted a tensor, a parameter or a number, got [1, 2]",
  ],
  [
    "integers as the next value",
    () => (p.value = tensor([1, 2], { dtype: "i32" })),
    "param: wanted floating-point values, got i32",
  ],
  [
    "an update by a loss",
    () => adam().update(sum(mul(x, 1)) as never),
    "adam: update wants the tape that diff gives, got a tensor",
  ],
  [
    "an update without await",
    () => adam().update(Promise.resolve(tape) as never),
    "adam: update wants the tape that diff gives, await the promise, got",
  ],
];
test.each(wrong)("refuses %s", (_, call, message) => {
  expect(call).toThrow(expect.objectContaining({ name: expect.stringMatching(/^(Argument|DType)Error$/) }));
  expect(call).toThrow(message);
});

test("a tape is a text, but no number", () => {
  const { tensor } = openSync();
  const p = param(tensor([2]));
  const tape = diff(() => sum(p));
  expect(String(tape)).toMatch(/^Tape\(tensor\(2, f32.*\), 1 parameters\)$/);
  expect(() => Number(tape)).toThrow("read it first, as in await tape.value.item()");
  expect(() => (tape as unknown as number) < 1).toThrow(ArgumentError);
});
