// A program for a page: it trains a line and writes into the title how that went, and what the page forbids.
import { open } from "@weft/tensor-cpu";
import { Linear, mse } from "@weft/nn";
import { minimize, sgd } from "@weft/optim";

function evalIsRefused(): string {
  try {
    return new Function("return 'allowed'")() as string;
  } catch {
    return "refused";
  }
}

async function learns(): Promise<string> {
  const backend = await open({ seed: 1 });
  const x = backend.randn([64, 3]);
  const y = x.sum({ axis: 1, keepDims: true });
  const model = Linear(3, 1);
  const data = Array.from({ length: 200 }, () => [x, y] as const);
  let last = Infinity;
  for await (const loss of minimize((a, b) => mse(model(a), b), data, sgd({ lr: 0.1 }))) last = await loss.item();
  return last < 1e-6 ? "learned yes" : `learned no, the loss is ${last}`;
}

const shared = globalThis.crossOriginIsolated ? "yes" : "no";
const result = await learns().catch((error: unknown) => String(error));
document.title = `eval ${evalIsRefused()}, shared memory ${shared}, ${result}`;
