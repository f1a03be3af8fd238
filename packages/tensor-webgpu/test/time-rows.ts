// Times all but products and convolutions on this machine's graphics processor: rows, sums at indices,
// reductions, maps, pools, orders. Prints one JSON line per problem, with the microseconds of each of its dispatches.
// `--quick` runs small shapes once: for a software adapter. `--only=text` keeps the problems whose names contain it,
// `--safe` leaves the driver's checks on, and `--seconds=85` limits the total time.
import * as T from "@weft/tensor";
import { scope, type Tensor } from "@weft/tensor";
import { crossEntropyGradOp, softmaxGradOp } from "@weft/tensor/internals";
import { open } from "../src/index.node.ts";

const given = process.argv.slice(2);
const quick = given.includes("--quick");
const only = given.find((a) => a.startsWith("--only="))?.slice(7) ?? "";
const deadline = performance.now() + 1000 * Number(given.find((a) => a.startsWith("--seconds="))?.slice(10) ?? 85);
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const backend = await open({ profile: true, trusted: !given.includes("--safe") });
print({ ...backend.info(), features: undefined, quick });

const fused = <A extends T.FusedAttrs<A>>(op: T.FusedOp<A>, operands: Tensor[], attrs: A): Tensor =>
  T.applyFused(op, operands, attrs)[0]!;
