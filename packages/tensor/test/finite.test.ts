// The search for the first NaN or infinity: which operation, in which call.
import { diff, grad, param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { adam, minimize } from "@weft/optim";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { add, div, exp, finite, log, mul, NonFiniteError, scope, softmax, sqrt, sub, sum, variance, where, type Tensor } from "@weft/tensor"; // prettier-ignore
import { expect, test } from "vitest";
import { context } from "../src/context.ts";

for (const [name, backend] of [
  ["the reference", openSync({})],
  ["the CPU", openCpu({})],
] as const) {
  const { tensor, ones } = backend;

  test(`${name}: names the first operation and its call`, async () => {
    const f = (x: Tensor) => {
      const a = mul(x, 2);
      const b = log(a); // here
      return sum(add(exp(b), div(b, 0)));
    };
    const error: unknown = await finite(() => f(tensor([1, -2, 3]))).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(String(error)).toMatch(
      /^NonFiniteError: log: gave NaN or an infinity in 1 of 3 elements of its result f32\[3\], called at f \(.*finite\.test\.ts:\d+:\d+\)$/,
    );
    expect(context.ran).toBeUndefined();
  });

  test(`${name}: returns the result where all is finite`, async () => {
    const y = await finite(() => scope(() => softmax(variance(ones([3, 4]), { axis: 1 }))));
    expect((await y.data()).length).toBe(3);
    expect(await finite(async () => 7)).toBe(7);
  });

  test(`${name}: infinities may be allowed`, async () => {
    const masked = () => where(tensor([true, false]), tensor([1, 2]), -Infinity);
    await expect(finite(masked)).rejects.toThrow("where: gave NaN or an infinity in 1 of 2");
    expect(await (await finite(masked, { infinity: false })).array()).toEqual([1, -Infinity]);
    const nan = () => sub(masked(), masked());
    await expect(finite(nan, { infinity: false })).rejects.toThrow("sub: gave NaN in 1 of 2");
  });

  test(`${name}: looks into gradients, scopes and functions of several operations`, async () => {
    const w = param(tensor([0, 1]));
    await expect(finite(() => diff(() => sum(sqrt(w))))).rejects.toThrow(
      /^div: gave .*, in a backward pass, called at/,
    );
    await expect(finite(() => scope(() => grad((x: Tensor) => sum(sqrt(x)))(tensor([0]))))).rejects.toThrow("backward");
  });

  test(`${name}: many steps, asynchronous code, and errors of the function itself`, async () => {
    const w = param(tensor([1, 2]));
    const train = async () => {
      let n = 0;
      for await (const loss of minimize(
        (x: Tensor) => sum(mul(x, w)),
        Array.from({ length: 30 }, () => [ones([2])] as const),
        adam(),
      ))
        n += loss.size;
      return n;
    };
    expect(await finite(train)).toBe(30);
    await expect(finite(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    await expect(finite(() => add(ones([2]), ones([3])))).rejects.toThrow("add");
    expect(context.ran).toBeUndefined();
  });
}

test("refuses wrong arguments", async () => {
  await expect(finite(3 as never)).rejects.toThrow("finite: wanted a function");
  await expect(finite(() => 1, { infinite: true } as never)).rejects.toThrow("there is no option");
});
