// The numbers in tables.

/** A number with three significant digits. */
export const figure = (x: number): string =>
  x >= 1000 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(3)));
export const times = (x: number): string =>
  `${x >= 100 ? Math.round(x).toLocaleString("en") : x.toPrecision(x < 1 ? 2 : 3)}×`;
