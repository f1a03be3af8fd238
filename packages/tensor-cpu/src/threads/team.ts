// Divides the levels of a plan among threads: which are worth it, and in which pieces. The result has the same bits
// however many threads there are: no sum is divided.
import { layout, type CallOperand, type Kernel, type KernelLaunch } from "@weft/kernel";
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import { aligned, type Call, type Common, type Prepared } from "../calls/call.ts";
import type { Heap } from "../heap.ts";
import { located, runStep, stretchOf, type CallStep, type KernelStep, type Step } from "../steps.ts";
import { translate } from "../translate/index.ts";
import { Pool, Unrecordable } from "./pool.ts";
import { Recording } from "./recording.ts";

/** Nanoseconds that a level takes at least to be worth dividing, and about those of a piece. */
const LEVEL = 40_000;
const PIECE = 20_000;
/** Pieces for each thread, so that none waits long for the last one. */
const EACH = 4;
/** Bytes of scratch memory for all pieces together, and of what they share. */
const SCRATCH = 1 << 26;
/** A multiply-add, a byte that is read or written, and an instruction for an element of a kernel, in nanoseconds. */
const cost = { product: 1 / 25, byte: 1 / 10, instruction: 1 / 10 } as const;

/** A step whose ranges are offered in pieces. */
interface KernelShare {
  readonly step: KernelStep;
  readonly routine: number;
  /** Steps of loop 0 in a piece. */
  readonly range: number;
}
interface CallShare {
  readonly step: CallStep;
  /** The call, prepared so that it records. */
  readonly call: Prepared;
  /** Its epilogue: the routine, its steps of loop 0 for all units, and how many units run before it does. */
  readonly after: { readonly routine: number; readonly total: number; readonly stretch: number } | undefined;
  readonly range: number;
  readonly rangeOfFirst: number;
  /** Where its ranges find what `first` has written. */
  readonly shared: number;
  /** Whether it runs on the main thread, since it cannot be recorded. */
  alone: boolean;
}
/** A step that runs on the main thread. */
interface Alone {
  readonly step: Step;
  readonly alone: true;
}
export type Share = KernelShare | CallShare | Alone;

interface Scratch {
  readonly scratch: number;
  readonly pieces: number;
}

const loopsOf = ({ kernel, words }: KernelLaunch): number => {
  let size = words[layout.end]!;
  for (let loop = 1; loop < kernel.rank; loop++) size *= words[layout.size(loop)]!;
  return size;
};

const bytesOf = ({ shape, dtype }: CallOperand): number => sizeOf(shape) * dtypeInfo[dtype].bytes;

/** About how long a step takes, in nanoseconds. */
function timeOf(step: Step): number {
  if ("end" in step) {
    const { kernel } = step.launch;
    return loopsOf(step.launch) * (kernel.code.length * cost.instruction + kernel.operands.length * 4 * cost.byte);
  }
  const { outs, inputs } = step.launch;
  const bytes = [...outs, ...inputs].reduce((n, operand) => n + bytesOf(operand), 0);
  return bytes * cost.byte + (step.call.products ?? 0) * cost.product;
}

/** How many pieces a step is divided into; none if it runs on the main thread. */
function piecesOf(share: Share): number {
  if ("routine" in share) return Math.ceil(share.step.end / share.range);
  return "call" in share ? Math.ceil(share.call.units / share.range) : 0;
}

export class Team {
  readonly #heap: Heap;
  /** How many threads there may be, the main one among them. */
  readonly threads: number;
  /** How much less work is worth dividing: for tests. */
  readonly #eager: number;
  #pool: Pool | undefined;
  #recording: Recording | undefined;
  readonly #routines = new Map<string, number | undefined>();

  constructor(heap: Heap, threads: number, eager = 1) {
    this.#heap = heap;
    this.threads = heap.shared ? threads : 1;
    this.#eager = eager;
  }

  /** Workers that have begun: none before there is work to divide. */
  get begun(): number {
    return this.#pool?.begun ?? 0;
  }

