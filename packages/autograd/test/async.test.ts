// Asynchronous diff: the context is restored after t.wait, and nowhere else.
import { diff, keep, param, scope, stopGradient, type Tape } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, ContextError, mul, square, sum } from "@weft/tensor";
import { context } from "@weft/tensor/internals";
import { describe, expect, it } from "vitest";
import { balancedLater } from "./backend.ts";

const soon = (ms = 0) => new Promise<number>((resolve) => setTimeout(() => resolve(ms), ms));

describe("asynchronous diff", () => {
  it("records before and after waiting, with conditions on data", async () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    const tape = await diff(async (t) => {
      const y = square(p);
      const big = (await t.wait(sum(y).item())) > 4;
      await t.wait(soon());
      return big ? sum(mul(y, p)) : sum(p);
    });
    expect(tape.grad(p).arraySync()).toEqual([3, 12]);
    expect(context.suspended).toBe(0);
    tape.release();
    expect(backend.live()).toBe(before);
  });

  it(
    "keeps interleaved tapes apart",
    balancedLater(async (backend) => {
      const p = scope(() => param(backend.tensor([1, 2])));
      const run = (factor: number, pause: number) =>
        diff(async (t) => {
          let y = mul(p, factor);
          for (let i = 0; i < 5; i++) {
            await t.wait(i % 2 === 0 ? soon(pause) : Promise.resolve(0));
            expect(context.tape).toBeDefined();
            y = scope(() => add(mul(y, 1), mul(p, factor)));
          }
          return sum(y);
        });
      const tapes = await Promise.all([run(1, 2), run(10, 1), run(100, 0), run(1000, 3)]);
      for (const [k, tape] of tapes.entries()) {
        expect(tape.grad(p).arraySync()).toEqual([6 * 10 ** k, 6 * 10 ** k]);
        tape.release();
      }
      expect(context.suspended).toBe(0);
      p.reset({ shape: [], dtype: "f32", create: () => backend.zeros([]) });
    }),
  );

  it("shows its context to no other code", async () => {
    const { tensor } = openSync();
    const p = param(tensor([1]));
    const seen: unknown[] = [];
    let go = true;
    const spy = (async () => {
      for (let i = 0; go && i < 10_000; i++) {
        await Promise.resolve();
        if (context.tape !== undefined || context.scope !== undefined) seen.push(i);
      }
    })();
    const tape = await diff(async (t) => {
      let y = sum(p);
      for (let i = 0; i < 20; i++) {
        await t.wait(null);
        y = add(y, sum(p));
        // other jobs queued here run later, without its context
        void Promise.resolve().then(() => seen.push(...(context.tape === undefined ? [] : ["leak"])));
        queueMicrotask(() => seen.push(...(context.tape === undefined ? [] : ["leak"])));
      }
      return y;
    });
    go = false;
    await spy;
    expect(seen.filter((x) => x !== "leak")).toEqual([]);
    expect(seen.filter((x) => x === "leak")).toEqual([]);
    expect(tape.grad(p).itemSync()).toBe(21);
  });

  it("refuses a parameter without context while it waits, and names the ways out", async () => {
    const { tensor } = openSync();
    const p = param(tensor([1, 2]));
    const waiting = diff(async (t) => {
      const y = square(p);
      await t.wait(soon(5));
      return sum(y);
    });
    expect(() => mul(p, 2)).toThrow(ContextError);
    expect(() => mul(p, 2)).toThrow(/t\.wait\(promise\).*stopGradient\(parameter\)/s);
    expect(mul(stopGradient(p), 2).arraySync()).toEqual([2, 4]);
    expect(p.value.arraySync()).toEqual([1, 2]);
    expect(
      diff(() => sum(p))
        .grad(p)
        .arraySync(),
    ).toEqual([1, 1]); // a tape of its own is context enough
    const tape = await waiting;
    expect(tape.grad(p).arraySync()).toEqual([2, 4]);
    expect(mul(p, 2).arraySync()).toEqual([2, 4]);
    await expect(
      diff(async () => {
        await soon();
        return sum(p);
      }),
    ).rejects.toThrow(ContextError);
    expect(context.suspended).toBe(0);
  });

  it("records an operation with an input on the tape in any case", async () => {
    const { tensor } = openSync();
    const p = param(tensor([1, 2]));
    const tape = await diff(async () => {
      let y = square(p);
      await soon();
      y = mul(y, 3);
      return sum(y);
    });
    expect(tape.grad(p).arraySync()).toEqual([6, 12]);
  });

  it("has its context in a catch block, and releases everything when it fails", async () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    const tape = await diff(async (t) => {
      try {
        await t.wait(Promise.reject(new Error("no")));
      } catch {
        return sum(mul(p, 2));
      }
      return sum(p);
    });
    expect(tape.grad(p).arraySync()).toEqual([2, 2]);
    tape.release();
    await expect(
      diff(async (t) => {
        square(p);
        await t.wait(soon());
        square(p);
        throw new Error("mine");
      }),
    ).rejects.toThrow("mine");
    expect(backend.live()).toBe(before);
    expect(context.suspended).toBe(0);
    expect(context.tape).toBeUndefined();
  });

  it("nests: an asynchronous diff in another, and scopes that wait", async () => {
    const { tensor } = openSync();
    const p = param(tensor([2]));
    const outer = await diff(async (t) => {
      const inner = await t.wait(
        diff(async (s) => {
          const y = mul(square(p), p);
          await s.wait(soon());
          return sum(mul(y, p)); // p⁴
        }),
      );
      const z = await t.wait(
        scope(async () => {
          const u = mul(p, 3);
          await t.wait(soon());
          return mul(u, p);
        }),
      );
      return add(sum(inner.grad(p)), sum(z)); // 4p³ + 3p²
    });
    expect(outer.value.itemSync()).toBe(44);
    expect(outer.grad(p).arraySync()).toEqual([12 * 4 + 6 * 2]);
  });

  it(
    "may outlive the tape and the scope around it",
    balancedLater(async (backend) => {
      const p = param(scope(() => keep(backend.tensor([2]))));
      let inner!: Promise<Tape>;
      const h = p.value;
      scope(() => {
        diff(() => {
          inner = diff(async (t) => {
            await t.wait(soon());
            return sum(square(p));
          });
          return sum(p);
        });
      });
      const tape = await inner;
      expect(tape.grad(p).arraySync()).toEqual([4]);
      tape.release();
      h.release();
      p.reset({ shape: [], dtype: "f32", create: () => backend.zeros([]) });
    }, 1),
  );

  it("refuses waiting after the function has returned", async () => {
    const { tensor } = openSync();
    const p = param(tensor([2]));
    const tape = await diff(async () => sum(p));
    expect(() => tape.wait(soon())).toThrow("wait: the function of this diff has returned");
  });
});
