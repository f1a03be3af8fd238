// A model that applies layers in order.
import { ArgumentError, readTensor, type Operand, type Tensor } from "@weft/tensor";
import { alias, describe } from "@weft/tensor/internals";
import { called } from "./call-observer.ts";
import { named } from "./layer.ts";
import { inMode, type ModeOptions } from "./mode.ts";

/** An element of a chain: a layer, or any function of one tensor. */
export type Link = (x: Tensor) => Tensor;

/** What `Chain` accepts: a link may take less than a tensor, or a tensor type of another copy of this package. */
type Links = readonly ((x: any) => Tensor)[];

/** See the function `Chain`. Links are fields named by number, so names in files are `0.weight`, `1.bias`, … */
export type Chain<L extends Links = readonly Link[]> = {
  /** With `training`, its layers are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  readonly length: L["length"];
  [Symbol.iterator](): IterableIterator<L[number]>;
} & { readonly [K in Extract<keyof L, number | `${number}`>]: L[K] };

/**
 * Calls layers and functions in order, each with the result of the one before. Like PyTorch's `Sequential`, whose names
 * it shares.
 *
 * @example
 * const model = Chain(flatten, Linear(784, 64), relu, Linear(64, 10));
 * const scores = model(images);
 * const inference = model(images, { training: false });
 */
export function Chain<L extends Links>(...links: L): Chain<L> {
  for (const [k, link] of links.entries())
    if (typeof link !== "function")
      throw new ArgumentError(
        `Chain: wanted functions of a tensor as links, got ${describe(link)} as link ${k}${
          Array.isArray(link) ? "; spread it: Chain(...links)" : ""
        }`,
      );
  const call = (x: Operand, options?: ModeOptions): Tensor => inMode("Chain", options, () => run(x));
  const run = (x: Operand): Tensor => {
    let y = x;
    for (let k = 0; k < links.length; k++) {
      const link = (self as unknown as readonly Link[])[k]!;
      y = called(link, () => link(y as Tensor), k);
    }
    return links.length > 0 ? (y as Tensor) : alias(readTensor(y, "Chain")); // a handle of its own
  };
  const self = named("Chain", call, Object.fromEntries(links.entries())) as unknown as Chain<L>;
  Object.defineProperty(self, "length", { value: links.length });
  Object.defineProperty(self, Symbol.iterator, {
    value: () => links.map((_, k) => (self as ArrayLike<Link>)[k]!).values(),
  });
  return self;
}
