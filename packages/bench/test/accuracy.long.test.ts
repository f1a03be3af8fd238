// PyTorch's side of the results: with Weft's weights, accuracy.py has the loss and the result that Weft has, on the same
// data, which it reads by itself.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BatchNormCNN, LeNet, SentimentGRU, Tagger, VAE, VGG, measure, sentimentLoss, vaeLoss } from "@weft/examples";
import { characters, cifar10, imdb, minibatch, mnist, subset, vocabulary, wikiner, type HostArray } from "@weft/data";
import { crossEntropy, padSequence, params, save, seed, training } from "@weft/nn";
import { argmax, scope, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { describe, expect, onTestFinished, test } from "vitest";
import { pythonWithTorch } from "../src/contenders/torch.ts";

const python = pythonWithTorch(undefined);
const without = spawnSync(python, ["-c", "import torch"]).status === 0 ? undefined : `${python} has no PyTorch`;

const folderOfPython = fileURLToPath(new URL("../src/pytorch", import.meta.url));
const check = `
import json, struct, sys
weights, in_training, vocabularies = sys.argv.pop(1), sys.argv.pop(1) == "true", json.loads(sys.argv.pop(1))
import torch
torch.set_num_threads(1)
from accuracy import training
raw = open(weights, "rb").read()
size, dtypes = struct.unpack("<Q", raw[:8])[0], {"F32": torch.float32, "I32": torch.int32, "I64": torch.int64}
model, learned = training.model, [x for x in training.model.parameters() if x.requires_grad]
state = model.state_dict()
for name, entry in json.loads(raw[8:8 + size]).items():
    if name == "__metadata__": continue
    begin, end = (8 + size + at for at in entry["data_offsets"])
    state[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=dtypes[entry["dtype"]]).view(state[name].shape)
model.load_state_dict(state)
for field, tokens in vocabularies.items(): # the same tokens, in Weft's order
    assert set(getattr(model, field)) == set(tokens), field
    setattr(model, field, {token: k for k, token in enumerate(tokens)})
found = {"parameters": sum(x.numel() for x in learned), "result": training.measured()[1]}
model.train(in_training)
found["loss"] = sum(loss.item() for loss in training.losses())
print(json.dumps(found))
`;

interface Found {
  readonly model: object;
  readonly loss: number;
  readonly result: number;
  /** The tokens in the order of their vectors, by the names of PyTorch's fields. */
  readonly vocabularies?: Readonly<Record<string, readonly string[]>>;
}
interface Row {
  readonly args: readonly string[];
  readonly data: string;
  /** How many cases both sides read. Of those that learn in batches it is one batch: their order changes nothing. */
  readonly limit: number;
  /** Whether the loss is that of the training mode; networks with dropout are compared without. */
  readonly inTraining: boolean;
  /** The sum of the losses of an epoch in which nothing is learned, and the accuracy, or the bound, on new cases. */
  readonly found: (limit: number) => Promise<Found>;
}

const backend = openSync({ threads: 1 });
const number = (f: () => Tensor): Promise<number> => scope(() => f().item());

/** The loss of all cases as one batch. */
async function lossOf(
  {
    images,
    labels,
  }: { readonly images: HostArray<Uint8Array> | HostArray<Int32Array>; readonly labels: HostArray<Int32Array> },
  loss: (x: Tensor, y: Tensor) => Tensor,
): Promise<number> {
  for (const [x, y] of minibatch([images, labels], images.shape[0]!, { backend })) return number(() => loss(x, y));
  throw new Error("there is no case");
}

type Scores = (x: Tensor) => Tensor;
const pictures = (build: () => Scores, load: typeof mnist | typeof cifar10, mode: boolean) => async (end: number) => {
  const [model, { train, test }] = [build(), await load()];
  const result = await measure(model, subset(test, { end }), backend);
  const loss = await lossOf(subset(train, { end }), (x, y) => training(mode, () => crossEntropy(model(x), y)));
  return { model, result, loss };
};

async function reviews(end: number) {
  const model = SentimentGRU(30_000);
  const { train, test } = await imdb({ words: 30_000, length: 150 });
  const result = await measure(model.logits, subset(test, { end }), backend);
  const { inputs: images, labels } = subset(train, { end });
  return { model, result, loss: await lossOf({ images, labels }, (x, y) => sentimentLoss(model, x, y)) };
}

/** Their codes are certain, so that noise, of which each side has its own, changes nothing. */
async function codes(end: number) {
  const [model, { train, test }] = [VAE(20), await mnist()];
  const bound = (cases: typeof train) =>
    lossOf(subset(cases, { end }), (x) => vaeLoss(model, x, backend.zeros([end, 20])));
  params(model.encoder).at(-1)!.value = backend.tensor(
    Float32Array.from({ length: 40 }, (_, k) => (k < 20 ? 0.1 : -60)),
  );
  return { model, loss: await bound(train), result: -(await bound(test)) };
}

const tags = (chars: boolean) => async (end: number) => {
  const { train, validation, classes } = await wikiner();
  const [learned, sentences] = [train.slice(0, end), validation.slice(0, end)];
  const text = learned.map(({ words }) => words);
  const known = vocabulary(text, { minCount: 6, unknown: "<unk>" });
  const letters = vocabulary(text.flat().map(characters), { specials: ["<*>"], unknown: "<unk>" });
  const model = Tagger(known.size, classes.length, chars ? letters.size : undefined);
  function scores(words: readonly string[]): Tensor {
    const rare = chars ? [...words.keys()].filter((at) => !known.has(words[at]!)) : [];
    const spellings = rare.map((at) => letters.encode(["<*>", ...characters(words[at]!), "<*>"]));
    const spelled = {
      at: backend.tensor(Int32Array.from(rare)),
      lengths: spellings.map(({ length }) => length),
    };
    const x = backend.tensor(known.encode(words));
    if (rare.length === 0) return model(x);
    return model(x, { ...spelled, letters: padSequence(spellings.map((spelling) => backend.tensor(spelling))) });
  }
  let [loss, right, all] = [0, 0, 0];
  for (const { words, labels } of learned)
    loss += await number(() => crossEntropy(scores(words), backend.tensor(labels), { reduction: "sum" }));
  for (const { words, labels } of sentences) {
    const guesses = await scope(() => argmax(scores(words), { axis: 1 }).data());
    right += labels.filter((label, at) => label === guesses[at]).length;
    all += labels.length;
  }
  const vocabularies = { ids: known.tokens, ...(chars && { spellings: letters.tokens }) };
  return { model, loss, result: right / all, vocabularies };
};

const rows: readonly Row[] = [
  { args: ["lenet"], data: "mnist", limit: 100, inTraining: true, found: pictures(LeNet, mnist, true) },
  { args: ["vgg"], data: "cifar10", limit: 64, inTraining: false, found: pictures(VGG, cifar10, false) },
  {
    args: ["cifar-batchnorm"],
    data: "cifar10",
    limit: 64,
    inTraining: true,
    found: pictures(BatchNormCNN, cifar10, true),
  },
  { args: ["gru"], data: "imdb", limit: 64, inTraining: true, found: reviews },
  { args: ["vae"], data: "mnist", limit: 100, inTraining: true, found: codes },
  { args: ["tagger"], data: "wikiner", limit: 60, inTraining: true, found: tags(false) },
  { args: ["tagger", "--chars"], data: "wikiner", limit: 60, inTraining: true, found: tags(true) },
];

describe("accuracy.py", () => {
  test.for(rows)("$args: parameters, loss and result are Weft's", { timeout: 120_000 }, async (row, { skip }) => {
    skip(without !== undefined, without);
    const { args, data, limit, inTraining } = row;
    const all = process.env["WEFT_DATA"];
    skip(all === undefined || !existsSync(join(all, data)), `WEFT_DATA has no ${data}`);
    const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const weights = join(folder, "weights.safetensors");
    seed(1);
    const { model, vocabularies = {}, ...ours } = await row.found(limit);
    await save(weights, model);
    const asked = [
      "-B",
      "-c",
      check,
      weights,
      String(inTraining),
      JSON.stringify(vocabularies),
      ...args,
      "--limit",
      String(limit),
    ];
    const env = { ...process.env, PYTHONPATH: folderOfPython };
    const theirs = JSON.parse(execFileSync(python, asked, { encoding: "utf8", env })) as typeof ours & {
      readonly parameters: number;
    };
    expect(theirs.parameters).toBe(params(model).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0));
    expect(Math.abs(theirs.loss / ours.loss - 1)).toBeLessThan(1e-4);
    expect(Math.abs(theirs.result / ours.result - 1)).toBeLessThan(1e-6);
  });
});
