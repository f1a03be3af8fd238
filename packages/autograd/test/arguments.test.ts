// A wrong argument is an error that says so, never a zero gradient or a bare TypeError.
import {
  checkpoint,
  customGradient,
  diff,
  grad,
  gradCheck,
  GradientError,
  param,
  state,
  valueAndGrad,
  vjp,
} from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { adam } from "@weft/optim";
import { add, ArgumentError, BackendMismatchError, cast, mul, sum, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";

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
    "valueAndGrad: wanted the number of an argument, or a list of them as argnums, got number -1",
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
    "adam: update wants the tape that diff returns, got a tensor",
  ],
  [
    "an update without await",
    () => adam().update(Promise.resolve(tape) as never),
    "adam: update wants the tape that diff returns, got Promise; await it",
  ],
];
wrong.push(
  [
    "argnums beyond the arguments",
    () => grad(f, 1 as never)(x),
    "grad: wanted tensors as argument 1 of 1, got undefined",
  ],
  [
    "argnums of a number",
    () => grad((v: Tensor, n: number) => sum(mul(v, n)), 1)(x, 2),
    "grad: wanted tensors as argument 1 of 2, got 2",
  ],
  [
    "one of argnums beyond them",
    () => valueAndGrad(f, [0, 3] as never)(x),
    "valueAndGrad: wanted tensors as argument 3 of 1",
  ],
  [
    "half an argnum",
    () => grad(f, 0.5 as never),
    "grad: wanted the number of an argument, or a list of them as argnums, got",
  ],
  ["argnums, one of them below 0", () => grad(f, [0, -1] as never), "as argnums, got"],
  [
    "fewer gradients than values",
    () => vjp((v: Tensor) => [v, mul(v, 2)], x)[1]([x] as never),
    "vjp: the value has 2 tensors, the pullback got 1",
  ],
  [
    "more gradients than values",
    () => vjp((v: Tensor) => mul(v, 2), x)[1]([x, x] as never),
    "vjp: the value has 1 tensors, the pullback got 2",
  ],
  [
    "the value of a tape whose function runs",
    () => diff((t) => (t.value, sum(p))),
    "diff: the tape has no value before its function has returned",
  ],
  [
    "a gradient of such a tape",
    () => diff((t) => t.grad(p)),
    "diff: the tape has no gradients before its function has returned",
  ],
);
test.each(wrong)("refuses %s", (_, call, message) => {
  expect(call).toThrow(expect.objectContaining({ name: expect.stringMatching(/^(Argument|DType)Error$/) }));
  expect(call).toThrow(message);
});

test("a tape converts to text, but not to a number", () => {
  const { tensor } = openSync();
  const p = param(tensor([2]));
  const tape = diff(() => sum(p));
  expect(String(tape)).toMatch(/^Tape\(tensor\(2, f32.*\), 1 parameters\)$/);
  expect(() => Number(tape)).toThrow("read it first, as in await tape.value.item()");
  expect(() => (tape as unknown as number) < 1).toThrow(ArgumentError);
});

test("parameters of two backends do not meet on one tape", () => {
  const elsewhere = param(openSync({}).tensor([1, 2]));
  expect(() => diff(() => add(sum(p), sum(elsewhere)))).toThrow(BackendMismatchError);
});

test("a parameter that was not used has zeros, the same tensor until it is released", () => {
  const other = param(tensor([1, 2]));
  const of = diff(() => sum(p));
  const zeros = of.grad(other);
  expect(of.grad(other)).toBe(zeros);
  zeros.release();
  expect(of.grad(other).arraySync()).toEqual([0, 0]);
  of.release();
  of.release();
  expect(() => of.grad(p)).toThrow("grad: this tape was released at");
});

describe("gradCheck", () => {
  test("refuses what has no gradient to check", async () => {
    await expect(gradCheck(() => 1)).rejects.toThrow(
      "gradCheck: wanted a tensor or a parameter to differentiate with respect to",
    );
    await expect(gradCheck((v: Tensor) => cast(v, "i32"), x)).rejects.toThrow(
      "gradCheck: the function returned no floating-point tensor",
    );
  });
  test("finds a wrong gradient by a parameter, and one that is missing", async () => {
    const double = customGradient((v: Tensor) => ({ value: mul(v, 1), pullback: (g: Tensor) => mul(g, 2) }));
    await expect(gradCheck((v: Tensor) => mul(v, double(p)), x)).rejects.toThrow(
      /^gradCheck: parameter 0 of shape \[2\]/,
    );
    const none = customGradient((v: Tensor) => ({ value: mul(v, 1), pullback: () => null as never }));
    await expect(gradCheck((v: Tensor) => none(v), x)).rejects.toThrow(GradientError);
    await expect(gradCheck((v: Tensor) => [mul(v, p), sum(v)], x)).resolves.toBe(true);
  });
  test("leaves the stream of random numbers and the values as they were", async () => {
    const { backend } = x;
    const { counter } = backend.stream;
    await gradCheck((v: Tensor) => mul(v, backend.rand([2])), x);
    expect(backend.stream.counter).toBe(counter);
    expect(x.arraySync()).toEqual([1, 2]);
  });
});

test("the parameters of a tape are its own to change", () => {
  const p = param(tensor([1, 2]));
  const tape = diff(() => sum(p));
  expect(() => (tape.params as unknown[]).push(p)).toThrow(TypeError);
  expect(tape.params).toEqual([p]);
});
