// Sources whose items come in another shape or dtype.
import { ShapeError, cast, isTensor, reshape, type DType, type Shape, type Tensor } from "@weft/tensor";
import { dtypeName, list, readOptions, sizeOf } from "@weft/tensor/internals";
import { converted, type Numbers } from "../host-array.ts";
import { COLUMN, type Column, type CustomSource } from "./batch.ts";
import { columnOf } from "./sources.ts";

export interface ItemsOptions {
  /** The shape of one item, without the axis of the items. One axis may be -1. */
  readonly shape?: Shape;
  /** The dtype of the batches. */
  readonly dtype?: DType;
}

const kinds = { shape: list, dtype: dtypeName };

/**
 * A source for `minibatch` whose items have another shape or dtype: batches are reshaped to `[B, ...shape]` and cast to
 * `dtype`, where they are.
 *
 * Errors: ShapeError, when batches are made of it, if an item does not fit.
 *
 * Source: `xsize`, `ysize`, `xtype` and `ytype` of Knet's `minibatch`.
 *
 * @example
 * const flat = itemsAs(images, { shape: [784], dtype: "f16" });
 * for (const [x, y] of minibatch([flat, labels], 10, { backend })) console.log(x.shape, x.dtype); // [10, 784] f16
 */
export function itemsAs<S extends Tensor | Numbers>(source: S, options: ItemsOptions): CustomSource<S, 1> {
  const { shape, dtype } = readOptions("itemsAs", options, kinds, {});
  const item = shape === undefined ? undefined : Array.from(shape, Number);
  return {
    [COLUMN](op, name): Column {
      const column = columnOf(op, source, name);
      const old = (isTensor(source) || "shape" in source ? source.shape : [0]).slice(1);
      const wanted = item === undefined ? undefined : itemShape(op, name, old, item);
      return {
        ...column,
        parts: (cut, backend) =>
          column.parts(cut, backend).map((part) => {
            const whole = wanted === undefined ? part.shape : [cut.end - cut.start, ...wanted];
            if (isTensor(part)) {
              const shaped = reshape(part, whole);
              return dtype === undefined ? shaped : cast(shaped, dtype);
            }
            return { ...(dtype === undefined ? part : converted(part, dtype)), shape: whole };
          }),
      };
    },
  };
}

/** The new shape of one item. */
function itemShape(op: string, name: string, old: Shape, item: readonly number[]): Shape {
  const size = sizeOf(old);
  const known = sizeOf(item.filter((n) => n !== -1));
  const whole = item.map((n) => (n === -1 ? size / known : n));
  const fits = whole.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(whole) === size;
  if (item.filter((n) => n === -1).length > 1 || !fits)
    throw new ShapeError(`${op}: an item of ${name} has shape [${old}], which does not fit [${item}].`);
  return whole;
}
