// A program, or a thread of one, that saves models to one path: each holds one number everywhere. It goes on until it has
// saved so many times, or is killed.
import { workerData } from "node:worker_threads";
import { constant, Embedding, save } from "@weft/nn";

const [path, times] = (workerData ?? process.argv.slice(2)) as [string, string];
for (let n = 1; n <= Number(times); n++) {
  await save(path, Embedding(300, 100, { init: constant(n) }), { n });
  if (n === 1) console.log("saving");
}
