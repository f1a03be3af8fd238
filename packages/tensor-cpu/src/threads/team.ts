// Divides the levels of a plan among threads: which are worth it, and in which pieces; and starts workers, when work has
// come up that they would have helped with. The result has the same bits however many threads there are: no sum is divided.
import type { CallOperand } from "@weft/kernel";
import type { WriteModule } from "@weft/kernel/machine";
import { MemoryError, WeftError } from "@weft/tensor";
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import { aligned, type Call, type Common, type Prepared } from "../calls/call.ts";
import type { Heap } from "../heap.ts";
import { operationsOf } from "../launch-times.ts";
import { located, roundsOf, runStep, stretchOf, type CallStep, type KernelStep, type Step } from "../steps.ts";
import { nameOfKernel, writeKernel } from "../translate/index.ts";
import type { PoolOptions } from "./pool-options.ts";
import { Pool, Unrecordable } from "./worker-pool.ts";
import { Recording } from "./recording.ts";

/** Nanoseconds that a level takes at least to be worth dividing, and about those of a piece at least. */
const LEVEL = 40_000;
const PIECE = 20_000;
/** Pieces for each thread at most: none waits long for the last one. */
const EACH = 4;
/**
 * Starting a worker takes the main thread some 40 ms. So the next one is started after so many nanoseconds of work that
 * could be divided, for each thread that there is: while all of them work, about that long passes.
 */
const START = 50e6;
/** Workers compile all modules again only after so many nanoseconds of work with those that they have. */
const RENEW = 1e9;
/** After memory was full, workers are started again only after so many nanoseconds of work. */
const LEFT = 1e10;
/** Bytes of scratch memory for all pieces together, and of what they share. */
const SCRATCH = 1 << 26;
/** A multiply-add, a byte that is read or written, and an instruction for an element of a kernel, in nanoseconds. */
const cost = { product: 1 / 25, byte: 1 / 10, instruction: 1 / 10 } as const;

/** A kernel that is offered in pieces. */
interface KernelPart {
  readonly step: KernelStep;
  readonly routine: number;
  /** Steps of loop 0 in a piece. */
  readonly range: number;
}
/** A call that is offered in pieces. */
interface CallPart {
  readonly step: CallStep;
  /** The call, prepared so that it records. */
  readonly call: Prepared;
  /** Its epilogue: the routine, its steps of loop 0 for all units, and how many units run before it does. */
  readonly after: { readonly routine: number; readonly total: number; readonly stretch: number } | undefined;
  readonly range: number;
  readonly rangeOfFirst: number;
  /** The offset, in the memory of the level, of what its `first` writes. */
  readonly first: number;
  /** Whether it runs on the main thread after all, since it has too many commands. */
  undivided: boolean;
}
/** A step that runs on the main thread. */
interface Undivided {
  readonly step: Step;
  readonly undivided: true;
}
type Part = KernelPart | CallPart | Undivided;

/** How threads share the levels of a plan that are worth it. */
export interface Division {
  /** The generation of modules that its routines belong to. */
  readonly generation: number;
  /** By level; undefined for one that is not divided. */
  readonly levels: readonly (readonly Part[] | undefined)[];
  /** Bytes that `first` of all calls of a level write, and scratch memory of each of the pieces that may be in work. */
  readonly first: number;
  readonly scratch: number;
  readonly pieces: number;
}

/** What is divided: the steps of each level, about how long each level that is worth it takes, and what one thread needs. */
export interface Divisible {
  readonly levels: readonly (readonly Step[])[];
  readonly times: readonly number[];
  readonly time: number;
  readonly first: number;
  readonly scratch: number;
}

/** Finds the call of a step that may be divided. */
type CallOf = (step: CallStep) => Call<unknown> | undefined;

const bytesOf = ({ shape, dtype }: CallOperand): number => sizeOf(shape) * dtypeInfo[dtype].bytes;

/** About how long a step takes, in nanoseconds. */
function timeOf(step: Step): number {
  if ("end" in step) {
    const { kernel } = step.launch;
    return roundsOf(step.launch) * (kernel.code.length * cost.instruction + kernel.operands.length * 4 * cost.byte);
  }
  const { outs, inputs } = step.launch;
  const bytes = [...outs, ...inputs].reduce((n, operand) => n + bytesOf(operand), 0);
  return bytes * cost.byte + (step.call.products ?? 0) * cost.product;
}

/** How many pieces a step is divided into; none if it runs on the main thread. */
function piecesOf(part: Part): number {
  if ("routine" in part) return Math.ceil(part.step.end / part.range);
  return "call" in part ? Math.ceil(part.call.units / part.range) : 0;
}

export class Team {
  readonly #heap: Heap;
  #threads: number;
  /** How much less work is worth dividing: for tests. */
  readonly #eager: number;
  readonly #options: PoolOptions;
  #pool: Pool | undefined;
  /** Nanoseconds of work that could be divided since the last worker was started, and since the generation began. */
  #sinceStart = 0;
  #sinceRenewal = 0;
  #generation = 0;
  #recording: Recording | undefined;
  readonly #routines = new Map<string, number | undefined>();

