// Sources have no tensor operands, so there are no gradients.
import { none, type Family } from "../rule.ts";

export const random: Family<"full" | "iota" | "randomBits" | "randomUniform"> = {
  full: none,
  iota: none,
  randomBits: none,
  randomUniform: none,
};
