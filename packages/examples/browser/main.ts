// The page: drawings go to the worker, and its reports go into charts. No training happens here, so the page responds
// at once whatever the worker does.
import type { BackendName } from "../src/backends.ts";
import { bars } from "./bars.ts";
import { curve } from "./curve.ts";
import { handle, type Handlers, type Report, type Reports, type Request, type Sample } from "./messages.ts";
import { pad, paint } from "./pad.ts";
import { settingsFrom } from "./settings.ts";
import { CELLS } from "./sheet.ts";

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
/** Sets a text if it differs, so that screen readers announce changes only. */
function say(id: string, text: string): void {
  if (element(id).textContent !== text) element(id).textContent = text;
}
const choice = (name: BackendName): HTMLInputElement => element(`backend-${name}`);
const names: Record<BackendName, string> = { cpu: "the CPU", webgpu: "WebGPU" };
const chosen = (): BackendName => (choice("cpu").checked ? "cpu" : "webgpu");
const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;
const count = (n: number): string => n.toLocaleString("en");

const settings = settingsFrom(location.search);
const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module", name: "training" });
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
const ask = (request: Request): void => worker.postMessage(request);

/** Requests for predictions: one at a time, always for the newest picture. */
const guesses = {
  picture: undefined as Uint8Array | undefined,
  waiting: false,
  stale: false,
  /** Whether the sheet was cleared since the request: the answer is for an old picture. */
  outdated: false,
  ask(): void {
    this.stale = this.picture !== undefined;
    if (!this.stale || this.waiting || !ready) return;
    this.stale = false;
    this.waiting = true;
    this.outdated = false;
    ask({ kind: "guess", picture: this.picture! });
  },
};

const chances = bars(element("bars"), element("answer"));
const sheet = pad(element("sheet"), (picture) => {
  guesses.picture = picture;
  paint(element("seen"), picture);
  element("sheet-hint").hidden = picture !== undefined;
  if (picture === undefined) {
    guesses.outdated = guesses.waiting;
    chances.show(undefined);
  }
  guesses.ask();
});
const losses = curve(element("loss-curve"), "Loss", {
  ticks: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
  label: (x) => x.toPrecision(1),
  height: Math.log,
  smooth: 10,
});
const accuracies = curve(element("accuracy-curve"), "Test accuracy", {
  ticks: [0, 0.25, 0.5, 0.75, 1],
  label: (x) => `${(100 * x).toFixed(0)}%`,
  height: (x) => x,
  smooth: 1,
});

let ready = false;
let running = false;
/** Whether training resumes once the model is on its new backend. */
let resume = false;

function run(yes: boolean): void {
  running = yes;
  const button = element<HTMLButtonElement>("run");
  button.textContent = yes ? "Stop" : "Start training";
  button.classList.toggle("stop", yes);
  if (yes) {
    say("status", `The first step on ${names[chosen()]}: its kernels are being compiled …`);
    ask({ kind: "train", until: settings.steps });
  } else ask({ kind: "stop" });
}

function use(backend: BackendName): void {
  resume ||= running;
  if (running) run(false);
  ready = false;
  element<HTMLButtonElement>("run").disabled = true;
  choice(backend).checked = true;
  say("status", `Moving the model to ${names[backend]} …`);
  ask({ kind: "use", backend });
}

/** Times of the steps in the last seconds of training. */
const speed: { at: number; step: number }[] = [];

const handlers: Handlers<Reports> = {
  begun({ parameters, samples }) {
    say(
      "facts",
      `LeNet, ${count(parameters)} parameters, learns from ${count(settings.images)} digits drawn in this page.`,
    );
    element("samples").replaceChildren(...samples.map(sampleButton));
    // Only now: a canvas gets its colors when it is added to the page.
    samples.forEach(({ label, picture }) => paint(element(`sample-${label}`), picture));
  },
  using({ backend }) {
    ready = true;
    guesses.waiting = false;
    element<HTMLButtonElement>("run").disabled = false;
    say("status", `Ready on ${names[backend]}.`);
    if (resume) run(true);
    resume = false;
    guesses.ask();
  },
  missing({ backend, reason }) {
    choice(backend).disabled = true;
    say("note", reason);
    if (backend !== "cpu") use("cpu");
  },
  loss({ step, loss }) {
    const now = performance.now();
    speed.push({ at: now, step });
    while (speed.length > 2 && now - speed[0]!.at > 5000) speed.shift();
    const [first, last] = [speed[0]!, speed.at(-1)!];
    const rate = (1000 * settings.batch * (last.step - first.step)) / (last.at - first.at);
    say("step", count(step));
    say("epoch", ((step * settings.batch) / settings.images).toFixed(1));
    say("loss", loss.toFixed(4));
    if (Number.isFinite(rate)) say("speed", count(Math.round(rate)));
    if (running) say("status", `Training on ${names[chosen()]} …`);
    losses.add(step, loss);
    guesses.ask();
  },
  accuracy({ step, accuracy }) {
    say("accuracy", percent(accuracy));
    accuracies.add(step, accuracy);
    guesses.ask();
  },
  stopped({ step }) {
    speed.length = 0;
    say("status", `Stopped after ${count(step)} steps. What it has learned is kept.`);
    if (running && step >= settings.steps) run(false);
  },
  guessed({ probabilities }) {
    guesses.waiting = false;
    if (guesses.picture !== undefined && !guesses.outdated) chances.show(probabilities);
    if (guesses.stale) guesses.ask();
  },
  trouble({ reason }) {
    guesses.waiting = false;
    say("note", `${reason} Reload the page to start again.`);
    if (running) run(false);
  },
};

function sampleButton({ label, picture }: Sample): HTMLElement {
  const button = document.createElement("button");
  const canvas = document.createElement("canvas");
  canvas.id = `sample-${label}`;
  canvas.width = canvas.height = 2 * CELLS;
  button.type = "button";
  button.ariaLabel = `Show a ${label} from the test set`;
  button.append(canvas);
  button.addEventListener("click", () => sheet.show(picture));
  return button;
}

element("run").addEventListener("click", () => run(!running));
element("clear").addEventListener("click", () => sheet.show(undefined));
for (const name of ["cpu", "webgpu"] as const) choice(name).addEventListener("change", () => use(name));
worker.addEventListener("message", ({ data }: MessageEvent<Report>) => void handle(handlers, data));
worker.addEventListener("error", ({ message }) =>
  handlers.trouble({ reason: message || "The worker could not be started." }),
);

ask({ kind: "begin", settings });
const adapter = (await navigator.gpu?.requestAdapter()) ?? undefined;
if (adapter === undefined) {
  choice("webgpu").disabled = true;
  say("note", "WebGPU is not available here, so the model runs on the CPU.");
} else {
  const { vendor, architecture } = adapter.info;
  names.webgpu = `WebGPU (${[vendor, architecture].filter(Boolean).join(" ") || "unnamed device"})`;
}
use(adapter === undefined ? "cpu" : (settings.backend ?? "webgpu"));
