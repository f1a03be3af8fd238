// Every derivative rule against finite differences in float64.
import { test } from "vitest";
import { collections, derivatives } from "../src/index.ts";

for (const { name, run } of derivatives(collections)) test(name, run);