  constructor(heap: Heap, threads: number, eager = 1, options: PoolOptions = {}) {
    this.#heap = heap;
    this.#threads = heap.shared ? threads : 1;
    this.#eager = eager;
    this.#options = options;
  }

  /** How many threads there may be, the main one among them. */
  get threads(): number {
    return this.#threads;
  }

  /** Workers that are there: none before there was work to divide. */
  get begun(): number {
    return this.#pool?.begun ?? 0;
  }

  /** Bytes of the heap that hold what workers need, and pieces that they have claimed. */
  get bytes(): number {
    return this.#pool?.bytes ?? 0;
  }
  get helped(): number {
    return this.#pool?.helped ?? 0;
  }

  /** About how many nanoseconds the steps of a level take; 0 if it is not worth dividing. */
  timeOf(steps: readonly Step[]): number {
    if (this.#threads === 1) return 0;
    const time = steps.reduce((n, step) => n + timeOf(step), 0);
    return time * this.#eager < LEVEL ? 0 : time;
  }

  /**
   * How the threads share a plan that is to run now, `known` the last time. Undefined while there are no others: then
   * nothing is compiled for them.
   */
  divide(plan: Divisible, known: Division | undefined, callOf: CallOf): Division | undefined {
    if (this.#threads === 1) return undefined;
    const time = plan.time * this.#eager;
    if (time === 0) return undefined;
    this.#sinceStart += time;
    this.#sinceRenewal += time;
    this.#recruit();
    const pool = this.#pool;
    if (pool === undefined || pool.begun === 0) return undefined;
    if (known?.generation === this.#generation) return known;
    const division = this.#divide(plan, callOf);
    if (!pool.full || this.#sinceRenewal < RENEW) return division;
    pool.renew();
    this.#sinceRenewal = 0;
    this.#forget();
    return this.#divide(plan, callOf);
  }

  /** Starts another worker if there has been work for it, and the last one has begun. */
  #recruit(): void {
    const started = this.#pool?.started ?? 0;
    if (started === this.#threads - 1 || this.#sinceStart < START * (started + 1)) return;
    this.#sinceStart = 0;
    try {
      this.#pool ??= new Pool(this.#heap, this.#options);
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      return; // there may be some later
    }
    const { begun, ended } = this.#pool;
    if (begun === started && this.#pool.start()) return;
    // One that ends at once was forbidden.
    if (begun === 0 && ended === started) this.end();
  }

  /** Ends all workers: from now on there is one thread. */
  end(): void {
    this.#threads = 1;
    this.leave();
  }

  /**
   * Ends all workers where memory is full: others are started after much more work. Returns whether that gave memory back.
   * Not while a division is in use.
   */
  leave(): boolean {
    const pool = this.#pool;
    this.#pool = undefined;
    pool?.end();
    this.#forget();
    this.#sinceStart = -LEFT;
    return pool !== undefined;
  }

  /** Another generation begins. */
  #forget(): void {
    this.#generation++;
    this.#recording = undefined;
    this.#routines.clear();
  }

  #divide(plan: Divisible, callOf: CallOf): Division {
    this.#recording ??= new Recording(this.#heap, this.#pool!, this.#threads);
    let { first, scratch } = plan;
    const levels = plan.levels.map((steps, level) => {
      if (plan.times[level] === 0) return undefined;
      let top = plan.first;
      const parts = steps.map((step): Part => {
        const part = "end" in step ? this.#kernelPart(step) : this.#callPart(step, top, callOf(step));
        if (part !== undefined && "call" in part) {
          top += aligned(part.call.first?.bytes ?? 0);
          scratch = Math.max(scratch, part.call.scratch);
        }
        return part ?? { step, undivided: true };
      });
      const pieces = parts.reduce((n, part) => n + piecesOf(part), 0);
      if (pieces < 2 || top - plan.first > this.#most()) return undefined;
      first = Math.max(first, top);
      return parts;
    });
    const pieces = Math.max(1, Math.min(this.#threads * EACH, Math.floor(this.#most() / Math.max(scratch, 1))));
    return { generation: this.#generation, levels, first, scratch, pieces };
  }

  /** Bytes that all pieces may have for themselves, and bytes that they may share. */
  #most(): number {
    return Math.min(SCRATCH, this.#heap.limit / 32);
  }

  /** The least multiple of `step` that makes no more pieces of `units` than are worth it. */
  #range(units: number, time: number, step: number, grain: number): number {
    const pieces = Math.max(1, Math.min(this.#threads * EACH, Math.floor((time * this.#eager) / PIECE)));
    return Math.ceil(Math.max(grain, units / pieces) / step) * step;
  }

  #routine({ launch: { kernel }, wasm }: KernelStep): number | undefined {
    const key = `${wasm} ${kernel.key}`;
    if (!this.#routines.has(key)) {
      const write: WriteModule = (m, machine) => writeKernel(m, kernel, machine);
      const recording = wasm ? this.#recording!.wasm : this.#recording!;
      this.#routines.set(key, recording.numbers(nameOfKernel(kernel), write)?.["run"]);
    }
    return this.#routines.get(key);
  }

  #kernelPart(step: KernelStep): KernelPart | undefined {
    const { kernel } = step.launch;
    if (kernel.rank <= kernel.reduced) return undefined; // loop 0 is reduced
    const routine = this.#routine(step);
    return routine === undefined
      ? undefined
      : { step, routine, range: this.#range(step.end, timeOf(step), kernel.lanes === 0 ? 16 : 1, 1) };
  }

  #callPart(step: CallStep, first: number, call: Call<unknown> | undefined): CallPart | undefined {
    const { launch, after } = step;
    if (call === undefined) return undefined;
    try {
      // For the machine that the step is prepared for: they have tables and bits in common.
      const recording = step.wasm ? this.#recording!.wasm : this.#recording!;
      const prepared = call.prepare(recording, launch.attrs, launch.outs, launch.inputs);
      const { units, first: before, grain = 1 } = prepared;
      const routine = after && this.#routine(after);
      if (after !== undefined && routine === undefined) return undefined;
      const [out] = launch.outs;
      // A range ends where a step of the epilogue does.
      const inSteps = after === undefined || Number.isInteger(after.total / units);
      const each = inSteps ? 1 : Math.max(1, units / out.shape[0]!);
      return {
        step,
        call: prepared,
        after: routine === undefined ? undefined : { routine, total: after!.total, stretch: stretchOf(prepared, out) },
        range: this.#range(units, timeOf(step), each, grain),
        rangeOfFirst: before === undefined ? 0 : Math.ceil(before.units / (this.#threads * EACH)),
        first,
        undivided: false,
      };
    } catch (error) {
      if (error instanceof Unrecordable) return undefined;
      throw error;
    }
  }

  /**
   * Runs a level, on as many threads as have time. `base`: the plan's block; `memory` and `scratch`: for what `first` of
   * its calls write, and for the pieces.
   */
  run(
    { levels, scratch: each, pieces }: Division,
    { times }: Divisible,
    level: number,
    address: Float64Array,
    base: number,
    memory: number,
    scratch: number,
  ): void {
    const pool = this.#pool!;
    const parts = levels[level]!;
    let used = 0;
    /** Scratch memory that no piece in work has. */
    const place = (): number => {
      if (used === pieces) {
        pool.finish();
        used = 0;
      }
      return scratch + each * used++;
    };
    const commonOf = ({ step, first }: CallPart): Common => located(step, address, base, memory + first);
    pool.expected = times[level]!;
    try {
      for (const part of parts)
        if ("call" in part && !part.undivided && part.call.first !== undefined) this.#first(part, commonOf(part));
      pool.finish();
      for (const part of parts)
        if ("routine" in part) this.#kernel(part, base);
        else if ("call" in part && !part.undivided) this.#call(part, commonOf(part), base, place);
      // While others work: what cannot be divided, and what turned out to be no piece.
      for (const part of parts)
        if ("undivided" in part && part.undivided) runStep(part.step, address, base, memory, place());
    } finally {
      try {
        pool.finish();
      } finally {
        if (pool.lost) this.end();
      }
    }
  }

  #kernel({ step, routine, range }: KernelPart, base: number): void {
    const pool = this.#pool!;
    const name = (): string => operationsOf(step.launch);
    for (let begin = 0; begin < step.end; begin += range)
      pool.piece(name, () => pool.call(routine, [base + step.args, begin, Math.min(begin + range, step.end)]));
  }

  #first(part: CallPart, common: Common): void {
    const { call, step, rangeOfFirst } = part;
    const { units, run } = call.first!;
    const name = (): string => operationsOf(step.launch);
    for (let begin = 0; begin < units; begin += rangeOfFirst) {
      const end = Math.min(begin + rangeOfFirst, units);
      if (!this.#pool!.piece(name, () => run([common.first], step.inputs, 0, begin, end, common)))
        part.undivided = true;
    }
  }

  #call(part: CallPart, common: Common, base: number, place: () => number): void {
    const pool = this.#pool!;
    const { call, step, after, range } = part;
    const { outs, inputs } = step;
    const stretch = after?.stretch ?? call.units;
    const name = (): string => operationsOf(step.launch);
    for (let from = 0; from < call.units; from += range) {
      const until = Math.min(from + range, call.units);
      const scratch = place();
      const record = (): void => {
        for (let begin = from; begin < until; begin += stretch) {
          const end = Math.min(begin + stretch, until);
          call.run(outs, inputs, scratch, begin, end, common);
          if (after === undefined) continue;
          const at = (unit: number): number => (unit * after.total) / call.units;
          pool.call(after.routine, [base + step.after!.args, at(begin), at(end)]);
        }
      };
      if (pool.piece(name, record, from === 0)) continue;
      if (from > 0)
        throw new WeftError(
          `${name()}: tensor-cpu divides it among threads and wanted at most twice the commands of its first piece in units ${from} to ${until}, got more`,
        );
      part.undivided = true;
      return;
    }
  }
}
