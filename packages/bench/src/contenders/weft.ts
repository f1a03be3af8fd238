// Weft on its CPU backend.
import { openSync } from "@weft/tensor-cpu";
import type { Contender } from "../contender.ts";
import { rows } from "../rows/index.ts";

export async function weft(): Promise<Contender> {
  const backend = openSync({});
  return {
    title: "Weft",
    version: backend.version,
    detail: `${backend.name}, Node ${process.versions.node}`,
    rows: new Map(rows.map((row) => [row.name, () => row.weft(backend)])),
  };
}
