// Every function gives a handle of its own, also where it has nothing to change: releasing an operand does not end a result,
// nor the other way round. Nothing is computed for such a handle, and gradients go through it.
import { checkpoint, customGradient, diff, grad, param, stopGradient, training, vjp } from "@weft/autograd";
import { collections, results, upload } from "@weft/conformance";
import { Chain, Dropout, dropout } from "@weft/nn";
import * as T from "@weft/tensor";
import { keep, scope, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const merged = openSync({ seed: 1 });
const unmerged = openSync({ seed: 1, fuse: false });

/** The elements of tensors, to be compared at once. */
const elements = (xs: readonly Tensor[]): string => xs.map((x) => x.dataSync().join()).join("|");

describe.each([
  { name: "merged", backend: merged },
  { name: "unmerged", backend: unmerged },
])("$name", ({ backend }) => {
  const samples = collections.flatMap(({ samples }) =>
    Object.entries(samples).flatMap(([name, list]) =>
      list.map((sample) => ({ name: `${name}: ${sample.name}`, sample })),
    ),
  );

  test("the results of every function live and end by themselves", () => {
    const wrong: string[] = [];
    for (const { name, sample } of samples) {
      const start = backend.stream.counter;
      const run = (): [Tensor[], readonly Tensor[]] => {
        backend.stream.counter = start;
        const xs = upload(backend, sample);
        return [xs, results(sample, xs)];
      };
      try {
        scope(() => {
          const [xs, ys] = run();
          const [wanted, given] = [elements(ys), elements(xs)];
          if (ys.some((y, i) => xs.includes(y) || ys.indexOf(y) !== i)) wrong.push(`${name}: not a handle of its own`);
          for (const y of ys) y.release();
          expect(elements(xs)).toBe(given);
          // Released before anything has run, and after.
          const [as, bs] = run();
          for (const a of as) a.release();
          expect(elements(bs)).toBe(wanted);
          const [cs, ds] = run();
          backend.flush();
          for (const c of cs) c.release();
          expect(elements(ds)).toBe(wanted);
        });
      } catch (error) {
        wrong.push(`${name}: ${(error as Error).message.slice(0, 200)}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(samples.length).toBeGreaterThan(400);
  });

  /** Functions of a [2, 3] that change nothing. */
  const nothing: Record<string, (x: Tensor) => Tensor> = {
    reshape: (x) => T.reshape(x, [2, 3]),
    "reshape, worked out": (x) => T.reshape(x, [-1, 3]),
    "x.reshape": (x) => x.reshape([2, 3]),
    flatten: (x) => T.flatten(x),
    permute: (x) => T.permute(x, [0, 1]),
    transpose: (x) => T.transpose(x, 0, 0),
    "transpose of a vector": (x) => T.transpose(x.reshape([6])).reshape([2, 3]),
    squeeze: (x) => T.squeeze(x),
    unsqueeze: (x) => T.unsqueeze(x, []),
    broadcastTo: (x) => T.broadcastTo(x, [2, 3]),
    cast: (x) => T.cast(x, "f32"),
    slice: (x) => T.slice(x, { starts: [0], ends: [2] }),
    flip: (x) => T.flip(x, { axis: [] }),
    pad: (x) => T.pad(x, { pads: [[0, 0], [0, 0]] }), // oxfmt-ignore
    concat: (x) => T.concat([x]),
    split: (x) => T.split(x, 1)[0]!,
    tile: (x) => T.tile(x, { repeats: [1, 1] }),
    roll: (x) => T.roll(x, { shift: 0 }),
    "roll along": (x) => T.roll(x, { shift: 0, axis: 1 }),
    "roll along none": (x) => T.roll(x, { shift: 0, axis: [] }),
    "roll all around": (x) => T.roll(x, { shift: [2, -3], axis: [0, 1] }),
    clamp: (x) => T.clamp(x, {}),
    pow: (x) => T.pow(x, 1),
    sum: (x) => T.sum(x, { axis: [] }),
    max: (x) => T.max(x, { axis: [] }),
    einsum: (x) => T.einsum("ij->ij", x),
    dropout: (x) => dropout(x, 0.5, { training: false }),
    "dropout of nothing": (x) => dropout(x, 0, { training: true }),
    "a chain of nothing": (x) => Chain()(x),
    "what is checkpointed": (x) => checkpoint((z: Tensor) => z)(x),
    "what is differentiated by hand": (x) =>
      customGradient((z: Tensor) => ({ value: z, pullback: (g: Tensor) => g }))(x),
    "the value of vjp": (x) => vjp((z: Tensor) => z, x)[0],
    layers: (x) => training(false, () => Chain(Dropout(0.5), T.flatten)(x)),
    add: (x) => T.add(x, 0),
    maximum: (x) => T.maximum(x, -Infinity),
  };
  const numbers = [1, 2, 3, 4, 5, 6];
  const input = () => backend.tensor(new Float32Array(numbers), { shape: [2, 3] });

  test.each(Object.entries(nothing))(
    "%s of nothing: within a scope and without, of what waits and of what is there",
    (name, f) => {
      for (const within of [(g: () => void) => g(), scope])
        for (const make of [input, () => T.add(input(), 0)])
          for (const first of [true, false])
            within(() => {
              const x = make();
              const y = f(x);
              expect(y).not.toBe(x);
              const [gone, left] = first ? [x, y] : [y, x];
              gone.release();
              expect(() => gone.dataSync()).toThrow(T.ReleasedTensorError);
              expect([...left.dataSync()]).toEqual(numbers);
              left.release();
            });
    },
  );

  test("scopes and memory: what was made so is released with its scope, and the value lives as long as one handle", () => {
    const { live } = backend.stats();
    const kept = scope(() => {
      const x = input();
      for (const f of Object.values(nothing)) f(x);
      return x;
    });
    backend.flush();
    const y = keep(kept.reshape([2, 3]));
    kept.release();
    expect(backend.stats().live).toBe(live + 1);
    expect([...y.dataSync()]).toEqual(numbers);
    y.release();
    expect(backend.stats().live).toBe(live);
  });

  test.each(Object.entries(nothing))("%s of nothing: on a tape, with a gradient of both orders", (_, f) => {
    const p = param(input());
    let kept: [x: Tensor, y: Tensor] | undefined;
    const tape = diff(() => {
      const x = T.mul(p, 2);
      const y = f(x);
      kept = [keep(x), keep(y)];
      return T.sum(T.mul(y, x));
    });
    expect([...tape.grad(p).dataSync()]).toEqual(numbers.map((n) => 8 * n));
    const [x, y] = kept!;
    x.release();
    expect([...y.dataSync()]).toEqual(numbers.map((n) => 2 * n));
    const second = grad((z: Tensor) => T.sum(grad((w: Tensor) => T.sum(T.pow(f(w), 3)))(z)))(y);
    expect([...second.dataSync()]).toEqual(numbers.map((n) => 12 * n));
  });

  test("a constant is a handle of its own", () => {
    const x = input();
    const y = stopGradient(x);
    x.release();
    expect([...y.dataSync()]).toEqual(numbers);
    const p = param(y);
    stopGradient(p).release();
    const tape = diff(() => {
      const z = T.mul(p, 2);
      stopGradient(z).release();
      return T.sum(T.mul(z, stopGradient(z)));
    });
    expect([...tape.grad(p).dataSync()]).toEqual(numbers.map((n) => 4 * n));
  });

  test("results that are the same tensor twice are two handles", () => {
    const twice: Record<string, (x: Tensor) => readonly Tensor[]> = {
      checkpoint: checkpoint((x: Tensor) => [x, x]),
      customGradient: customGradient((x: Tensor) => ({
        value: [x, x],
        pullback: (g: Tensor, h: Tensor) => T.add(g, h),
      })),
      vjp: (x) => vjp((z: Tensor) => [z, z], x)[0],
    };
    for (const [name, f] of Object.entries(twice)) {
      const x = input();
      const [a, b] = f(x) as [Tensor, Tensor];
      x.release();
      a.release();
      expect([...b.dataSync()], name).toEqual(numbers);
    }
  });

  test("nothing runs for it", () => {
    const x = T.add(input(), 0);
    x.dataSync();
    const { launches } = backend.stats();
    for (const name of ["reshape", "permute", "cast", "pad", "clamp", "roll along", "dropout"])
      nothing[name]!(x).dataSync();
    expect(backend.stats().launches).toBe(launches);
  });
});
