// What a call is: an operation whose kernel is written by hand, as a body of WGSL and the numbers that it gets as
// arguments. The forms here are the plain ones: one invocation per element of the result.
import type { DType, FusedAttrs, FusedOp } from "@weft/tensor";
import { isFloat } from "@weft/tensor/internals";
import type { Calls as CallTable, CallLaunch, CallTraits, FusedKernel } from "@weft/kernel";
import { epilogueOf } from "../forms/epilogue.ts";
import type { DeviceTraits } from "../forms/device-traits.ts";
import { operandsOf, registerIn, stageOf, type Stage, type Staged, type StageForm } from "../forms/stage.ts";
import { constant } from "../translate/scalar.ts";

/** A kernel of an operation with these attributes. Every call is assignable to `Call<never>`. */
export interface Call<Attrs = never> extends CallTraits<Attrs> {
  /** With `epilogue` it runs the elementwise work after it (`after`) where it writes its result. */
  readonly prepare: (launch: CallLaunch<Attrs>, machine: DeviceTraits) => Staged;
  /** Where it is `rowwise`: one stage, whose workgroups own consecutive blocks of `rows` rows. */
  readonly byRows?: (launch: CallLaunch<Attrs>, rows: number, machine: DeviceTraits) => Stage;
}

/**
 * The kernel of a fused operation, for `open({ kernels: [...] })`. It runs where `call.dtypes` lists the operands'
 * dtypes.
 *
 * @example const backend = await open({ kernels: [kernel(scaledSquareOp, scaledSquare)] });
 */
export const kernel = <A extends FusedAttrs<A>>(op: FusedOp<A>, call: Call<A>): FusedKernel<"@weft/tensor-webgpu"> => ({
  backend: "@weft/tensor-webgpu",
  op,
  call,
});

/** All calls of the backend, of any attributes. */
export type Calls = CallTable<Call<unknown>>;

/** The value of an element whose index is out of range: NaN, or 0 for integers. */
export const missing = (dtype: DType): string =>
  isFloat(dtype) ? constant(NaN, "f32") : constant(0, registerIn(dtype));

/** A form whose operands are those of the call: the inputs, then the results. */
export type CallForm = Omit<StageForm, "operands" | "writes" | "epilogue" | "checked"> & {
  /** Whether it checks indices. */
  readonly checksIndices?: boolean;
};

/** A call of one stage on row-major operands. */
export function prepared(launch: CallLaunch, machine: DeviceTraits, form: CallForm): Staged {
  const { inputs, outs, after, node } = launch;
  const epilogue = epilogueOf(after?.launch, outs[0]);
  const checked = form.checksIndices ? node : undefined;
  const stage = stageOf(machine, { ...form, ...operandsOf(inputs, outs), epilogue, checked });
  return { stages: [stage], workspace: 0 };
}
