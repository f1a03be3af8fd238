// The meaning of the movements: each is a loop over strides.
import type { MovementOps } from "@weft/tensor/internals";
import { offsets, pick, sizeOf, stretched, stridesOf, type Kernels } from "./kernels.ts";

export const movement: Kernels<keyof MovementOps> = {
  reshape: ([x]) => x!.data.slice(),
  permute: ([x], { axes }, shape) => {
    const strides = stridesOf(x!.shape);
    return pick(
      x!.data,
      offsets(
        shape,
        axes.map((axis) => strides[axis]!),
      ),
    );
  },
  broadcastTo: ([x], _, shape) => pick(x!.data, offsets(shape, stretched(x!.shape, shape))),
  slice: ([x], { starts, steps }, shape) => {
    const strides = stridesOf(x!.shape);
    const first = strides.reduce((sum, stride, i) => sum + stride * starts[i]!, 0);
    return pick(
      x!.data,
      offsets(
        shape,
        strides.map((stride, i) => stride * steps[i]!),
        first,
      ),
    );
  },
  flip: ([x], { axes }, shape) => {
    const strides = stridesOf(x!.shape);
    const last = axes.reduce((sum, axis) => sum + strides[axis]! * (shape[axis]! - 1), 0);
    return pick(
      x!.data,
      offsets(
        shape,
        strides.map((stride, i) => (axes.includes(i) ? -stride : stride)),
        last,
      ),
    );
  },
  pad: ([x], { before, interior, value }, shape) => {
    const result = new Float64Array(sizeOf(shape)).fill(value);
    const strides = stridesOf(shape);
    const first = strides.reduce((sum, stride, i) => sum + stride * before[i]!, 0);
    const at = offsets(
      x!.shape,
      strides.map((stride, i) => stride * (interior[i]! + 1)),
      first,
    );
    for (let i = 0; i < at.length; i++) result[at[i]!] = x!.data[i]!;
    return result;
  },
  concat: (inputs, { axis }, shape) => {
    const result = new Float64Array(sizeOf(shape));
    const strides = stridesOf(shape);
    let first = 0;
    for (const { data, shape: part } of inputs) {
      const at = offsets(part, strides, first);
      for (let i = 0; i < at.length; i++) result[at[i]!] = data[i]!;
      first += part[axis]! * strides[axis]!;
    }
    return result;
  },
};
