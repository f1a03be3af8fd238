// The law for every backend, on this one: merged and with every operation by itself.
import { conformance } from "@weft/conformance";
import { test } from "vitest";
import { everything, views } from "../../../test/extent.ts";
import { open } from "../src/index.ts";

const settings = { merged: {}, unmerged: { fuse: false } };
for (const { name, run } of conformance("tensor-cpu", open, { settings, views, double: everything })) test(name, run);
