// Backends with several threads, for tests: all of their workers are there before anything is compared.
import { scope } from "@weft/autograd";
import { add } from "@weft/tensor";
import type { CpuBackend } from "../src/open.ts";

/** However little work it is, it is divided. */
export const EAGER = 1e9;

/** The backend, when all of its threads are there. */
export async function joined(b: CpuBackend): Promise<CpuBackend> {
  const x = b.full([1024], 1);
  while (b.info().running < b.info().threads) {
    scope(() => add(x, 1)).dataSync();
    await new Promise((done) => setTimeout(done, 1));
  }
  x.release();
  return b;
}
