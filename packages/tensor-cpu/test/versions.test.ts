// Random programs of updates: boxes take new values while handles and views of old ones live, in and out of scopes and
// tapes. Whatever is written in place, merged or read early, every handle shows the value that it was made with.
import { diff, keep, param, scope, state, type Param, type State } from "@weft/autograd";
import { add, concat, flip, maximum, mul, reshape, slice, sub, sum, transpose, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { generator } from "./guarded.ts";

const ROWS = 3;
const COLUMNS = 4;
const LARGEST = 4096;
type Grid = readonly number[];
/** A tensor and what it has to show: small whole numbers, so that no rounding is in the way. */
interface Held {
  readonly x: Tensor;
  readonly wanted: Grid;
}
interface Boxed {
  readonly box: Param | State;
  wanted: Grid;
}

const turned = (g: Grid): Grid => Array.from({ length: 12 }, (_, i) => g[(i % ROWS) * COLUMNS + Math.floor(i / ROWS)]!);

function run(seed: number, backend: CpuBackend, draw: ReturnType<typeof generator>): void {
  const { tensor } = backend;
  const living = (): number => backend.stats().live;
  const boxes: Boxed[] = scope(() =>
    Array.from({ length: 3 }, (_, k) => {
      const wanted = Array.from({ length: 12 }, (_, i) => ((i * 7 + k) % 11) - 5);
      const x = tensor(Float32Array.from(wanted), { shape: [ROWS, COLUMNS] });
      return { box: k === 2 ? state(x) : param(x), wanted };
    }),
  );
  const held: Held[] = [];
  const check = ({ x, wanted }: Held, what: string): void => {
    const got = [...x.dataSync()];
    if (got.some((v, i) => v !== wanted[i])) expect.fail(`program ${seed}, ${what}: got ${got}, wanted ${wanted}`);
  };
  /** A value of the grid's shape, from boxes and handles, its numbers kept small. */
  const value = (): Held => {
    const source = draw.int(0, 2) > 0 || held.length === 0 ? undefined : draw.pick(held);
    const from = draw.pick(boxes);
    const [x, g] = source?.wanted.length === 12 ? [source.x, source.wanted] : [from.box.value, from.wanted];
    const grid = reshape(x, [ROWS, COLUMNS]);
    const n = draw.int(-3, 3);
    const other = draw.pick(boxes);
    const limit = (y: Tensor, h: Grid): Held =>
      h.every((v) => Math.abs(v) <= LARGEST) ? { x: y, wanted: h } : { x: mul(grid, 0), wanted: g.map(() => 0) };
    switch (draw.int(0, 6)) {
      case 0:
        return limit(
          add(grid, n),
          g.map((v) => v + n),
        );
      case 1:
        return limit(
          sub(other.box, grid),
          g.map((v, i) => other.wanted[i]! - v),
        );
      case 2:
        return limit(
          mul(grid, n),
          g.map((v) => v * n),
        );
      case 3:
        return limit(
          maximum(grid, mul(other.box, -1)),
          g.map((v, i) => Math.max(v, -other.wanted[i]!)),
        );
      case 4:
        return limit(reshape(flip(reshape(grid, [-1])), [ROWS, COLUMNS]), g.toReversed());
      case 5:
        return limit(reshape(transpose(grid), [ROWS, COLUMNS]), turned(g));
      default: {
        const half = slice(grid, { starts: [1], ends: [3] });
        return limit(concat([half, slice(other.box, { ends: [1] })]), [...g.slice(4), ...other.wanted.slice(0, 4)]);
      }
    }
  };
  const act = (): void => {
    const target = draw.pick(boxes);
    const kind = draw.int(0, 9);
    if (kind < 4) {
      const { x, wanted } = value();
      target.box.value = x;
      target.wanted = wanted;
    } else if (kind === 4) held.push({ x: target.box.value, wanted: target.wanted });
    else if (kind === 5) held.push(value());
    else if (kind === 6) {
      const row = slice(target.box.value, { starts: [1], ends: [2] });
      held.push({ x: row, wanted: target.wanted.slice(4, 8) });
    } else if (kind === 7 && held.length > 0) held.splice(draw.int(0, held.length - 1), 1)[0]!.x.release();
    else if (kind === 8 && held.length > 0) check(draw.pick(held), "a handle");
    else {
      const [a, b] = [boxes[0]!, boxes[1]!] as const;
      const tape = diff(() => sum(mul(mul(a.box, b.box), 2)));
      held.push({ x: tape.grad(a.box as Param), wanted: b.wanted.map((v) => 2 * v) });
      const wanted = a.wanted.map((v, i) => v - b.wanted[i]!);
      if (wanted.some((v) => Math.abs(v) > LARGEST)) return;
      a.box.value = sub(a.box.value, mul(tape.grad(a.box as Param), 0.5));
      a.wanted = wanted;
    }
  };
  const kept: Held[] = [];
  for (let round = 0; round < 6; round++) {
    scope(() => {
      for (let i = draw.int(1, 8); i > 0; i--) act();
      if (draw.int(0, 1) === 0) for (const h of held) check(h, "in its scope");
      if (held.length > 0 && draw.int(0, 2) === 0) kept.push(keep(draw.pick(held)));
      held.length = 0; // what was made here and not kept ends here
    });
    scope(() => boxes.forEach((b, k) => check({ x: b.box.value, wanted: b.wanted }, `box ${k} after round ${round}`)));
    for (const h of kept) check(h, `kept, after round ${round}`);
    if (kept.length === 0 && living() > 3) expect.fail(`program ${seed}: ${living()} storages live after ${round}`);
  }
  for (const { x } of kept) x.release();
  for (const { box } of boxes) box.reset({ shape: [], dtype: "f32", create: () => tensor([]) });
  expect(living()).toBe(0);
}

test.each([
  ["merged", true],
  ["unmerged", false],
])("every handle shows its version: %s", (_, fuse) => {
  const backend = openSync({ fuse });
  for (let seed = 1; seed <= 300; seed++) run(seed, backend, generator(seed * 7919));
});
