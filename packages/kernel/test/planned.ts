// A backend that plans and runs nothing, for tests of the planner.
import { scope, type Tensor } from "@weft/tensor";
import { creation } from "@weft/tensor/internals";
import {
  chained,
  Deferred,
  type CallTraits,
  type Driver,
  type Launch,
  type Link,
  type Plan,
  type Storage,
} from "@weft/kernel";
import { nameOf } from "../src/graph/operation.ts";

export interface PlannedOptions {
  readonly fuse?: boolean;
  /**
   * By the name of the operation. Every call is there, and takes no layout but row-major if nothing is said; formulas
   * have no kernels.
   */
  readonly traits?: Readonly<Record<string, CallTraits>>;
  readonly reductionEpilogues?: boolean;
  readonly chains?: boolean;
}

/** From a function that makes tensors with values, which lie in storage before. */
export type Program = (leaf: (...shape: number[]) => Tensor) => Tensor | readonly Tensor[];

/** The plan of what a program computes, which its results outlive. */
export function planOf(program: Program, options: PlannedOptions = {}): Plan {
  const { fuse = true, traits = {}, reductionEpilogues = false, chains = false } = options;
  const plans: Plan[] = [];
  const driver: Driver<Storage, undefined> = {
    name: "planned",
    version: "0",
    limit: Infinity,
    reductionEpilogues,
    ...(chains && { arrange: chained }),
    traits: (op) => traits[nameOf(op)] ?? (typeof op === "object" && op.expression !== undefined ? undefined : {}),
    supports: () => true,
    allocate: (bytes) => ({ bytes, refs: 0, loose: undefined, used: 0, evicted: undefined }),
    free: () => {},
    relieved: () => {},
    write: () => {},
    read: () => new Float32Array(),
    prepare: (plan) => void plans.push(plan),
    run: () => {},
    drop: () => {},
  };
  const { tensor } = creation(new Deferred(driver, { fuse }));
  scope(() => program((...shape) => tensor(new Float32Array(shape.reduce((n, d) => n * d, 1)), { shape })));
  if (plans.length !== 1) throw new Error(`wanted one plan, got ${plans.length}`);
  return plans[0]!;
}

/** The launches of a plan, level by level, by the names of the operations whose results leave them. */
export function outline({ levels }: Plan): string[][] {
  const nameOfLink = (link: Link): string => {
    const own = link.kind === "kernel" ? link.name : nameOf(link.op);
    const epilogue = link.kind === "kernel" ? link.after : link.after?.launch;
    return epilogue === undefined ? own : `${own}, then ${epilogue.name}`;
  };
  const nameOfLaunch = (launch: Launch): string =>
    launch.kind === "chain" ? `${launch.rows} rows of ${launch.links.map(nameOfLink).join(" | ")}` : nameOfLink(launch);
  return levels.map((launches) => launches.map(nameOfLaunch));
}
