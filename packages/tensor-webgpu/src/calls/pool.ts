// Pooling: one invocation per element of the result, or, where windows do not overlap, per window of the gradient.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { sizeOf, type PoolAttrs } from "@weft/tensor/internals";
import { isHardware, type DeviceTraits } from "../forms/device-traits.ts";
import { windowsOf, type Axes } from "../forms/geometry.ts";
import type { Staged, Words } from "../forms/stage.ts";
import { longSum } from "./long-sum.ts";
import { prepared, type Call } from "./call.ts";
import { along, cut, inside, loops, meeting, numbersOf, pixel, volume } from "./window.ts";

/** Pooling between planes: x has those of the first operand named, y those of the other. */
const pooling =
  (
    name: string,
    shapes: (out: CallOperand, a: CallOperand) => readonly [x: CallOperand, y: CallOperand],
    text: (w: Words) => string,
  ): Call<PoolAttrs>["prepare"] =>
  (launch, machine) => {
    const { attrs } = launch;
    const [x, y] = shapes(launch.outs[0], launch.inputs.at(-1)!);
    const numbers = numbersOf(windowsOf(x.shape, attrs.window, y.shape, attrs));
    const count = sizeOf(launch.outs[0].shape);
    return prepared(launch, machine, { name, ...geometry(name, numbers, count, machine), count, text });
  };

/** From this many elements a program with the geometry as constants pays: divisions by constants are cheap. */
const LARGE = 1 << 15;

/** Numbers as arguments, or as constants of the text. */
function geometry(name: string, numbers: Readonly<Record<string, number>>, count: number, machine: DeviceTraits) {
  if (count < LARGE && isHardware(machine)) return { numbers };
  return { name: `${name} ${Object.values(numbers).join()}`, numbers: {}, constants: numbers };
}

/**
 * `best`: the place in input 0 of the greatest element of the window at p, or of its first NaN; ties go to the first.
 */
const greatest = ({ load }: Words): string => `
  let plane = rest * ${volume("x")};
  var best = 0u;
  var most = 0i;
  var any = false;
  ${loops(
    "q",
    "k",
    inside(`let x = ${load(0, "plane + px")};
    let key = select(select(w_order(x), 0i, x == 0f), 0x7fffffffi, w_nan(x));
    if (!any || key > most) { best = plane + px; most = key; any = true; }`),
  )}`;

const pick =
  (input: number) =>
  (w: Words): string =>
    `
    ${cut("y", "p")}
    ${greatest(w)}
    let found = ${w.load(input, "best")};
    ${w.store("i", "found")}`;

const fromInput = (out: CallOperand, x: CallOperand) => [x, out] as const;
const fromOutput = (out: CallOperand, g: CallOperand) => [out, g] as const;

export const maxPool: Call<PoolAttrs> = { epilogue: true, prepare: pooling("maxPool", fromInput, pick(0)) };
export const maxPoolPick: Call<PoolAttrs> = { epilogue: true, prepare: pooling("maxPoolPick", fromInput, pick(1)) };

/** The gradient of each window goes to its greatest element. */
export const maxPoolGrad: Call<PoolAttrs> = {
  epilogue: true,
  prepare: (launch, machine) => (isTiled(launch) ? gradOfTiles(launch, machine) : gradOfElements(launch, machine)),
};

const gradOfElements = pooling("maxPoolGrad", fromOutput, (w) => {
  const window = `{ ${greatest(w)} if (best == i) { sum += ${w.load(1, `rest * ${volume("y")} + ${pixel}`)}; } }`;
  return `
    ${cut("x", "o")}
    var sum = 0f;
    ${loops("q", "k", meeting(window))}
    ${w.store("i", "sum")}`;
});

/** Whether windows lie side by side, beginning at the first element. */
function isTiled({ attrs: { window, stride, padding, dilation } }: CallLaunch<PoolAttrs>): boolean {
  return window.every((k, a) => stride[a] === k && padding[a]![0] === 0 && dilation[a] === 1);
}

/** One invocation per window, also per partial one without an output, writes all of it. */
function gradOfTiles(launch: CallLaunch<PoolAttrs>, machine: DeviceTraits): Staged {
  const {
    attrs,
    inputs,
    outs: [out],
  } = launch;
  const windows = windowsOf(out.shape, attrs.window, inputs[1]!.shape, attrs);
  const { x, k } = windows;
  const tiles: Axes = [Math.ceil(x[0] / k[0]), Math.ceil(x[1] / k[1]), Math.ceil(x[2] / k[2])];
  const numbers = { ...numbersOf(windows), ...along("w", tiles) };
  const name = "maxPoolGrad of tiles";
  const count = sizeOf(out.shape.slice(0, 2)) * sizeOf(tiles);
  return prepared(launch, machine, {
    name,
    ...geometry(name, numbers, count, machine),
    count,
    text: (w) => `
      ${cut("w", "p")}
      ${greatest(w)}
      let whole = pZ < yZ && pY < yY && pX < yX;
      var g = 0f;
      if (whole) { g = ${w.load(1, `rest * ${volume("y")} + ${pixel}`)}; }
      ${loops(
        "q",
        "k",
        inside(`let own = plane + px;
        let part = select(0f, g, own == best); ${w.store("own", "part")}`),
      )}`,
  });
}

export const sumPool: Call<PoolAttrs> = {
  epilogue: true,
  prepare: pooling(
    "sumPool",
    fromInput,
    ({ load, store }) => `
    ${cut("y", "p")}
    let plane = rest * ${volume("x")};
    ${longSum("sum", "f32", (add) => loops("q", "k", inside(add(load(0, "plane + px")))))}
    ${store("i", "sum")}`,
  ),
};

export const sumPoolGrad: Call<PoolAttrs> = {
  epilogue: true,
  prepare: pooling(
    "sumPoolGrad",
    fromOutput,
    ({ load, store }) => `
    ${cut("x", "o")}
    let plane = rest * ${volume("y")};
    var sum = 0f;
    ${loops("q", "k", meeting(`sum += ${load(0, `plane + ${pixel}`)};`))}
    ${store("i", "sum")}`,
  ),
};
