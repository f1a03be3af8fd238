// Beam search: the most probable sequences that a model can write, of which the best few are continued at each step.
import { logSoftmax, scope, take, type Creation, type Tensor } from "@weft/tensor";

/** The state of a model after each sequence: tensors with the sequences along axis 1, as those of recurrent layers. */
export type BeamState = Readonly<Record<string, Tensor>>;

export interface BeamOptions<S extends BeamState> {
  /** How many beginnings are continued at each step: with 1, always the most probable token alone (greedy). */
  readonly width: number;
  /** The state that it begins with, of N sequences. */
  readonly start: S;
  /** Reads a token of each sequence `[N]`: the logits `[N, V]` of what comes next, and the state then. */
  readonly read: (tokens: Tensor, state: S) => { readonly logits: Tensor; readonly state: S };
  /** The token that begins and ends each sequence. */
  readonly end: number;
  /** The largest number of tokens. */
  readonly longest: number;
}

interface Hypothesis {
  readonly tokens: readonly number[];
  /** The logarithm of its probability. */
  readonly score: number;
  readonly ended: boolean;
  /** Which row of the state it goes on from. */
  readonly row: number;
}

/** For each of the N sequences of `start` the most probable tokens that were found, without the end. */
export async function beamSearch<S extends BeamState>(
  { width, start, read, end, longest }: BeamOptions<S>,
  { tensor }: Creation,
): Promise<(readonly number[])[]> {
  const count = Object.values(start)[0]!.shape[1]!;
  let beams = Array.from({ length: count }, (_, row): Hypothesis[] => [{ tokens: [], score: 0, ended: false, row }]);
  let state = start;
  for (let length = 0; length < longest && beams.some(([best]) => !best!.ended); length++) {
    const all = beams.flat();
    const step = await scope(async () => {
      const rows = tensor(
        all.map(({ row }) => row),
        { dtype: "i32" },
      );
      const from = Object.fromEntries(
        Object.entries(state).map(([name, x]) => [name, take(x, rows, { axis: 1 })]),
      ) as S;
      const next = read(
        tensor(
          all.map(({ tokens }) => tokens.at(-1) ?? end),
          { dtype: "i32" },
        ),
        from,
      );
      return { state: next.state, logs: await logSoftmax(next.logits).data() };
    });
    if (state !== start) for (const x of Object.values(state)) x.release();
    state = step.state;
    const choices = step.logs.length / all.length;
    let row = 0;
    beams = beams.map((beam) =>
      beam
        .flatMap((known): Hypothesis[] => {
          const at = row++;
          if (known.ended) return [{ ...known, row: at }];
          return Array.from({ length: choices }, (_, token) => ({
            tokens: token === end ? known.tokens : [...known.tokens, token],
            score: known.score + Number(step.logs[at * choices + token]),
            ended: token === end,
            row: at,
          }));
        })
        .sort((a, b) => b.score - a.score)
        .slice(0, width),
    );
  }
  if (state !== start) for (const x of Object.values(state)) x.release();
  return beams.map(([best]) => best!.tokens);
}
