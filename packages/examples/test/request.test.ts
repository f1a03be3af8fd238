// What is wanted of a program, as a command line and as the name of a folder.
import { expect, test } from "vitest";
import { commandOf, folderOf, wantedIn } from "../src/command-line/request.ts";
import { labelOf, rate } from "../src/format.ts";

test("the command that repeats a training has its options and its seed", () => {
  expect(commandOf("mlp", { data: "mnist" })).toBe("weft train mlp --data mnist --seed 1");
  expect(commandOf("tagger", { quick: true, epochs: 1, limit: 4000, seed: 3, options: { chars: true } })).toBe(
    "weft train tagger --quick --epochs 1 --limit 4000 --seed 3 --chars",
  );
  expect(commandOf("shakespeare", { steps: 5, options: { text: "/home/my texts/it's" } })).toBe(
    String.raw`weft train shakespeare --steps 5 --seed 1 --text '/home/my texts/it'\''s'`,
  );
});

test("a folder has the data and the options in its name, so that models do not replace each other", () => {
  const folder = (...args: Parameters<typeof folderOf>) => folderOf(...args).replaceAll("\\", "/");
  expect(folder("gru", {})).toBe("weft-out/gru");
  expect(folder("lenet", { data: "digits", seed: 2, options: { optimizer: "sgd" } })).toBe("weft-out/lenet-digits");
  expect(folder("lenet", { data: "mnist", options: { optimizer: "adam" } })).toBe(
    "weft-out/lenet-mnist-optimizer-adam",
  );
  expect(folder("tagger", { options: { chars: true } })).toBe("weft-out/tagger-chars");
  expect(folder("pos", { options: { kind: "rnn" } })).toBe("weft-out/pos-kind-rnn");
  expect(folder("shakespeare", { options: { text: "../my texts/" } })).toBe("weft-out/shakespeare-text-my-texts");
});

test("a speed has three digits, and thousands are parted", () => {
  expect([4690.4, 0.012345, 12.34, 1_234_567].map(rate)).toEqual(["4,690", "0.0123", "12.3", "1,230,000"]);
});

test("names of results are written as words, and what is short for words in capitals", () => {
  expect(["testAccuracy", "nllPerWord", "testNllPerWord"].map(labelOf)).toEqual([
    "test accuracy",
    "NLL per word",
    "test NLL per word",
  ]);
});

test("a file whose program was changed to one that learns from data is refused", () => {
  const file = "training.safetensors";
  const refusal = `${file}: what was wanted of lenet cannot be read. It was changed after it was saved.`;
  expect(() => wantedIn({ weft: "lenet", wanted: "{}" }, file)).toThrow(refusal);
  expect(wantedIn({ weft: "linreg", wanted: "{}" }, file)).toEqual({ name: "linreg", wanted: {} });
});
