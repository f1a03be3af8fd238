// A page's cells as the reader sees them: their code, what they showed on each backend, and the buttons.
import { computed, ref, shallowReactive } from "vue";
import { backendIn, backends, chosen, missingWebGpu, onBackend, type BackendName, type Choice } from "./backends.ts";
import type { Begun } from "./kept.ts";
import type { Port, Report } from "./messages.ts";
import type { Emit } from "./output.ts";
import type { Outcome } from "./run.ts";
import { Session, type SessionCell } from "./session.ts";
import { transcript, type Item } from "./transcript.ts";

/** A run of a cell on a backend. */
export interface RunView {
  state: "new" | "running" | "done" | "failed";
  milliseconds: number;
  readonly items: Item[];
  /** Grows when a curve gets a point. */
  moved: number;
  /** Whether the code that ran last was the reader's, or a link's. */
  own: boolean;
}

export interface CellView {
  /** The code as the page has it. */
  readonly original: string;
  /** Whether the reader added it. */
  readonly added: boolean;
  /** The code as the reader left it; in both the line of `open` says the CPU, and is changed when it runs. */
  code: string;
  readonly runs: Record<BackendName, RunView>;
}

const emptyRun = (): RunView =>
  shallowReactive({ state: "new", milliseconds: 0, items: shallowReactive<Item[]>([]), moved: 0, own: false });

function startWorker(): Port {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "cells" });
  let listening = new AbortController();
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- workers have none
    send: (request) => worker.postMessage(request),
    listen(report, ended) {
      // A listener takes the place of the one before it.
      listening.abort();
      listening = new AbortController();
      const { signal } = listening;
      worker.addEventListener("message", ({ data }: MessageEvent<Report>) => report(data), { signal });
      worker.addEventListener("error", ({ message }) => ended(message || "it may have run out of memory"), { signal });
    },
    terminate: () => worker.terminate(),
  };
}

export class Notebook {
  readonly cells: CellView[] = shallowReactive([]);
  readonly choice = ref<Choice>("cpu");
  /** Why WebGPU cannot be chosen; undefined if it can, or as long as nobody knows. */
  readonly missing = ref<string>();
  readonly running = computed(() =>
    this.cells.some(({ runs }) => backends.some((name) => runs[name].state === "running")),
  );
  readonly changed = computed(() => this.cells.some(({ code, original }) => code !== original));
  /** Whether a reset would lose cells with code that the reader, or a link, added. */
  readonly hasOwn = computed(() => this.cells.some(({ added, code }) => added && code.trim() !== ""));
  /** The cell at which the last run of all stopped, from 1. */
  readonly stoppedAt = ref<number>();
  /** What the cells of this page begin with, besides what the page says. */
  begun: Begun | undefined;
  /** Grows with each reset: cells that were added go then. */
  readonly resets = ref(0);
  readonly #sessions: Record<BackendName, Session>;
  #faces = new Map<CellView, Record<BackendName, SessionCell>>();
  #generation = 0;

  constructor(start: () => Port = startWorker) {
    const session = (name: BackendName): Session =>
      new Session(start, () => this.cells.map((cell) => this.#face(cell)[name]));
    this.#sessions = { cpu: session("cpu"), webgpu: session("webgpu") };
  }

  /** Takes WebGPU if there is one. */
  async choose(): Promise<void> {
    this.missing.value = await missingWebGpu();
    if (this.missing.value === undefined) this.choice.value = "webgpu";
  }

  add(code: string, added = false): CellView {
    const original = onBackend(code, "cpu");
    const runs = { cpu: emptyRun(), webgpu: emptyRun() };
    const cell: CellView = shallowReactive({ original, added, code: original, runs });
    this.cells.push(cell);
    return cell;
  }

  /** Takes what the reader wrote; whoever names another backend in it has chosen that. */
  write(cell: CellView, code: string): void {
    const named = backendIn(code);
    if (named !== undefined && this.choice.value !== "both" && named !== this.choice.value) this.choice.value = named;
    cell.code = onBackend(code, "cpu");
  }

  /** Called when the reader leaves the page, or removes a cell of their own. A cell that is gone must not run on. */
  remove(cell: CellView): void {
    if (backends.some((name) => cell.runs[name].state === "running")) this.stop();
    const i = this.cells.indexOf(cell);
    if (i !== -1) this.cells.splice(i, 1);
    this.#faces.delete(cell);
    if (this.cells.length === 0) this.stop();
  }

  /** Runs a cell and what above it has not run, on the chosen backends, one after the other so that times compare. */
  async run(cell: CellView): Promise<void> {
    await this.#onEach((session, name) => session.run(this.#face(cell)[name]));
  }

  async runAll(): Promise<void> {
    const names = chosen(this.choice.value);
    if (await this.#onEach((session) => session.runAll())) return;
    const place = this.cells.findIndex(({ runs }) => names.some((name) => runs[name].state === "failed"));
    if (place !== -1) this.stoppedAt.value = place + 1;
  }

  stop(): void {
    this.#generation++;
    for (const name of backends) this.#sessions[name].stop();
  }

  /** The page as it was. */
  reset(): void {
    this.stop();
    this.stoppedAt.value = undefined;
    for (const cell of this.cells) {
      cell.code = cell.original;
      for (const name of backends) {
        const run = cell.runs[name];
        run.items.length = 0;
        run.state = "new";
        run.own = false;
      }
    }
    this.resets.value++;
  }

  async #onEach(run: (session: Session, name: BackendName) => Promise<boolean>): Promise<boolean> {
    const generation = this.#generation;
    this.stoppedAt.value = undefined;
    let ok = true;
    for (const name of chosen(this.choice.value))
      if (generation === this.#generation) ok = (await run(this.#sessions[name], name)) && ok;
    return ok;
  }

  #face(cell: CellView): Record<BackendName, SessionCell> {
    const known = this.#faces.get(cell);
    if (known !== undefined) return known;
    const face = { cpu: this.#sessionCell(cell, "cpu"), webgpu: this.#sessionCell(cell, "webgpu") };
    this.#faces.set(cell, face);
    return face;
  }

  #sessionCell(cell: CellView, name: BackendName): SessionCell {
    const run = cell.runs[name];
    return {
      source: () => onBackend(cell.code, name),
      // What was taken back may still have an effect on cells that have not run since.
      changed: () => this.changed.value || this.cells.some(({ runs }) => runs[name].own),
      begin(): Emit {
        run.items.length = 0;
        run.state = "running";
        run.own = cell.code !== cell.original;
        return transcript(run.items, () => run.moved++);
      },
      end({ ok, milliseconds }: Outcome): void {
        if (run.state !== "running") return; // a reset was faster
        run.state = ok ? "done" : "failed";
        run.milliseconds = milliseconds;
      },
    };
  }
}
