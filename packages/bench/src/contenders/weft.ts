// Weft on its CPU backend; the programs of the published tables on either.
import type { BackendName } from "@weft/examples/internals";
import { openSync } from "@weft/tensor-cpu";
import type { Contender } from "../contender.ts";
import { rows } from "../rows/index.ts";
import { programs } from "../rows/programs.ts";
import type { TimedStep } from "../rows/row.ts";

export async function weft(on: BackendName, threads: number): Promise<Contender> {
  const backend = openSync({ threads });
  return {
    title: "Weft",
    version: backend.version,
    detail: `${on}, Node ${process.versions.node}`,
    rows: new Map<string, () => TimedStep | Promise<TimedStep>>([
      ...rows.map((row) => [row.name, () => row.weft(backend)] as const),
      ...programs.map((row) => [row.name, () => row.start(on)] as const),
    ]),
  };
}
