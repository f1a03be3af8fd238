// The reference against PyTorch: values and gradients.
import { test } from "vitest";
import { golden, open } from "../src/index.ts";

for (const double of [false, true])
  for (const { name, run } of golden(open, { known: true, double })) test(`${double ? "f64" : "f32"}: ${name}`, run);
