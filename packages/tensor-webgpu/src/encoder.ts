// From dispatches to a pass: which stages share a dispatch so far, with which pipelines and bindings, and how they are
// encoded.
import type { Plan } from "@weft/kernel";
import { UnsupportedError } from "@weft/tensor";
import { context } from "@weft/tensor/internals";
import type { Commands } from "./commands.ts";
import type { DeviceErrors } from "./device-errors.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { bindingOf, labelOf, moved, settle, type Dispatch, type Places } from "./dispatch.ts";
import type { Executable } from "./executable.ts";
import type { Pipelines } from "./pipelines.ts";
import { untimed, type Profiler } from "./profiler.ts";

/**
 * Programs of stages side by side are compiled in the background while the stages run one by one. A loop that never
 * yields to the event loop would wait forever: after this many runs they are compiled at once.
 */
const RUNS_WITHOUT_A_TURN = 32;

export class Encoder {
  readonly #profile: DeviceProfile;
  readonly #commands: Commands;
  readonly #pipelines: Pipelines;
  readonly #errors: DeviceErrors;
  readonly #profiler: Profiler | undefined;
  readonly #offset = new Uint32Array(1);
  /** The pipeline that was set last, and its pass. */
  readonly #set: { pass: unknown; pipeline: unknown } = { pass: undefined, pipeline: undefined };
  /** The dispatches of the current flush. */
  readonly #chosen: Dispatch[] = [];

  constructor(
    profile: DeviceProfile,
    commands: Commands,
    pipelines: Pipelines,
    errors: DeviceErrors,
    profiler: Profiler | undefined,
  ) {
    this.#profile = profile;
    this.#commands = commands;
    this.#pipelines = pipelines;
    this.#errors = errors;
    this.#profiler = profiler;
  }

  /** Chooses the dispatches of a run. Whatever can be refused is refused here, before anything is encoded. */
  choose(e: Executable): void {
    const together = e.runs++ >= this.#profile.settled;
    const hurry = this.#profile.settled === 0 || e.waits >= RUNS_WITHOUT_A_TURN;
    const chosen = this.#chosen;
    chosen.length = 0;
    let waits = false;
    for (const d of e.dispatches) {
      const made = d.stages.length === 1 || (together && this.#made(d, e, hurry));
      if (made === true) chosen.push(d);
      else for (const one of d.alone) chosen.push(one);
      waits ||= made === undefined;
    }
    if (waits && e.waits++ === 0) setTimeout(() => (e.waits = 0));
    for (const d of chosen)
      if (this.#errors.debug) this.#errors.named(labelOf(d), () => this.#ready(d, e));
      else this.#ready(d, e);
  }

  /**
   * Encodes the chosen dispatches of a plan with these slots; the arguments begin at word `base`, and the flush began at
   * time `begun`.
   */
  encode(base: number, begun: number, slots: Plan["slots"]): void {
    const commands = this.#commands;
    const chosen = this.#chosen;
    if (this.#profiler !== undefined) {
      const encode = (pass: GPUComputePassEncoder, d: Dispatch): void => this.#dispatch(pass, d, base);
      this.#profiler.encode(commands.encoder(), chosen, encode, slots);
      commands.counts.passes += chosen.length;
      commands.flushed(chosen.length);
      commands.submit();
      this.#profiler.ran(begun);
      return;
    }
    if (context.logs !== undefined) untimed(context.logs, chosen, slots);
    if (this.#errors.debug)
      for (const d of chosen)
        this.#errors.named(labelOf(d), () => {
          this.#dispatch(commands.pass(), d, base);
          commands.submit();
        });
    else {
      const pass = commands.pass();
      for (const d of chosen) this.#dispatch(pass, d, base);
    }
    commands.flushed(chosen.length);
  }

  #ready(d: Dispatch, places: Places): void {
    if (d.groups === 0) return;
    if (d.pipeline === undefined || d.generation !== this.#commands.generation || moved(d, places))
      this.#bind(d, places);
    const { groups } = this.#profile;
    if (Math.ceil(d.groups / groups) > groups)
      throw new UnsupportedError(
        `tensor-webgpu: a launch of ${d.groups} workgroups is more than this adapter runs (${groups ** 2})`,
      );
  }

  #dispatch(pass: GPUComputePassEncoder, d: Dispatch, base: number): void {
    if (d.groups === 0) return;
    // The steps of a recurrence use one pipeline and one bind group after another.
    if (this.#set.pass !== pass || this.#set.pipeline !== d.pipeline) {
      pass.setPipeline(d.pipeline!);
      this.#set.pass = pass;
      this.#set.pipeline = d.pipeline;
    }
    this.#offset[0] = (base + d.at) * 4;
    pass.setBindGroup(0, d.group!, this.#offset, 0, 1);
    const rows = Math.ceil(d.groups / this.#profile.groups);
    pass.dispatchWorkgroups(Math.ceil(d.groups / rows), rows);
  }

  /**
   * Whether stages can share a dispatch: undefined while their program compiles, false if not all their slabs can be
   * bound.
   */
  #made(d: Dispatch, places: Places, hurry: boolean): boolean | undefined {
    if (d.pipeline !== undefined && d.generation === this.#commands.generation && !moved(d, places)) return true;
    const binding = bindingOf(d, places);
    if (binding.slabs.length > this.#profile.slabs) return false;
    return this.#pipelines.ready(binding, labelOf(d), hurry);
  }

  /** Finds the pipeline and the bindings for operands that lie as they do now. */
  #bind(d: Dispatch, places: Places): void {
    const binding = bindingOf(d, places);
    if (binding.slabs.length > this.#profile.slabs)
      throw new UnsupportedError(
        `tensor-webgpu: the operands of a launch lie in ${binding.slabs.length} slabs, and this adapter binds ` +
          `${this.#profile.slabs}; with open({ fuse: false }) launches have fewer operands`,
      );
    settle(d, places);
    d.pipeline = this.#pipelines.pipeline(binding, labelOf(d));
    d.group = this.#pipelines.group(d.words, binding.slabs);
    d.generation = this.#commands.generation;
  }
}
