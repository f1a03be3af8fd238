// Reports: pages that are well-formed, hold all their figures, and fetch nothing.
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Prediction } from "../src/training/evaluation.ts";
import { classifierSections, type Findings } from "../src/report/classifier.ts";
import { errorCurve, lossCurve } from "../src/report/figures.ts";
import { address, png, weighed } from "../src/report/picture.ts";
import { regressionSections } from "../src/report/regression.ts";
import { trainingReport, type TrainingFindings } from "../src/report/training.ts";
import { gallery } from "../src/report/page.ts";
import { lessThan } from "../src/command-line/run-report.ts";
import { programs } from "../src/programs.ts";
import { elements } from "./html.ts";

/** Values of the steps, from `first` on. */
const noted = (values: readonly number[], first = 1) => values.map((value, k) => ({ step: first + k, value }));

interface Curves {
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

const curves: Curves = { losses: [2, 1.5, 1, 0.9, 0.5, 0.1], accuracies: [0.8, 0.9] };

/** The report on a classifier after two epochs. */
const classifierReport = (found: Findings, { losses, accuracies }: Curves = curves): string =>
  trainingReport({
    title: "A & B",
    result: ["90.00%", "of <40> right"],
    facts: [["epochs", "2"]],
    losses: { loss: noted(losses) },
    metrics: { testAccuracy: "share" },
    evaluations: accuracies.map((testAccuracy, i) => ({ step: 3 * i + 3, values: { epoch: i + 1, testAccuracy } })),
    sections: classifierSections(found),
    summary: "name <value>",
  });

const findings = (wrong: number): Findings => {
  const predictions = Array.from({ length: 40 }, (_, index): Prediction => {
    const label = index % 10;
    return { index, label, guess: index < wrong ? (label + 1) % 10 : label, confidence: 1 - index / 100 };
  });
  return {
    test: {
      images: { data: new Uint8Array(40 * 784).fill(7), shape: [40, 1, 28, 28], dtype: "u8" },
      labels: { data: Int32Array.from(predictions, ({ label }) => label), shape: [40], dtype: "i32" },
    },
    classes: "0123456789".split(""),
    predictions,
    weights: { data: Array.from({ length: 6 * 25 }, (_, i) => i - 75), shape: [6, 1, 5, 5] },
  };
};
const count = (names: readonly string[], name: string) => names.filter((n) => n === name).length;

describe("the report on a classifier", () => {
  test("is well-formed and has three charts, the mistakes and the filters", () => {
    const html = classifierReport(findings(4));
    const names = elements(html);
    expect(count(names, "svg")).toBe(3);
    expect(count(names, "img")).toBe(4 + 6);
    expect(html).toContain("A &amp; B");
    expect(html).toContain("of &lt;40&gt; right");
    expect(html).toContain("name &lt;value&gt;");
  });

  test("escapes quotes inside attributes", () => {
    const html = gallery([{ src: "data:,", caption: "a", alt: `say "it's" <a> & b` }]);
    expect(html).toContain(`alt="say &quot;it's&quot; &lt;a&gt; &amp; b"`);
    expect(elements(html)).toEqual(["div", "figure", "img", "figcaption"]);
  });

  test("shows the 24 most confident of many mistakes", () => {
    const html = classifierReport(findings(40));
    expect(count(elements(html), "img")).toBe(24 + 6);
    expect(html).toContain("The 24 most confident of 40 mistakes.");
    expect(html.indexOf("picture 0<")).toBeLessThan(html.indexOf("picture 1<"));
    expect(html).not.toContain("picture 24<");
  });

  test("says so when there are none", () => {
    expect(classifierReport(findings(0))).toContain("It made no mistakes.");
  });

  test("holds the confusion matrix", () => {
    const html = classifierReport(findings(4));
    expect(html).toContain("0 taken for 1: 1 times");
    expect(html).toContain("5: right 4 times");
  });

  test("contains no URL and runs no script", () => {
    const html = classifierReport(findings(4));
    expect(html).not.toMatch(/https?:|url\(|@import|<script|<link|<iframe/i);
    for (const [, src] of html.matchAll(/\b(?:src|href)="([^"]*)"/g)) expect(src).toMatch(/^data:image\/png;base64,/);
  });

  test("works whatever the losses are", () => {
    for (const losses of [[0, 0], [Number.NaN, Infinity], [1]]) {
      const html = classifierReport(findings(4), { losses, accuracies: [0.8] });
      expect(count(elements(html), "svg")).toBe(3);
      expect(html).not.toContain("NaN");
    }
  });
});

test("the report on a regression is well-formed and has three charts", () => {
  const losses = Array.from({ length: 1000 }, (_, i) => 1 + 500 / (i + 1));
  const truth = [1, 2, 3];
  const predictions = [1.1, 2.1, 2.9];
  const evaluations = [{ step: 1000, values: { epoch: 1, error: 1.5 } }];
  const sections = regressionSections({ truth, predictions, unit: "m" });
  const html = trainingReport({
    title: "t",
    result: ["1", "e"],
    facts: [],
    losses: { loss: noted(losses) },
    evaluations,
    fullBatch: true,
    sections,
  });
  const names = elements(html);
  expect(count(names, "svg")).toBe(3);
  expect(count(names, "circle")).toBe(3 + 1);
  expect(html).not.toContain("has not seen"); // all data are learned from
  expect(html).toContain("How well it does</h2>");
  expect(html).not.toMatch(/https?:/);
});

describe("the curves of a training", () => {
  const evaluations = [3, 2.5, 2.8].map((validationLoss, k) => ({
    step: 2 * k + 2,
    values: { epoch: k + 1, bestValidationLoss: Math.min(2.5, validationLoss), validationLoss, perplexity: 12 },
  }));
  const curves = (more: Partial<TrainingFindings>) =>
    trainingReport({
      title: "t",
      result: ["1", "e"],
      facts: [],
      losses: { loss: noted([5, 4, 3, 2, 2, 1]) },
      metrics: { validationLoss: "loss", bestValidationLoss: "best", wordAccuracy: "share", exactMatch: "share" },
      evaluations,
      sections: [],
      ...more,
    });
  const labels = (html: string) => [...html.matchAll(/aria-label="(The [^"]*)"/g)].map(([, label]) => label);

  test("draw training and validation loss in one chart, and not the best so far", () => {
    expect(labels(curves({}))).toEqual([
      "The training loss, the validation loss",
      "The perplexity after each evaluation",
    ]);
    expect(elements(curves({})).filter((name) => name === "circle")).toHaveLength(3 + 3);
  });

  test("of a training that was stopped in the middle of an epoch are at their steps", () => {
    // Three steps an epoch, and two of the third; steps are drawn at their middle.
    const values = { epoch: 2, validationLoss: 2 };
    const losses = { loss: noted([8, 7, 6, 5, 4, 3, 2, 1]) };
    const html = curves({ losses, evaluations: [{ step: 6, values }] });
    const [, path] = /<path d="(M94[^"]*|M[^"]*L[^"]*L[^"]*L[^"]*L[^"]*L[^"]*L[^"]*L[^"]*)"/.exec(html)!;
    const xs = [...path!.matchAll(/[ML](-?[\d.]+),/g)].map(([, x]) => Number(x));
    const [, cx] = /<circle [^>]*cx="([\d.]+)"/.exec(html)!;
    expect(xs).toHaveLength(8);
    expect(Number(cx)).toBeCloseTo((xs[5]! + xs[6]!) / 2, 1);
  });

  test("of a training whose earlier record is lost are at their steps", () => {
    const html = lossCurve({ "training loss": noted([3, 2, 1], 4) }, { perEpoch: 3 });
    expect(html).not.toMatch(/<text[^>]*>0(\.\d+)?<\/text>/); // on the axis of epochs, which begins with the second
  });

  test("before the first epoch is over are over steps", () => {
    expect(curves({ evaluations: [] })).toMatch(/<text[^>]*>step<\/text>/);
    expect(curves({})).toMatch(/<text[^>]*>epoch<\/text>/);
  });

  test("draw both losses of two networks, and shares in one chart", () => {
    const values = { epoch: 1, wordAccuracy: 0.9, exactMatch: 0.4, readerLoss: 3 };
    const html = curves({
      losses: { loss: noted([5, 4, 3, 2]), discriminatorLoss: noted([1, 1, 1, 1]) },
      evaluations: [{ step: 6, values }],
    });
    expect(labels(html)).toEqual([
      "The training loss, the discriminator loss",
      "The word accuracy, the exact match after each evaluation",
      "The reader loss after each evaluation", // it is not said to be one of the steps' kind
    ]);
  });
});

