// Beam search: the most probable sequences that a model can write, of which the best few are continued at each step.
import { logSoftmax, scope, take, type Creation, type Tensor } from "@weft/tensor";

/** What the model remembers of each sequence: tensors with the sequences along axis 1, as states of recurrent layers. */
export type Memory = Readonly<Record<string, Tensor>>;

export interface BeamOptions<M extends Memory> {
  /** How many beginnings are continued at each step: with 1, always the most probable token alone (greedy). */
  readonly width: number;
  /** What the model remembers at first, of N sequences. */
  readonly start: M;
  /** Reads a token of each sequence `[N]`: the scores `[N, V]` of what comes next, and what it remembers then. */
  readonly read: (tokens: Tensor, memory: M) => { readonly scores: Tensor; readonly memory: M };
  /** The token that begins and ends each sequence. */
  readonly end: number;
  /** The largest number of tokens. */
  readonly longest: number;
}

interface Hypothesis {
  readonly tokens: readonly number[];
  /** The logarithm of its probability. */
  readonly score: number;
  readonly over: boolean;
  /** Which row of the memory it goes on from. */
  readonly row: number;
}

/** For each of the N sequences of `start` the most probable tokens that were found, without the end. */
export async function beamSearch<M extends Memory>(
  { width, start, read, end, longest }: BeamOptions<M>,
  { tensor }: Creation,
): Promise<(readonly number[])[]> {
  const count = Object.values(start)[0]!.shape[1]!;
  let beams = Array.from({ length: count }, (_, row): Hypothesis[] => [{ tokens: [], score: 0, over: false, row }]);
  let memory = start;
  for (let length = 0; length < longest && beams.some(([best]) => !best!.over); length++) {
    const all = beams.flat();
    const step = await scope(async () => {
      const rows = tensor(
        all.map(({ row }) => row),
        { dtype: "i32" },
      );
      const from = Object.fromEntries(
        Object.entries(memory).map(([name, x]) => [name, take(x, rows, { axis: 1 })]),
      ) as M;
      const next = read(
        tensor(
          all.map(({ tokens }) => tokens.at(-1) ?? end),
          { dtype: "i32" },
        ),
        from,
      );
      return { memory: next.memory, logs: await logSoftmax(next.scores).data() };
    });
    if (memory !== start) for (const x of Object.values(memory)) x.release();
    memory = step.memory;
    const choices = step.logs.length / all.length;
    let row = 0;
    beams = beams.map((beam) =>
      beam
        .flatMap((known): Hypothesis[] => {
          const at = row++;
          if (known.over) return [{ ...known, row: at }];
          return Array.from({ length: choices }, (_, token) => ({
            tokens: token === end ? known.tokens : [...known.tokens, token],
            score: known.score + Number(step.logs[at * choices + token]),
            over: token === end,
            row: at,
          }));
        })
        .sort((a, b) => b.score - a.score)
        .slice(0, width),
    );
  }
  if (memory !== start) for (const x of Object.values(memory)) x.release();
  return beams.map(([best]) => best!.tokens);
}
