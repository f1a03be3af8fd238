// The search for the first NaN or infinity: which operation, in which call.
import { diff, grad, param, shapes } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { attention } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { add, cast, concat, div, exp, finite, log, logSumExp, mul, NonFiniteError, pad, scope, softmax, sqrt, sub, sum, variance, where, type Tensor } from "@weft/tensor"; // prettier-ignore
import { expect, test } from "vitest";
import { context } from "../src/context.ts";

for (const [name, backend] of [
  ["the reference", openSync({})],
  ["the CPU", openCpu({})],
] as const) {
  const { tensor, ones, full, rand } = backend;

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
    expect(context.watch).toBeUndefined();
  });

  test(`${name}: returns the result where all is finite`, async () => {
    const y = await finite(() => scope(() => softmax(variance(ones([3, 4]), { axis: 1 }))));
    expect((await y.data()).length).toBe(3);
    expect(await finite(async () => 7)).toBe(7);
  });

  test(`${name}: finds what narrow floats cannot hold`, async () => {
    for (const dtype of ["f16", "bf16"] as const)
      await expect(finite(() => cast(tensor([1, 3.4e38]), dtype))).rejects.toThrow(
        `cast: gave NaN or an infinity in 1 of 2 elements of its result ${dtype}[2]`,
      );
    const low = cast(tensor([-Infinity]), "f16");
    expect((await finite(() => cast(low, "f32"))).dtype).toBe("f32");
    await expect(finite(() => sub(low, low))).rejects.toThrow("sub: gave NaN in 1 of 1");
  });

  test(`${name}: infinities may be allowed`, async () => {
    const infinite = () => div(tensor([1, 2]), tensor([1, 0]));
    await expect(finite(infinite)).rejects.toThrow("div: gave NaN or an infinity in 1 of 2");
    expect(await (await finite(infinite, { infinity: false })).array()).toEqual([1, Infinity]);
    const nan = () => sub(infinite(), infinite());
    await expect(finite(nan, { infinity: false })).rejects.toThrow("sub: gave NaN in 1 of 2");
  });

  test(`${name}: infinities that are given may pass, and NaN made of them does not`, async () => {
    const masked = (given: boolean[]) => softmax(where(tensor(given), tensor([1, 2]), -Infinity));
    expect(await (await finite(() => masked([true, false]))).array()).toEqual([1, 0]);
    await expect(finite(() => masked([false, false]))).rejects.toThrow("softmax: gave NaN in 2 of 2");
    expect(await (await finite(() => logSumExp(tensor([-Infinity, 1])))).item()).toBe(1);
    const low = full([1], -Infinity);
    expect(
      (await finite(() => add(pad(tensor([1]), { pads: [[1, 0]], value: -Infinity }), concat([low, low])))).size,
    ).toBe(2);
    await expect(finite(() => mul(low, 0))).rejects.toThrow("mul: gave NaN in 1 of 1");
    await expect(finite(() => mul(tensor([NaN, 1]), 2))).rejects.toThrow(
      /^mul: gave NaN in 1 of 2 .* f32\[2\], from operands with NaN, called/,
    );
    const [q, k] = [rand([3, 2], { seed: 1 }), rand([3, 2], { seed: 2 })];
    const attended = (x: Tensor, y: Tensor) => finite(() => grad((z: Tensor) => sum(attention(x, z, z, { causal: true })))(y)); // prettier-ignore
    expect((await attended(q, k)).shape).toEqual([3, 2]);
    await expect(attended(q, mul(k, Infinity))).rejects.toThrow(
      /attention: gave NaN in \d of 9 .* f32\[3, 3\], called/,
    );
    await expect(attended(log(sub(q, 2)), k)).rejects.toThrow(
      /gave NaN in \d of 9 .* f32\[3, 3\], from operands with NaN/,
    );
  });

  test(`${name}: several at once, which end in any order`, async () => {
    /** A function that runs when the gate opens. */
    const gated = (f: () => Tensor): [gate: () => void, run: () => Promise<Tensor>] => {
      let gate = (): void => {};
      const opened = new Promise<void>((resolve) => (gate = resolve));
      return [gate, () => opened.then(f)];
    };
    const x = tensor([-1]);
    const [second, twice] = gated(() => mul(x, 2));
    const [first, thrice] = gated(() => mul(x, 3));
    const results = [finite(twice), finite(thrice)] as const;
    first();
    expect((await results[1]).arraySync()).toEqual([-3]);
    second();
    expect((await results[0]).arraySync()).toEqual([-2]);
    expect(context.watch).toBeUndefined();
    const [last, slow] = gated(() => mul(x, 3));
    const clean = finite(slow);
    await expect(finite(async () => log(x))).rejects.toThrow("log");
    last();
    await expect(clean).rejects.toThrow("log"); // it ran in between
    await expect(finite(() => finite(() => log(x)))).rejects.toThrow("log");
    expect(context.watch).toBeUndefined();
  });

  test(`${name}: leaves tensors without values alone`, async () => {
    const f = (y: Tensor) => mul(log(y), 2);
    expect(await finite(() => shapes(f, [3]))).toEqual({ shape: [3], dtype: "f32" });
    await expect(finite(() => (shapes(f, [3]), f(tensor([-1]))))).rejects.toThrow("log: gave NaN");
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
    expect(context.watch).toBeUndefined();
  });
}

test("refuses wrong arguments", async () => {
  await expect(finite(3 as never)).rejects.toThrow("finite: wanted a function");
  await expect(finite(() => 1, { infinite: true } as never)).rejects.toThrow("there is no option");
});
