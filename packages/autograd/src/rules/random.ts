// Sources have no operand that could have a gradient.
import { none, type Family } from "../rule.ts";

export const random: Family<"full" | "iota" | "randomBits" | "randomUniform"> = {
  full: none,
  iota: none,
  randomBits: none,
  randomUniform: none,
};
