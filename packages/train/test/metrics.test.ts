// Metrics: numbers by hand, those of independent formulas in plain numbers over random data, and edges.
import { diff } from "@weft/autograd";
import { Linear, mse } from "@weft/nn";
import { BackendMismatchError, IndexError, mul, ShapeError, softmax, type Operand, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { openSync } from "@weft/conformance";
import { expect, test } from "vitest";
import { fit, metrics, type Metric } from "../src/index.ts";
import { sgd } from "@weft/optim";

const cpu = await open({ seed: 1 });
const { tensor } = cpu;
const labels = (values: readonly number[]) => tensor(values, { dtype: "i32" });

async function once<R>(metric: Metric<R>, y: Operand, target: Operand, mask?: Operand): Promise<R> {
  metric.reset();
  metric.update(y, target, mask);
  return metric.result();
}

/** Random integers below n, from a small generator of its own. */
function random(seed: number) {
  let state = seed * 2654435761;
  return (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

// By hand, from scikit-learn's definitions. The confusion matrix is below.
const said = [0, 2, 1, 1, 0, 2, 2, 0, 1, 0];
const meant = [0, 1, 1, 2, 0, 2, 0, 0, 1, 2];

test.each([
  ["precision", "micro", 0.6],
  ["precision", "macro", (3 / 4 + 2 / 3 + 1 / 3) / 3],
  ["precision", "weighted", (4 * (3 / 4) + 3 * (2 / 3) + 3 * (1 / 3)) / 10],
  ["recall", "micro", 0.6],
  ["recall", "macro", (3 / 4 + 2 / 3 + 1 / 3) / 3],
  ["f1", "macro", (6 / 8 + 4 / 6 + 2 / 6) / 3],
  ["f1", "weighted", (4 * (6 / 8) + 3 * (4 / 6) + 3 * (2 / 6)) / 10],
] as const)("%s, %s", async (name, average, wanted) => {
  expect(await once(metrics[name]({ average, classes: 3 }), labels(said), labels(meant))).toBeCloseTo(wanted, 12);
});

test("a confusion matrix has a row per label", async () => {
  expect(await once(metrics.confusionMatrix({ classes: 3 }), labels(said), labels(meant))).toEqual([
    [3, 0, 1],
    [0, 2, 1],
    [1, 1, 1],
  ]);
  expect(await metrics.confusionMatrix().result()).toEqual([]);
});

test("a class that is absent counts with 0", async () => {
  const [y, t] = [labels([0, 0, 1, 1]), labels([0, 0, 0, 1])];
  const three = { classes: 3, average: "macro" } as const;
  expect(await once(metrics.precision(three), y, t)).toBeCloseTo((1 + 1 / 2 + 0) / 3, 12);
  expect(await once(metrics.recall(three), y, t)).toBeCloseTo((2 / 3 + 1 + 0) / 3, 12);
  expect(await once(metrics.f1(three), y, t)).toBeCloseTo((4 / 5 + 2 / 3 + 0) / 3, 12);
  expect(await once(metrics.precision(), labels([0, 0]), labels([1, 0]))).toBe(0); // class 1 is never predicted
  expect(await once(metrics.recall(), labels([1, 0]), labels([0, 0]))).toBe(0); // class 1 is no target
  expect(await once(metrics.f1(), labels([0, 0]), labels([0, 0]))).toBe(0);
  expect(await metrics.f1().result()).toBe(0);
});

test("two classes may be one number each, above a threshold", async () => {
  const [p, t] = [tensor([0.9, 0.6, 0.4, 0.1]), labels([1, 0, 1, 0])];
  expect(await once(metrics.accuracy(), p, t)).toBe(0.5);
  expect(await once(metrics.accuracy({ threshold: 0.7 }), p, t)).toBe(0.75);
  expect(await once(metrics.accuracy({ threshold: 0.3 }), p.reshape([4, 1]), t)).toBe(0.75);
  expect(await once(metrics.precision({ threshold: 0 }), p, t)).toBe(0.5);
  expect(await once(metrics.recall({ threshold: 0.3 }), p, t.cast("f32"))).toBe(1);
});

test("accuracy: the highest score, the first of equal ones, the k highest; NaN is wrong", async () => {
  const y = tensor([
    [1, 2, 3],
    [2, 2, 1],
    [NaN, 1, 2],
    [1, NaN, 2],
  ]);
  expect(await once(metrics.accuracy(), y, labels([2, 0, 2, 0]))).toBe(0.5);
  expect(await once(metrics.accuracy(), y, labels([2, 1, 0, 1]))).toBe(0.25);
  expect(await once(metrics.accuracy({ topK: 2 }), y, labels([1, 1, 2, 2]))).toBe(1);
  expect(await once(metrics.accuracy({ topK: 2 }), y, labels([0, 2, 1, 0]))).toBe(0);
  expect(await once(metrics.accuracy({ topK: 3 }), y, labels([0, 2, 1, 0]))).toBe(1);
  expect(await metrics.accuracy().result()).toBeNaN();
  const pixels = tensor([
    [
      [1, 0],
      [0, 1],
    ],
  ]); // [N, C, length]
  expect(await once(metrics.accuracy(), pixels, tensor([[0, 0]], { dtype: "i32" }))).toBe(0.5);
  expect(await once(metrics.accuracy(), tensor([1, 3]), tensor(1, { dtype: "i32" }))).toBe(1);
});

test("scalars, numbers, and nothing at all", async () => {
  expect(await once(metrics.accuracy(), tensor(0.7), tensor(1))).toBe(1);
  expect(await once(metrics.f1(), tensor(1, { dtype: "i32" }), tensor(1, { dtype: "i32" }))).toBe(1);
  expect(await once(metrics.meanSquaredError(), tensor([3, 4]), 1)).toBe(6.5);
  const [none, never] = [cpu.zeros([0, 2]), cpu.zeros([0], { dtype: "i32" })];
  for (const metric of [metrics.accuracy(), metrics.crossEntropy(), metrics.perplexity()])
    expect(await once(metric, none, never)).toBeNaN();
  for (const metric of [metrics.auc(), metrics.r2(), metrics.meanAbsoluteError()])
    expect(await once(metric, cpu.zeros([0]), cpu.zeros([0]))).toBeNaN();
  expect(await once(metrics.confusionMatrix(), none, never)).toEqual([[0, 0], [0, 0]]); // prettier-ignore
  expect(await once(metrics.precision(), none, never)).toBe(0);
});

test("what does not count: ignoreIndex and masks", async () => {
  const y = tensor([
    [2, 1],
    [1, 2],
    [2, 1],
    [2, 1],
  ]);
  const t = labels([0, 0, -1, 1]);
  expect(await once(metrics.accuracy({ ignoreIndex: -1 }), y, t)).toBeCloseTo(1 / 3, 6);
  const mask = tensor([true, true, true, false]);
  expect(await once(metrics.accuracy({ ignoreIndex: -1 }), y, t, mask)).toBe(0.5);
  expect(await once(metrics.confusionMatrix({ ignoreIndex: -1 }), y, t, mask)).toEqual([
    [1, 1],
    [0, 0],
  ]);
  expect(await once(metrics.f1({ ignoreIndex: -1, average: "micro" }), y, t, mask)).toBe(0.5);
  const nat = Math.log(1 + Math.exp(-1));
  expect(await once(metrics.perplexity({ ignoreIndex: -1 }), y, t)).toBeCloseTo(Math.exp((3 * nat + 2) / 3), 5);
  expect(await once(metrics.crossEntropy({ ignoreIndex: -1 }), y, t)).toBeCloseTo((3 * nat + 2) / 3, 6);
  const padded = labels([0, 0, 99, 1]);
  const unpadded = tensor([true, true, false, true]);
  expect(await once(metrics.perplexity(), y, padded, unpadded)).toBeCloseTo(Math.exp((3 * nat + 2) / 3), 5);
  expect(await once(metrics.meanAbsoluteError(), tensor([1, NaN, 5]), tensor([2, 0, 2]), labels([1, 0, 1]))).toBe(2);
  expect(await once(metrics.auc({ ignoreIndex: -1 }), tensor([3, 1, 2, 2]), t)).toBe(0.5);
  expect(() => metrics.accuracy().update(y, t, tensor([true]))).toThrow(ShapeError);
});

test("AUC and average precision: ties, one class, NaN", async () => {
  const auc = metrics.auc();
  expect(await once(auc, tensor([1, 1, 1, 1]), labels([0, 1, 0, 1]))).toBe(0.5);
  expect(await once(auc, tensor([0.1, 0.4, 0.4, 0.8]), labels([0, 0, 1, 1]))).toBe(0.875);
  expect(await once(auc, tensor([[1], [2]]), labels([0, 1]))).toBe(1);
  expect(await once(auc, tensor([1, 2]), labels([1, 1]))).toBeNaN();
  expect(await once(auc, tensor([1, 2]), labels([0, 0]))).toBeNaN();
  expect(await once(auc, tensor([1, NaN]), labels([0, 1]))).toBeNaN();
  expect(await once(auc, tensor([-Infinity, Infinity, 0]), labels([0, 1, 1]))).toBe(1);
  expect(await metrics.auc().result()).toBeNaN();
  const precision = metrics.averagePrecision();
  expect(await once(precision, tensor([1, 1, 1, 1]), labels([0, 1, 0, 0]))).toBe(0.25);
  expect(await once(precision, tensor([1, 2]), labels([0, 0]))).toBe(0);
  for (const y of [tensor([[1, 2]]), tensor([[[1, 2]]])])
    expect(() => auc.update(y, labels([0, 1]))).toThrow("wanted a score for each target, or probabilities [N, C]");
});

/** Probabilities that are multiples of 1/8, so that there are ties, and labels; all classes occur. */
function probabilities(classes: number, rows: number) {
  const next = random(11);
  const t = Array.from({ length: rows }, (_, i) => (i < classes ? i : next(classes)));
  const p = t.map(() => {
    const counts = new Array<number>(classes).fill(0);
    for (let k = 0; k < 8; k++) counts[next(classes)]!++;
    return counts.map((x) => x / 8);
  });
  return { p, t };
}

test("AUC and average precision of classes: of class 1 of two, else the mean of each against the rest", async () => {
  for (const classes of [2, 3, 5]) {
    const { p, t } = probabilities(classes, 40);
    for (const make of [metrics.auc, metrics.averagePrecision]) {
      const each = await Promise.all(
        Array.from({ length: classes }, (_, k) =>
          once(make(), tensor(p.map((row) => row[k]!)), labels(t.map((label) => Number(label === k)))),
        ),
      );
      const wanted = classes === 2 ? each[1]! : each.reduce((a, b) => a + b) / classes;
      const metric = make();
      for (const at of [0, 17, 30]) {
        const end = at === 30 ? 40 : at === 0 ? 17 : 30;
        metric.update(tensor(p.slice(at, end)), labels(t.slice(at, end)));
      }
      expect(await metric.result()).toBeCloseTo(wanted, 12);
      const logits = cpu.randn([40, classes], { seed: 1 });
      const soft = await once(make(), softmax(logits, { axis: 1 }), labels(t));
      expect(await once(make({ logits: true }), logits, labels(t))).toBe(soft);
    }
  }
  // By hand: the pairs of class 0 are 1 and 1, of class 1 2 of 3 pairs, of class 2 3 of 3.
  const p = tensor([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.7, 0.2], [0.3, 0.3, 0.4]]); // prettier-ignore
  expect(await once(metrics.auc(), p, labels([0, 1, 0, 2]))).toBeCloseTo((0.5 + 2 / 3 + 1) / 3, 6);
  expect(await once(metrics.auc(), p, labels([0, 1, 0, 1]))).toBeNaN(); // class 2 is no target
  expect(await once(metrics.auc({ ignoreIndex: 9 }), p, labels([0, 1, 9, 2]))).toBe(1);
  await expect(once(metrics.auc(), mul(p, 3), labels([0, 1, 0, 2]))).rejects.toThrow(
    /auc: wanted probabilities of 3 .*\{ logits: true \}/,
  );
  await expect(once(metrics.auc(), p, labels([0, 1, 3, 2]))).rejects.toThrow(
    "auc: the label is 3, and there are 3 classes",
  );
});

test("with average none there is a number for each class", async () => {
  const options = { average: "none", classes: 3 } as const;
  const each: number[] = await once(metrics.precision(options), labels(said), labels(meant));
  expect(each).toEqual([3 / 4, 2 / 3, 1 / 3]);
  expect(await once(metrics.recall(options), labels(said), labels(meant))).toEqual([3 / 4, 2 / 3, 1 / 3]);
  expect(await once(metrics.f1(options), labels(said), labels(meant))).toEqual([6 / 8, 4 / 6, 2 / 6]);
  expect(await metrics.f1(options).result()).toEqual([]);
  expect(await once(metrics.f1({ average: "none" }), labels([0, 1]), labels([1, 1]))).toHaveLength(2);
});

test("R²: columns, constant targets, few targets, large means", async () => {
  const r2 = metrics.r2();
  const t = [3, -0.5, 2, 7];
  expect(await once(r2, tensor([2.5, 0, 2, 8]), tensor(t))).toBeCloseTo(0.9486081370449679, 6);
  const [y, two] = [tensor([[0, 2], [-1, 2], [8, -5]]), tensor([[0.5, 1], [-1, 1], [7, -6]])]; // prettier-ignore
  expect(await once(r2, y, two)).toBeCloseTo((0.965437788018433 + 0.908163265306122) / 2, 6);
  expect(await once(r2, tensor([0.1, 0.1, 0.1]), tensor([0.1, 0.1, 0.1]))).toBe(1);
  expect(await once(r2, tensor([0.1, 0.2, 0.1]), tensor([0.1, 0.1, 0.1]))).toBe(0);
  expect(await once(r2, tensor([1]), tensor([1]))).toBeNaN();
  expect(await metrics.r2().result()).toBeNaN();
  const far = t.map((x) => x * 2 + 10_000);
  expect(await once(r2, tensor(far.map((x, k) => x + (k % 2))), tensor(far))).toBeCloseTo(1 - 2 / 116.75, 5);
  expect(() => r2.update(tensor([[1], [2]]), tensor([1, 2]))).toThrow(ShapeError);
});

test("over random batches every metric is the formula on all data at once", async () => {
  const next = random(7);
  const batches = Array.from({ length: 23 }, (_, k) => {
    const n = 1 + next(9);
    const column = (below: number) => Array.from({ length: n }, () => next(below));
    return {
      scores: column(12).map((x) => x / 4),
      y: column(4),
      t: column(4),
      real: column(1000).map((x) => x / 100),
      k,
    };
  });
  const all = {
    accuracy: metrics.accuracy(),
    precision: metrics.precision({ classes: 4 }),
    recall: metrics.recall({ classes: 4, average: "weighted" }),
    auc: metrics.auc(),
    average: metrics.averagePrecision(),
    squared: metrics.meanSquaredError(),
    r2: metrics.r2(),
  };
  for (const { scores, y, t, real } of batches) {
    for (const metric of [all.accuracy, all.precision, all.recall]) metric.update(labels(y), labels(t));
    for (const metric of [all.auc, all.average]) metric.update(tensor(scores), labels(t.map((x) => Number(x > 1))));
    for (const metric of [all.squared, all.r2]) metric.update(tensor(scores), tensor(real));
  }
  const y = batches.flatMap((batch) => batch.y);
  const t = batches.flatMap((batch) => batch.t);
  const s = batches.flatMap(({ scores }) => scores);
  const real = batches.flatMap((batch) => batch.real);
  const n = t.length;
  const part = (of: number, all: number) => (all === 0 ? 0 : of / all);
  const count = (f: (i: number) => boolean) => t.filter((_, i) => f(i)).length;
  const classes = [0, 1, 2, 3];
  expect(await all.accuracy.result()).toBeCloseTo(count((i) => y[i] === t[i]) / n, 6);
  expect(await all.precision.result()).toBeCloseTo(
    classes.reduce(
      (sum, c) =>
        sum +
        part(
          count((i) => y[i] === c && t[i] === c),
          count((i) => y[i] === c),
        ) /
          4,
      0,
    ),
    12,
  );
  expect(await all.recall.result()).toBeCloseTo(count((i) => y[i] === t[i]) / n, 12);
  const positive = t.map((x) => x > 1);
  let [wins, pairs] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      if (positive[i] === true && positive[j] === false) {
        pairs++;
        wins += s[i]! > s[j]! ? 1 : s[i] === s[j] ? 0.5 : 0;
      }
  expect(await all.auc.result()).toBeCloseTo(wins / pairs, 12);
  const thresholds = [...new Set(s)].toSorted((a, b) => b - a);
  let [average, before] = [0, 0];
  for (const at of thresholds) {
    const hits = count((i) => s[i]! >= at && positive[i]!);
    const recall = hits / count((i) => positive[i]!);
    average += (recall - before) * (hits / count((i) => s[i]! >= at));
    before = recall;
  }
  expect(await all.average.result()).toBeCloseTo(average, 12);
  const squares = real.reduce((sum, x, i) => sum + (x - s[i]!) ** 2, 0);
  expect((await all.squared.result()) / (squares / n)).toBeCloseTo(1, 6);
  const mean = real.reduce((a, b) => a + b, 0) / n;
  expect(await all.r2.result()).toBeCloseTo(1 - squares / real.reduce((sum, x) => sum + (x - mean) ** 2, 0), 4);
});

test("a target that is no label is refused, and named", async () => {
  const [scores, y] = [tensor([0.1, 0.9, 0.4]), tensor([[1, 2], [2, 1], [0, 1]])]; // prettier-ignore
  const of = { auc: metrics.auc, averagePrecision: metrics.averagePrecision, accuracy: metrics.accuracy };
  const byClass = { precision: metrics.precision, recall: metrics.recall, f1: metrics.f1 };
  for (const [name, make] of Object.entries<(options?: { ignoreIndex?: number }) => Metric>({ ...of, ...byClass }))
    for (const wrong of [-1, 2, 0.5, -0.5, NaN]) {
      const metric = make();
      const refused = `${name}: the target ${wrong} is no label: wanted 0 and 1`;
      const right = tensor([1, 0, 1]);
      metric.update(scores, right);
      metric.update(scores, tensor([1, wrong, 0]));
      metric.update(scores, right);
      await expect(metric.result()).rejects.toThrow(refused);
      if (Number.isInteger(wrong)) await expect(once(metric, scores, labels([0, wrong, 1]))).rejects.toThrow(refused);
      // What does not count may be anything.
      const counted = labels([1, 0, 1]);
      expect(await once(metric, scores, tensor([1, wrong, 0]), counted)).toBe(await once(metric, scores, tensor([1, 0, 0]), counted)); // prettier-ignore
      const ignoring = make({ ignoreIndex: -1 });
      if (wrong === -1) expect(await once(ignoring, scores, tensor([1, wrong, 0]))).toEqual(expect.any(Number));
    }
  for (const make of [
    metrics.accuracy,
    metrics.precision,
    metrics.confusionMatrix,
    metrics.crossEntropy,
    metrics.perplexity,
  ]) {
    for (const wrong of [0.5, NaN])
      await expect(once<unknown>(make(), y, tensor([0, wrong, 1]))).rejects.toThrow(`the target ${wrong} is no label`);
    await expect(once<unknown>(make(), y, tensor([0, 2, 1]))).rejects.toThrow(IndexError);
    expect(await once<unknown>(make(), y, tensor([0, 1, 1]))).toEqual(
      await once<unknown>(make(), y, labels([0, 1, 1])),
    );
  }
  expect(await once(metrics.accuracy(), scores, tensor([0, 1, 0], { dtype: "bool" }))).toBe(1);
});

test("errors: labels out of range, shapes, averages", async () => {
  const outside = metrics.confusionMatrix({ classes: 2 });
  outside.update(labels([0, 1]), labels([0, 2]));
  await expect(outside.result()).rejects.toThrow(IndexError);
  outside.reset();
  outside.update(labels([0, 2]), labels([0, 1]));
  await expect(outside.result()).rejects.toThrow(IndexError);
  const recall = metrics.recall();
  recall.update(labels([0, 1]), labels([0, -1]));
  await expect(recall.result()).rejects.toThrow(/outside its axis.*, called .*metrics\.test\.ts/);
  const three = tensor([[1, 2, 3]]);
  const makers = [
    metrics.confusionMatrix,
    metrics.precision,
    metrics.recall,
    metrics.f1,
    metrics.accuracy,
    metrics.perplexity,
  ];
  for (const make of makers)
    for (const label of [7, -1]) {
      const wrong = once<unknown>(make(), three, labels([label]));
      await expect(wrong).rejects.toThrow(
        new RegExp(`^${make.name}: .*The label is ${label}, and there are 3 classes$`),
      );
    }
  await expect(once(metrics.confusionMatrix({ classes: 3 }), labels([5]), labels([1]))).rejects.toThrow(
    "The label is 5",
  );
  expect(() => metrics.f1({ average: "binary" }).update(three, labels([0]))).toThrow("for 2 classes, not 3");
  expect(() => metrics.f1({ classes: 4 }).update(three, labels([0]))).toThrow("{ classes: 4 }");
  expect(() => metrics.accuracy().update(tensor([1, 2, 3]), labels([1, 2]))).toThrow(ShapeError);
  // @ts-expect-error
  expect(() => metrics.f1({ average: "mean" })).toThrow("average");
  const accuracy = metrics.accuracy();
  accuracy.update(labels([1]), labels([1]));
  const other = openSync();
  expect(() => accuracy.update(other.tensor([1], { dtype: "i32" }), other.tensor([1], { dtype: "i32" }))).toThrow(
    BackendMismatchError,
  );
});

test("a batch inside a diff is not on its tape", async () => {
  const model = Linear(1, 1);
  const metric = metrics.meanSquaredError();
  const [x, t] = [tensor([[1], [2]]), tensor([[1], [1]])];
  const tape = diff(() => {
    const y = model(x);
    metric.update(y, t);
    return mse(y, t);
  });
  expect(await metric.result()).toBeCloseTo(await (tape.value as Tensor).item(), 6);
});

test("the numbers of a thousand batches take no more memory than those of a few", async () => {
  const backend = await open({ seed: 1 });
  const t = backend.tensor([1, 0], { dtype: "i32" });
  const y = backend.tensor([1, 1], { dtype: "i32" });
  const all = [metrics.accuracy(), metrics.f1(), metrics.confusionMatrix()];
  const before = backend.stats().live;
  for (let k = 0; k < 1023; k++) for (const metric of all.slice(0, k % 8 === 0 ? 3 : 1)) metric.update(y, t);
  expect(await all[0]!.result()).toBe(0.5);
  expect(await all[2]!.result()).toEqual([
    [0, 128],
    [0, 128],
  ]);
  expect(backend.stats().live - before).toBeLessThan(120);
  for (const metric of all) metric.reset();
  expect(backend.stats().live).toBe(before);
});

test("a mean of a batch counts by its rows, and several outputs come as they are", async () => {
  const batches = [[tensor([1, 1, 1, 1]), tensor([0, 0, 0, 0])], [tensor([4]), tensor([0])]] as const; // prettier-ignore
  const results = {
    mean: metrics.mean(mse),
    kept: metrics.mean((y, target) => mse(y, target).reshape([1])),
    each: metrics.mean((y, target) => y.sub(target).square()),
  };
  for (const [y, target] of batches) for (const metric of Object.values(results)) metric.update(y, target);
  for (const metric of Object.values(results)) expect(await metric.result()).toBe(4);
  // A mask says which targets count.
  const some = metrics.mean((y, target) => y.sub(target));
  some.update(tensor([1, 2, 3]), tensor([0, 0, 0]), tensor([1, 0, 1]));
  expect(await some.result()).toBe(2);

  const two = metrics.mean((y: { a: Tensor; b: Tensor }, [t]: readonly [Tensor]) => mse(y.a.mul(y.b), t));
  for (const [y, target] of batches) two.update({ a: y, b: tensor(1) }, [target]);
  expect(await two.result()).toBe(4);
  two.reset();
  const each = metrics.mean((y: { a: Tensor }, t: Tensor) => y.a.sub(t));
  each.update({ a: tensor([1, 2, 3]) }, tensor([0, 0, 0]), tensor([1, 0, 1]));
  expect(await each.result()).toBe(2);
  expect(() => each.update({ a: tensor([1, 2, 3]) }, tensor([0, 0, 0]), tensor([1]))).toThrow("mean: the mask [1]");
  // In training, too.
  const model = Object.assign((x: Tensor) => ({ a: model.line(x), b: x }), { line: Linear(1, 1, { bias: false }) });
  const data = batches.map(([x, y]) => [x.reshape([-1, 1]), y.reshape([-1, 1])] as const);
  const named = { a: metrics.mean((y: { a: Tensor; b: Tensor }, t: Tensor) => mse(y.b, t)) };
  const loss = (y: { a: Tensor }, t: Tensor) => mse(y.a, t);
  const history = await fit(model, data, { loss, metrics: named, optimizer: sgd(), validation: data });
  expect(history).toMatchObject({ a: [4], valA: [4] });
});
