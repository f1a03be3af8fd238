// The best of many random configurations: most of them are dropped after little training.
import { ArgumentError } from "@weft/tensor";
import { callable, describe, positive, readOptions, readValue } from "@weft/tensor/internals";
import { evaluated, type Search } from "./evaluated.ts";

export interface HyperbandOptions {
  /** The most that one configuration is trained, in any unit: epochs, for example. */
  readonly maxResource?: number;
  /** The best of so many configurations goes on, with so many times the resource. */
  readonly reduction?: number;
}

/** The least loss, the resource that it was reached with, and the configuration. */
export type Best<Config> = readonly [loss: number, resource: number, config: Config];

/**
 * Hyperband (Li et al. 2018): draws configurations by `getConfig()`, and returns the one with the least
 * `getLoss(config, resource)`, as [loss, resource, config]. With R = maxResource and η = reduction, for each s = ⌊log_η R⌋,
 * …, 0, a bracket begins with n = ⌈(s_max + 1) η^s / (s + 1)⌉ configurations and the resource r = R / η^s; of those the
 * best ⌊n / η⌋ go on with η r, and so on, up to R. NaN is worse than any number. `getLoss` trains from the beginning, or
 * goes on where it was. If a function returns a promise, so does this. Like Knet's `hyperband`.
 *
 * @example
 * let k = 0;
 * const [loss, epochs, config] = hyperband(() => ({ lr: 0.5 ** k++ }), ({ lr }, epochs) => Math.abs(lr - 0.25) / epochs);
 * [loss, epochs, config.lr]; // [0, 1, 0.25]
 */
export function hyperband<Config>(
  getConfig: () => Promise<Config>,
  getLoss: (config: Config, resource: number) => number | Promise<number>,
  options?: HyperbandOptions,
): Promise<Best<Config>>;
export function hyperband<Config>(
  getConfig: () => Config,
  getLoss: (config: Config, resource: number) => Promise<number>,
  options?: HyperbandOptions,
): Promise<Best<Config>>;
export function hyperband<Config>(
  getConfig: () => Config,
  getLoss: (config: Config, resource: number) => number,
  options?: HyperbandOptions,
): Best<Config>;
export function hyperband<Config>(
  getConfig: () => Config | Promise<Config>,
  getLoss: (config: Config, resource: number) => number | Promise<number>,
  options?: HyperbandOptions,
): Best<Config> | Promise<Best<Config>> {
  const op = "hyperband";
  readValue(op, "getConfig", getConfig, callable);
  readValue(op, "getLoss", getLoss, callable);
  const { maxResource, reduction } = readOptions(
    op,
    options,
    { maxResource: positive, reduction: positive },
    { maxResource: 27, reduction: 3 },
  );
  if (!(reduction > 1 && maxResource >= 1 && Number.isFinite(maxResource)))
    throw new ArgumentError(
      `${op}: wanted a finite maxResource of at least 1 and a reduction above 1, got ${maxResource} and ${reduction}`,
    );
  return evaluated(brackets(getConfig, getLoss, maxResource, reduction));
}

function* brackets<Config>(
  getConfig: () => Config | Promise<Config>,
  getLoss: (config: Config, resource: number) => number | Promise<number>,
  most: number,
  reduction: number,
): Search<Best<Config>> {
  let best: Best<Config> | undefined;
  let first = 0;
  // Not by logarithms: log 243 / log 3 is below 5.
  while (reduction ** (first + 1) <= most) first++;
  for (let s = first; s >= 0; s--) {
    const n = Math.ceil(((first + 1) * reduction ** s) / (s + 1));
    let configs: Config[] = [];
    for (let k = 0; k < n; k++) configs.push((yield getConfig) as Config);
    for (let i = 0; i <= s; i++) {
      const resource = most / reduction ** (s - i);
      const tried: Best<Config>[] = [];
      for (const config of configs) {
        const loss: unknown = yield () => getLoss(config, resource);
        if (typeof loss !== "number")
          throw new ArgumentError(`hyperband: wanted a number as the loss, got ${describe(loss)}`);
        tried.push([loss, resource, config]);
      }
      const order = tried.toSorted(([a], [b]) => rank(a) - rank(b));
      const [top] = order;
      if (top !== undefined && (best === undefined || rank(top[0]) < rank(best[0]))) best = top;
      configs = order.slice(0, Math.floor(order.length / reduction)).map(([, , config]) => config);
    }
  }
  return best!;
}

const rank = (loss: number): number => (Number.isNaN(loss) ? Infinity : loss);
