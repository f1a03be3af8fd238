// Cubic convolution (R. Keys, 1981): the weights of the four elements around a place, by their distances from it.

/** The sharpness that PyTorch chooses. */
const A = -0.75;
/** Polynomials of the distance, highest power first. */
export type Cubic = readonly [number, number, number, number];
/** For the two nearer elements, and for the two farther ones. */
const near: Cubic = [A + 2, -(A + 3), 0, 1];
const far: Cubic = [A, -5 * A, 8 * A, -4 * A];

/** Those of the elements at −1, 0, 1 and 2: a polynomial of t, the place between 0 and 1, or of k − t. */
export const cubicTaps = [
  { offset: -1, polynomial: far },
  { offset: 0, polynomial: near },
  { offset: 1, polynomial: near },
  { offset: 2, polynomial: far },
] as const;