/** A large size, or a small one for a software adapter. */
const size = (n: number): number => (quick ? Math.max(4, 4 * Math.ceil(Math.sqrt(n) / 16)) : n);
/** The inputs of the current problem. */
const inputs: Tensor[] = [];
const kept = (x: Tensor): Tensor => inputs[inputs.push(x) - 1]!;
const floats = (...shape: number[]): Tensor => kept(backend.randn(shape));
const indices = (below: number, n: number, share = 0): Tensor =>
  kept(
    backend.tensor(
      Int32Array.from({ length: n }, (_, i) => {
        const u = (Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32;
        return u < share ? 0 : Math.floor(((u * 7919) % 1) * below);
      }),
    ),
  );

/** What runs, and the bytes that it reads and writes at least. */
interface Problem {
  readonly run: () => Tensor | readonly Tensor[];
  readonly bytes: number;
}

const problems: Record<string, () => Problem> = {};

for (const [rows, classes] of [
  [100, 10],
  [12_800, 80],
  [10_000, 1000],
] as const) {
  const [n, c] = [size(rows), quick ? Math.min(classes, 100) : classes];
  const attrs = { ignoreIndex: undefined, labelSmoothing: 0 };
  problems[`crossEntropy ${rows}x${classes}`] = () => {
    const [x, y] = [floats(n, c), indices(c, n)];
    return { run: () => T.crossEntropyRows(x, y), bytes: 4 * n * (c + 2) };
  };
  problems[`crossEntropyGrad ${rows}x${classes}`] = () => {
    const [x, y] = [floats(n, c), indices(c, n)];
    return { run: () => fused(crossEntropyGradOp, [x, y], attrs), bytes: 4 * n * (2 * c + 1) };
  };
}

for (const [rows, classes] of [
  [80_000, 1000],
  [100, 50_000],
] as const) {
  const [n, c] = [size(rows), size(classes)];
  problems[`softmax ${rows}x${classes}`] = () => {
    const x = floats(n, c);
    return { run: () => T.softmax(x), bytes: 8 * n * c };
  };
  problems[`softmaxGrad ${rows}x${classes}`] = () => {
    const [y, g] = [floats(n, c), floats(n, c)];
    return { run: () => fused(softmaxGradOp, [y, g], { axis: 1 }), bytes: 12 * n * c };
  };
}

for (const [name, rows, features, length, share] of [
  ["charLM", 80, 256, 12_800, 0],
  ["IMDB", 30_000, 128, 9600, 0],
  ["IMDB, two thirds padding", 30_000, 128, 9600, 0.66],
] as const) {
  const [r, n] = [size(rows), size(length)];
  problems[`indexAdd ${name}`] = () => {
    const [x, i, u] = [kept(backend.zeros([r, features])), indices(r, n, share), floats(n, features)];
    return { run: () => T.indexAdd(x, i, u), bytes: 4 * features * (2 * r + n) };
  };
  problems[`take ${name}`] = () => {
    const [x, i] = [floats(r, features), indices(r, n, share)];
    return { run: () => T.take(x, i), bytes: 8 * features * n };
  };
}
problems["scatterAdd 30000, 9600 updates"] = () => {
  const [x, i, u] = [kept(backend.zeros([size(30_000)])), indices(size(30_000), size(9600)), floats(size(9600))];
  return { run: () => T.scatterAdd(x, i, u), bytes: 4 * (60_000 + 19_200) };
};

const reduction = (name: string, shape: readonly number[], axis: readonly number[] | null): void => {
  problems[name] = () => {
    const sizes = quick ? shape.map((d) => Math.min(d, 40)) : shape;
    const x = floats(...sizes);
    return { run: () => T.sum(x, { axis }), bytes: 4 * x.size };
  };
};
reduction("sum 100000x64 to columns", [100_000, 64], [0]);
reduction("sum 12800x1024 to columns", [12_800, 1024], [0]);
reduction("sum 12800x80 to columns", [12_800, 80], [0]);
reduction("sum 100x20x24x24 to channels", [100, 20, 24, 24], [0, 2, 3]);
reduction("sum 64x50x32x32 to channels", [64, 50, 32, 32], [0, 2, 3]);
reduction("sum 12800", [12_800], null);
reduction("sum 1e7", [10_000_000], null);
reduction("sum 100000x64 to rows", [100_000, 64], [1]);
reduction("sum 10000x1000 to rows", [10_000, 1000], [1]);

const map = (name: string, inputs: number, bytes: number, f: (...xs: Tensor[]) => Tensor): void => {
  problems[name] = () => {
    const n = size(10_000_000);
    const xs = Array.from({ length: inputs }, () => floats(n));
    return { run: () => f(...xs), bytes: bytes * n };
  };
};
map("add 1e7", 2, 12, (a, b) => T.add(a!, b!));
map("copy 1e7", 1, 8, (a) => T.neg(a!));
map("greater 1e7 (a mask)", 1, 5, (a) => T.greater(a!, 0));
map("relu's gradient 1e7", 2, 12, (a, g) => T.where(T.greater(a!, 0), g!, 0));
problems["add a row 12800x1024"] = () => {
  const [x, b] = [floats(size(12_800), 1024), floats(1024)];
  return { run: () => T.add(x, b), bytes: 8 * x.size };
};

for (const [name, shape] of [
  ["LeNet 1", [100, 20, 24, 24]],
  ["LeNet 2", [100, 50, 8, 8]],
  ["VGG", [64, 50, 32, 32]],
] as const) {
  const sizes = quick ? [2, 3, ...shape.slice(2)] : [...shape];
  const attrs = { window: [2, 2], stride: [2, 2], padding: [[0, 0], [0, 0]], dilation: [1, 1] }; // prettier-ignore
  const half = [sizes[0]!, sizes[1]!, sizes[2]! / 2, sizes[3]! / 2];
  problems[`maxPool ${name}`] = () => {
    const x = floats(...sizes);
    return { run: () => T.maxPool(x, { window: 2 }), bytes: 5 * x.size };
  };
  problems[`maxPoolGrad ${name}`] = () => {
    const [x, g] = [floats(...sizes), floats(...half)];
    return { run: () => T.apply("maxPoolGrad", [x, g], attrs as never), bytes: 9 * x.size };
  };
}

for (const n of [1000, 100_000])
  problems[`argsort ${n}`] = () => {
    const x = floats(size(n));
    return { run: () => T.argsort(x), bytes: 8 * x.size };
  };
problems["argsort 1000 lines of 1000"] = () => {
  const x = floats(size(1000), size(1000));
  return { run: () => T.argsort(x), bytes: 8 * x.size };
};
problems["cumsum 1e6"] = () => {
  const x = floats(size(1_000_000));
  return { run: () => T.cumsum(x), bytes: 8 * x.size };
};
problems["cumsum 1000 lines of 1000"] = () => {
  const x = floats(size(1000), size(1000));
  return { run: () => T.cumsum(x), bytes: 8 * x.size };
};
problems["argmax 12800x80"] = () => {
  const x = floats(size(12_800), 80);
  return { run: () => T.argmax(x, { axis: 1 }), bytes: 4 * x.size };
};
problems["argmax 1e6"] = () => {
  const x = floats(size(1_000_000));
  return { run: () => T.argmax(x), bytes: 4 * x.size };
};

/** Runs it `times` times; returns the first element of the last result. */
async function repeated(run: Problem["run"], times: number): Promise<number> {
  let results: readonly Tensor[] = [];
  for (let i = 0; i < times; i++) {
    for (const y of results) y.release();
    const y = scope(run) as Tensor | readonly Tensor[];
    results = Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
  }
  const first = await T.slice(T.reshape(results[0]!, [-1]), { starts: [0], ends: [1] }).data();
  for (const y of results) y.release();
  return first[0]!;
}

for (const [name, make] of Object.entries(problems)) {
  if (!name.includes(only)) continue;
  if (performance.now() > deadline) {
    print({ name, skipped: "out of time" });
    continue;
  }
  try {
    const { run, bytes } = make();
    // Compiles, and raises the clock, which falls when the device is idle.
    for (const end = performance.now() + (quick ? 0 : 60); ;) {
      await repeated(run, quick ? 1 : 5);
      if (performance.now() > end) break;
    }
    await backend.profile();
    const runs = quick ? 1 : 20;
    await repeated(run, runs);
    const { dispatches } = await backend.profile();
    // The read at the end has dispatches of its own.
    const own = dispatches.filter((d) => d.count >= runs);
    const us = own.reduce((sum, d) => sum + d.us, 0) / runs;
    print({
      name,
      us: Number(us.toFixed(2)),
      "GB/s": Math.round(bytes / us / 1e3),
      stages: own.map((d) => [d.label, Number((d.us / d.count).toFixed(2))]),
    });
  } catch (error) {
    print({ name, error: (error as Error).message.slice(0, 400) });
  }
  for (const x of inputs.splice(0)) x.release();
}
backend.destroy();
print({ done: Math.round(performance.now()) });
process.exit(0);