test("the first line is the command that repeats it, then what there is to say of the result", () => {
  const command = ["weft train mlp --seed 1", "Weft 1, Node 24"] as const;
  const html = trainingReport({
    command,
    title: "t",
    result: ["1", "e"],
    remarks: ["<part>"],
    facts: [],
    losses: {},
    evaluations: [],
    sections: [],
  });
  elements(html);
  expect(html).toMatch(
    /<header>\n<p class="command"><code>weft train mlp --seed 1<\/code><br \/>Weft 1, Node 24<\/p>\n<h1>/,
  );
  expect(html).toMatch(/<small>e<\/small><\/p>\n<p class="remark">&lt;part&gt;<\/p>/);
});

test("a long curve is thinned", () => {
  const losses = noted(Array.from({ length: 100_000 }, (_, i) => 1 / (i + 1)));
  expect(lossCurve({ "training loss": losses }, { perEpoch: 1000 }).length).toBeLessThan(40_000);
  expect(errorCurve(losses).length).toBeLessThan(20_000);
});

describe("pictures", () => {
  test("are PNG files, in gray and in color", () => {
    const gray = png({ width: 2, height: 2, data: Uint8Array.of(0, 64, 128, 255) });
    expect([...gray.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const view = new DataView(gray.buffer, gray.byteOffset);
    expect([view.getUint32(16), view.getUint32(20), gray[24], gray[25]]).toEqual([2, 2, 8, 0]);
    const length = view.getUint32(33);
    expect([...inflateSync(gray.subarray(41, 41 + length))]).toEqual([0, 0, 64, 0, 128, 255]);
    expect([...gray.subarray(-8)]).toEqual([0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]); // IEND and its checksum
    expect(png(weighed([1, -1], 2, 1, 1))[25]).toBe(2);
    expect(address({ width: 1, height: 1, data: Uint8Array.of(0) })).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
  });

  test("of weights are blue below zero, white at zero, red above", () => {
    expect([...weighed([-2, 0, 2], 3, 1, 2).data]).toEqual([33, 102, 172, 247, 247, 247, 178, 24, 43]);
    expect([...weighed([0], 1, 1, 0).data]).toEqual([247, 247, 247]);
  });
});

describe("the check of pages", () => {
  test.each(["<p>", "<p></b>", "<p><b></p></b>", "a > b", "a & b", '<p a="b>', "<p a=b></p>", "<style>", "</p>"])(
    "refuses %s",
    (html) => {
      expect(() => elements(html)).toThrow();
    },
  );
});

test("what is less than the whole is said, but a training that ended by itself is whole", () => {
  const at = { epoch: 117, epochs: 300, interrupted: false, ended: true };
  expect(lessThan(programs.shakespeare, {}, at)).toEqual([]);
  expect(lessThan(programs.shakespeare, { steps: 11_700 }, at)).toEqual([]);
  expect(lessThan(programs.shakespeare, { quick: true }, at)).toEqual(["--quick"]);
  expect(lessThan(programs.shakespeare, {}, { ...at, ended: false })).toEqual(["117 of 300 epochs"]);
  expect(lessThan(programs.shakespeare, {}, { ...at, ended: false, interrupted: true })).toEqual([
    "117 of 300 epochs",
    "interrupted",
  ]);
});
