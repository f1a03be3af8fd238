// Training in a worker, so that it does not block the page: the data, the model, the loop, and predictions between
// steps. Only the name of the backend says whether it runs on the CPU or on a GPU.
import { mul, scope, softmax, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { cycle, digits, minibatch, type Labeled, type Split } from "@weft/data";
import { crossEntropy, params, place, seed as startNumbering } from "@weft/nn";
import { minimize, sgd, type Optimizer } from "@weft/optim";
import { openBackend, type BackendName } from "../src/backends.ts";
import { LeNet } from "../src/models/lenet.ts";
import type { Classifier } from "../src/images/classifier-recipe.ts";
import { measure } from "../src/training/evaluation.ts";
import { handle, type Handlers, type Report, type Request, type Requests, type Sample } from "./messages.ts";
import type { Settings } from "./settings.ts";

/** Every so many steps the accuracy is measured on the test pictures. */
const MEASURE_EVERY = 20;

let settings: Settings;
let data: Split;
let model: Classifier;
let optimizer: Optimizer;
let backend: Backend & Creation;
let step = 0;

function begin(wanted: Settings): void {
  settings = wanted;
  data = digits({ train: settings.images, test: settings.test });
  startNumbering(settings.seed);
  model = LeNet();
  optimizer = sgd({ lr: 0.1 });
  const parameters = params(model).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b), 0);
  tell({ kind: "begun", parameters, samples: samplesOf(data.test) });
}

const opened = new Map<BackendName, Backend & Creation>();

async function use(name: BackendName): Promise<void> {
  try {
    backend = opened.get(name) ?? (await openBackend(name, settings.seed));
  } catch (error) {
    return tell({ kind: "missing", backend: name, reason: reasonOf(error) });
  }
  opened.set(name, backend);
  await place(model, backend); // with the optimizer's state
  tell({ kind: "using", backend: name });
}

async function train(until: number, signal: AbortSignal): Promise<void> {
  const { batch, seed } = settings;
  const batches = minibatch(data.train, batch, { backend, shuffle: true, seed: seed + step });
  const loss = (x: Tensor, y: Tensor) => crossEntropy(model(x), y);
  if (step === 0) await reportAccuracy();
  if (step < until && !signal.aborted)
    for await (const value of minimize(loss, cycle(batches), optimizer)) {
      step++;
      const last = step === until || signal.aborted;
      if (last || late) await read(value);
      else if (!reading) void read(value).catch(trouble); // the steps do not wait for it
      if (last) break;
      if (step % MEASURE_EVERY === 0) await reportAccuracy();
    }
  tell({ kind: "stopped", step });
  await reportAccuracy();
}

const reportAccuracy = async (): Promise<void> =>
  tell({ kind: "accuracy", step, accuracy: await measure(model, data.test, backend) });

/** The longest wait for a prediction, in milliseconds: it waits for the steps that are queued before it. */
const LONGEST_WAIT = 30;

/** Whether a loss is being read. */
let reading = false;
/**
 * Whether the last read took longer: then each step waits for the one before. True at first, since that one compiles.
 */
let late = true;

async function read(loss: Tensor): Promise<void> {
  const at = step;
  const asked = performance.now();
  reading = true;
  try {
    tell({ kind: "loss", step: at, loss: await loss.item() });
  } finally {
    reading = false;
    late = performance.now() - asked > LONGEST_WAIT;
  }
}

async function guess(picture: Uint8Array): Promise<void> {
  const probabilities = await scope(() => {
    const x = backend.tensor(picture, { shape: [1, 1, 28, 28] });
    return softmax(model(mul(x, 1 / 255))).data();
  });
  tell({ kind: "guessed", probabilities: Array.from(probabilities) });
}

/** One test picture of each class. */
function samplesOf({ images, labels }: Labeled): Sample[] {
  const first = new Map(Array.from(labels.data, (label, i) => [label, i] as const).toReversed());
  return [...first]
    .toSorted(([a], [b]) => a - b)
    .map(([label, i]) => ({ label, picture: images.data.slice(i * 784, (i + 1) * 784) }));
}

const tell = (report: Report): void => postMessage(report);
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const trouble = (error: unknown): void => tell({ kind: "trouble", reason: reasonOf(error) });

/** Whatever changes the model runs one after the other. */
let queue: Promise<void> = Promise.resolve();
const enqueue = (f: () => void | Promise<void>): Promise<void> => (queue = queue.then(f).catch(trouble));
/** Resolves when the model is on the backend that was last asked for. */
let placed = queue;
let training = new AbortController();

const handlers: Handlers<Requests> = {
  begin: ({ settings }) => enqueue(() => begin(settings)),
  use: ({ backend }) => enqueue(() => (placed = use(backend))),
  train({ until }) {
    const { signal } = (training = new AbortController());
    return enqueue(() => train(until, signal));
  },
  stop: () => training.abort(),
  guess: ({ picture }) => placed.then(() => guess(picture)).catch(trouble),
};

addEventListener("message", ({ data }: MessageEvent<Request>) => void handle(handlers, data));