  /** How the steps of a level are shared; `top`: bytes that they share so far. Undefined if that is not worth it. */
  share(
    steps: readonly Step[],
    top: number,
    callOf: (step: CallStep) => Call<unknown> | undefined,
  ): { readonly shares: readonly Share[]; readonly top: number; readonly scratch: number } | undefined {
    if (this.threads === 1) return undefined;
    const times = steps.map(timeOf);
    if (times.reduce((a, b) => a + b, 0) * this.#eager < LEVEL) return undefined;
    const begin = top;
    try {
      this.#pool ??= new Pool(this.#heap, this.threads - 1);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return undefined; // no memory beside the heap
    }
    this.#recording ??= new Recording(this.#heap, this.#pool, this.threads);
    let scratch = 0;
    const shares = steps.map((step, i): Share => {
      if ("end" in step) return this.#kernelShare(step, times[i]!) ?? { step, alone: true };
      const share = this.#callShare(step, times[i]!, top, callOf(step));
      if (share === undefined) return { step, alone: true };
      top += aligned(share.call.first?.bytes ?? 0);
      scratch = Math.max(scratch, share.call.scratch);
      return share;
    });
    const pieces = shares.reduce((n, share) => n + piecesOf(share), 0);
    return pieces < 2 || top - begin > this.#most() ? undefined : { shares, top, scratch };
  }

  /** How many pieces may be in work at a time, each with so much scratch memory. */
  piecesWith(scratch: number): number {
    return Math.max(1, Math.min(this.threads * EACH, Math.floor(this.#most() / Math.max(scratch, 1))));
  }

  /** Bytes that all pieces may have for themselves, and bytes that they may share. */
  #most(): number {
    return Math.min(SCRATCH, this.#heap.limit / 32);
  }

  /** The least multiple of `step` that makes no more pieces of `units` than are worth it. */
  #range(units: number, time: number, step: number, grain: number): number {
    const pieces = Math.max(1, Math.min(this.threads * EACH, Math.floor((time * this.#eager) / PIECE)));
    return Math.ceil(Math.max(grain, units / pieces) / step) * step;
  }

  #routine(kernel: Kernel): number | undefined {
    const { key } = kernel;
    if (!this.#routines.has(key)) {
      const bytes = translate(kernel, { shared: true, relaxed: this.#heap.relaxed });
      this.#routines.set(key, this.#pool!.learn(bytes)?.["run"]);
    }
    return this.#routines.get(key);
  }

  #kernelShare(step: KernelStep, time: number): KernelShare | undefined {
    const { kernel } = step.launch;
    if (kernel.rank <= kernel.reduced) return undefined; // loop 0 is reduced
    const routine = this.#routine(kernel);
    return routine === undefined
      ? undefined
      : { step, routine, range: this.#range(step.end, time, kernel.lanes === 0 ? 16 : 1, 1) };
  }

  #callShare(step: CallStep, time: number, shared: number, call: Call<unknown> | undefined): CallShare | undefined {
    const { launch, after } = step;
    if (call === undefined) return undefined;
    try {
      const prepared = call.prepare(this.#recording!, launch.attrs, launch.outs, launch.inputs);
      const { units, first, grain = 1 } = prepared;
      const routine = after && this.#routine(after.launch.kernel);
      if (after !== undefined && routine === undefined) return undefined;
      const [out] = launch.outs;
      // A range ends where a step of the epilogue does.
      const inSteps = after === undefined || Number.isInteger(after.total / units);
      const each = inSteps ? 1 : Math.max(1, units / out.shape[0]!);
      return {
        step,
        call: prepared,
        after: routine === undefined ? undefined : { routine, total: after!.total, stretch: stretchOf(prepared, out) },
        range: this.#range(units, time, each, grain),
        rangeOfFirst: first === undefined ? 0 : Math.ceil(first.units / (this.threads * EACH)),
        shared,
        alone: false,
      };
    } catch (error) {
      if (error instanceof Unrecordable) return undefined;
      throw error;
    }
  }

  /** Runs a level, on as many threads as have time. */
  run(
    shares: readonly Share[],
    address: Float64Array,
    base: number,
    memory: number,
    scratch: number,
    { scratch: each, pieces }: Scratch,
  ): void {
    const pool = this.#pool!;
    let used = 0;
    /** Scratch memory that no piece in work has. */
    const place = (): number => {
      if (used === pieces) {
        pool.finish();
        used = 0;
      }
      return scratch + each * used++;
    };
    const commonOf = ({ step, shared }: CallShare): Common => located(step, address, base, memory + shared);
    try {
      for (const share of shares)
        if ("call" in share && !share.alone && share.call.first !== undefined) this.#first(share, commonOf(share));
      pool.finish();
      for (const share of shares)
        if ("routine" in share) this.#kernel(share, base);
        else if ("call" in share && !share.alone) this.#call(share, commonOf(share), base, place);
      // While others work: what cannot be divided, and what turned out to be no piece.
      for (const share of shares)
        if ("alone" in share && share.alone) runStep(share.step, address, base, memory, place());
    } finally {
      pool.finish();
    }
  }

  #kernel({ step, routine, range }: KernelShare, base: number): void {
    const pool = this.#pool!;
    for (let begin = 0; begin < step.end; begin += range)
      pool.piece(() => pool.call(routine, [base + step.args, begin, Math.min(begin + range, step.end)]));
  }

  #first(share: CallShare, common: Common): void {
    const { call, step, rangeOfFirst } = share;
    const { units, run } = call.first!;
    for (let begin = 0; begin < units; begin += rangeOfFirst) {
      const end = Math.min(begin + rangeOfFirst, units);
      if (!this.#pool!.piece(() => run([common.shared], step.inputs, 0, begin, end, common))) share.alone = true;
    }
  }

  #call(share: CallShare, common: Common, base: number, place: () => number): void {
    const pool = this.#pool!;
    const { call, step, after, range } = share;
    const { outs, inputs } = step;
    const stretch = after?.stretch ?? call.units;
    for (let from = 0; from < call.units; from += range) {
      const until = Math.min(from + range, call.units);
      const scratch = place();
      const offered = pool.piece(() => {
        for (let begin = from; begin < until; begin += stretch) {
          const end = Math.min(begin + stretch, until);
          call.run(outs, inputs, scratch, begin, end, common);
          if (after === undefined) continue;
          const at = (unit: number): number => (unit * after.total) / call.units;
          pool.call(after.routine, [base + step.after!.args, at(begin), at(end)]);
        }
      }, from === 0);
      if (offered) continue;
      if (from > 0) throw new Error("tensor-cpu: a piece of a launch has too many commands"); // twice those of the first
      share.alone = true;
      return;
    }
  }
}
