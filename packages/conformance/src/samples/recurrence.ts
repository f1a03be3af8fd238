// Samples of the steps of recurrent layers and of their gradients, of every cell.
import { gruCell, lstmCell, reluCell, sequence, sequenceGrad, tanhCell, type Recurrence } from "@weft/tensor/internals";
import { between, floats, sample, values, type Collection, type Input, type Sample } from "../sample.ts";

/** T steps of B rows by H units. */
type Sizes = readonly [steps: number, batch: number, units: number];

/** How a sequence is run; lengths, if there are some, are the last operand. */
interface Course extends NonNullable<Parameters<typeof sample>[3]> {
  readonly reverse?: boolean;
  readonly lengths?: readonly number[];
}
const lengthsIn = (lengths: readonly number[] | undefined) => (lengths === undefined ? [] : [values(lengths, "i32")]);

/** Values only: sizes larger than one piece of a kernel. */
const large = { differentiable: [], views: false } as const;

/** The steps of a cell, from given, h and the other states, whh, and the recurrent bias if the cell has one. */
function steps(cell: Recurrence, name: string, [T, B, H]: Sizes, course: Course = {}): Sample {
  const { reverse = false, lengths: counts, ...more } = course;
  const { parts, others, apart } = cell;
  const states = [floats(B, H), ...others.map(() => floats(B, H))];
  const inputs = [
    floats(T, B, parts * H),
    ...states,
    between(-1, 1, parts * H, H),
    ...(apart ? [floats(parts * H)] : []),
    ...lengthsIn(counts),
  ];
  return sample(
    name,
    inputs,
    (given, ...rest) => {
      const firsts = rest.splice(0, states.length);
      const [whh, bhh] = rest.splice(0, apart ? 2 : 1);
      const made = sequence(cell, given!, firsts, apart ? [whh!, bhh!] : [whh!], { lengths: rest[0], reverse });
      return [...(made.gates === undefined ? [] : [made.gates]), ...made.states];
    },
    more,
  );
}

/** Their gradients, from numbers in place of the results of the steps. */
function stepsBack(cell: Recurrence, name: string, [T, B, H]: Sizes, course: Course = {}): Sample {
  const { reverse = false, lengths: counts, ...more } = course;
  const { parts, others, apart, gates } = cell;
  const all = (): Input[] => ["h", ...others].map(() => floats(T, B, H));
  const inputs = [
    ...(gates > 0 ? [between(-0.9, 0.9, gates, T, B, H)] : []),
    ...all(),
    ...["h", ...others].map(() => floats(B, H)),
    between(-1, 1, parts * H, H),
    floats(T, B, H),
    ...others.map(() => floats(B, H)),
    ...lengthsIn(counts),
  ];
  return sample(
    name,
    inputs,
    (...xs) => {
      const kept = { gates: gates > 0 ? xs.shift() : undefined, states: xs.splice(0, 1 + others.length) };
      const firsts = xs.splice(0, 1 + others.length);
      const [whh, ...gs] = xs.splice(0, 2 + others.length);
      const made = sequenceGrad(cell, kept, firsts, whh!, gs, { lengths: xs[0], reverse });
      return [
        made.given,
        ...(apart ? [made.recurrent] : []),
        ...made.others,
        ...(made.h === undefined ? [] : [made.h]),
      ];
    },
    more,
  );
}

const manyRows = [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1];

/** What every cell is tried on; the first ones are enough for cells with a text that others have, too. */
const cases: readonly (readonly [name: string, sizes: Sizes, course?: Course])[] = [
  ["one step", [1, 2, 3]],
  ["units in fours", [3, 2, 4]],
  ["rows of different lengths, in reverse", [3, 4, 2], { lengths: [2, 3, 0, 1], reverse: true }],
  ["more than one piece, of different lengths", [3, 11, 9], { ...large, lengths: manyRows }],
  ["more than one piece, in fours", [3, 19, 20], large],
  ["one unit", [2, 3, 1]],
  ["in reverse", [3, 2, 3], { reverse: true }],
  ["rows of different lengths", [3, 4, 2], { lengths: [3, 0, 1, 2] }],
  ["more than one piece, odd", [3, 11, 9], large],
  ["more than one piece, in reverse", [3, 11, 9], { ...large, reverse: true }],
];
const few = cases.slice(0, 5);

const forward = (cell: Recurrence, some = cases): Sample[] => some.map((given) => steps(cell, ...given));
const backward = (cell: Recurrence, some = cases): Sample[] => some.map((given) => stepsBack(cell, ...given));

/** h after each step of one step of rows with one unit, from these sums. */
const special = (cell: Recurrence, given: readonly number[], states: readonly (readonly number[])[], bias?: number[]) =>
  sample(
    "saturated, infinite, NaN",
    [
      values(given, "f32", [1, given.length / cell.parts, cell.parts]),
      ...states.map((x) => values(x, "f32", [x.length, 1])),
      values(
        Array.from({ length: cell.parts }, () => 0),
        "f32",
        [cell.parts, 1],
      ),
      ...(bias === undefined ? [] : [values(bias)]),
    ],
    (x, ...rest) => {
      const firsts = rest.splice(0, states.length);
      const [whh, bhh] = rest;
      return sequence(cell, x!, firsts, bhh === undefined ? [whh!] : [whh!, bhh]).states[0]!;
    },
    large,
  );

type Name = `${"lstm" | "gru" | "relu" | "tanh"}Sequence${"" | "Grad"}`;

export const recurrences: Collection<Name> = {
  family: "fused",
  samples: {
    lstmSequence: [
      ...forward(lstmCell),
      steps(lstmCell, "lengths below 0 and beyond the steps", [3, 3, 2], { lengths: [-1, 4, 2], reverse: true }),
      special(
        lstmCell,
        [90, -90, 0, 0, Infinity, 0, -Infinity, NaN, 200, -200, 1, 1, -50, 50, 0, 9],
        [
          [0, 0, 0, 0],
          [2, 3, 4, -1],
        ],
      ),
      steps(lstmCell, "no rows", [2, 0, 2]),
    ],
    lstmSequenceGrad: backward(lstmCell),
    gruSequence: [
      ...forward(gruCell),
      special(gruCell, [90, -90, 0, Infinity, 0, -Infinity, NaN, 200, -200, -50, 50, 9], [[1, 2, 3, -4]], [0, 1, -2]),
      steps(gruCell, "no rows", [2, 0, 2]),
    ],
    gruSequenceGrad: backward(gruCell),
    reluSequence: [
      ...forward(reluCell, few),
      special(reluCell, [1e30, -90, Infinity, -Infinity, NaN, 0, -0], [[1, 2, 3, -4, 5, 6, 7]]),
      steps(reluCell, "no rows", [2, 0, 2]),
    ],
    reluSequenceGrad: backward(reluCell, few),
    tanhSequence: [
      ...forward(tanhCell, few),
      special(tanhCell, [1e30, -90, Infinity, -Infinity, NaN, 0, -0], [[1, 2, 3, -4, 5, 6, 7]]),
    ],
    tanhSequenceGrad: backward(tanhCell, few),
  },
};
