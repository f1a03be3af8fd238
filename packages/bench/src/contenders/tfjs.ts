// TensorFlow.js on its WebAssembly backend with SIMD; on its plain JavaScript backend where WebAssembly has no gradient
// of convolution. Images are [N, H, W, C], its fast layout.
import type { Contender } from "../contender.ts";
import { hot, sizeOf, spread, whole } from "../numbers.ts";
import { peer, peerFolder, peerVersion } from "../peers.ts";
import type { TimedStep } from "../rows/row.ts";

const BATCH = 100;

export async function tfjs(): Promise<Contender> {
  const t = peer("@tensorflow/tfjs-core");
  peer("@tensorflow/tfjs-layers"); // registers the gradients
  peer("@tensorflow/tfjs-backend-cpu");
  const wasm = peer("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${peerFolder("@tensorflow/tfjs-backend-wasm")}dist/`);
  await t.setBackend("wasm");
  await t.ready();

  const T = (shape: number[], scale = 1): any => t.tensor(spread(sizeOf(shape), scale), shape);
  const V = (shape: number[], scale: number): any => t.variable(T(shape, scale));
  const Z = (shape: number[]): any => t.variable(t.zeros(shape));
  const on = (backend: "wasm" | "cpu", make: () => () => unknown) => async (): Promise<TimedStep> => {
    await t.setBackend(backend);
    const run = make();
    return { run: () => t.dispose(run()) };
  };
  const targets = (count: number, depth: number): any =>
    t.tensor(hot(whole(count, depth), depth), [count, depth], "float32");
  const trained = (optimizer: any, loss: () => any) => (): unknown => optimizer.minimize(loss, true);
  const optimizers = { sgd: () => t.train.sgd(0.01), adam: () => t.train.adam(0.001) };
  const crossEntropy = (y: any, logits: any): any => t.losses.softmaxCrossEntropy(y, logits);
  const linear = (x: any, w: any, b: any): any => t.add(t.matMul(x, w), b);

  const product = (n: number) =>
    on("wasm", () => {
      const a = T([n, n]);
      const b = T([n, n]);
      return () => t.matMul(a, b);
    });
  const convolution = (x: number[], w: number[]) =>
    on("wasm", () => {
      const image = T(x);
      const kernel = T(w, 0.1);
      return () => t.conv2d(image, kernel, 1, "valid");
    });
  const convolutionGrad = (x: number[], w: number[], y: number[]) =>
    on("cpu", () => {
      const image = T(x);
      const kernel = T(w, 0.1);
      const g = T(y);
      const gradients = t.grads((a: any, b: any) => t.conv2d(a, b, 1, "valid"));
      return () => gradients([image, kernel], g);
    });

  type Rule = keyof typeof optimizers;
  const softmax = (rule: Rule) =>
    on("wasm", () => {
      const [x, y] = [T([BATCH, 784]), targets(BATCH, 10)];
      const [w, b] = [V([784, 10], 0.05), Z([10])];
      return trained(optimizers[rule](), () => crossEntropy(y, linear(x, w, b)));
    });
  const mlp = (rule: Rule) =>
    on("wasm", () => {
      const [x, y] = [T([BATCH, 784]), targets(BATCH, 10)];
      const [w1, b1, w2, b2] = [V([784, 64], 0.05), Z([64]), V([64, 10], 0.1), Z([10])];
      return trained(optimizers[rule](), () => crossEntropy(y, linear(t.relu(linear(x, w1, b1)), w2, b2)));
    });
  const lenet = (rule: Rule) =>
    on("cpu", () => {
      const [x, y] = [T([BATCH, 28, 28, 1]), targets(BATCH, 10)];
      const [w1, b1, w2, b2] = [V([5, 5, 1, 20], 0.1), Z([20]), V([5, 5, 20, 50], 0.05), Z([50])];
      const [w3, b3, w4, b4] = [V([800, 500], 0.03), Z([500]), V([500, 10], 0.04), Z([10])];
      return trained(optimizers[rule](), () => {
        let h = t.maxPool(t.relu(t.add(t.conv2d(x, w1, 1, "valid"), b1)), 2, 2, "valid");
        h = t.maxPool(t.relu(t.add(t.conv2d(h, w2, 1, "valid"), b2)), 2, 2, "valid");
        h = t.relu(linear(t.reshape(h, [BATCH, 800]), w3, b3));
        return crossEntropy(y, linear(h, w4, b4));
      });
    });

  const rows = new Map<string, () => Promise<TimedStep>>([
    ["matmul-256", product(256)],
    ["matmul-512", product(512)],
    ["matmul-1024", product(1024)],
    ["conv1", convolution([100, 28, 28, 1], [5, 5, 1, 20])],
    ["conv1-grad", convolutionGrad([100, 28, 28, 1], [5, 5, 1, 20], [100, 24, 24, 20])],
    ["conv2", convolution([100, 12, 12, 20], [5, 5, 20, 50])],
    ["conv2-grad", convolutionGrad([100, 12, 12, 20], [5, 5, 20, 50], [100, 8, 8, 50])],
    [
      "add10",
      on("wasm", () => {
        const [a, b] = [T([10]), T([10])];
        return () => {
          for (let i = 0; i < 1000; i++) t.add(a, b).dispose();
        };
      }),
    ],
    [
      "add10-read",
      on("wasm", () => {
        const [a, b] = [T([10]), T([10])];
        return () => {
          const y = t.add(a, b);
          y.dataSync();
          return y;
        };
      }),
    ],
    [
      "add10-grad",
      on("wasm", () => {
        const [a, b] = [T([10]), T([10])];
        const gradients = t.grads((x: any, z: any) => {
          let y = t.add(x, z);
          for (let i = 1; i < 200; i++) y = t.add(y, z);
          return t.sum(y);
        });
        return () => gradients([a, b]);
      }),
    ],
    [
      "add10-grad-one",
      on("wasm", () => {
        const [a, b] = [T([10]), T([10])];
        const gradients = t.grads((x: any, z: any) => t.sum(t.add(x, z)));
        return () => gradients([a, b]);
      }),
    ],
    [
      "linreg-sgd",
      on("wasm", () => {
        const [x, y] = [T([506, 13]), T([506, 1])];
        const [w, b] = [V([13, 1], 0.1), Z([1])];
        return trained(optimizers.sgd(), () => t.mean(t.square(t.sub(linear(x, w, b), y))));
      }),
    ],
    ["softmax-sgd", softmax("sgd")],
    ["mlp-sgd", mlp("sgd")],
    ["mlp-adam", mlp("adam")],
    ["lenet-sgd", lenet("sgd")],
    ["lenet-adam", lenet("adam")],
    [
      "charlm-adam",
      // Its WebAssembly backend has no gradient of a lookup: the embedding is a product with one-hot rows.
      on("wasm", () => {
        const [steps, batch, vocabulary, units] = [100, 128, 80, 256];
        const [x, y] = [targets(steps * batch, vocabulary), targets(steps * batch, vocabulary)];
        const [E, Wx, Wh] = [V([vocabulary, units], 0.1), V([units, 4 * units], 0.06), V([units, 4 * units], 0.06)];
        const [b, Wo, bo] = [Z([4 * units]), V([units, vocabulary], 0.06), Z([vocabulary])];
        return trained(optimizers.adam(), () => {
          const gates = t.split(linear(t.matMul(x, E), Wx, b), steps, 0);
          let [h, c] = [t.zeros([batch, units]), t.zeros([batch, units])];
          const hs: any[] = [];
          for (const gate of gates) {
            const [i, f, g, o] = t.split(t.add(gate, t.matMul(h, Wh)), 4, 1);
            c = t.add(t.mul(t.sigmoid(f), c), t.mul(t.sigmoid(i), t.tanh(g)));
            h = t.mul(t.sigmoid(o), t.tanh(c));
            hs.push(h);
          }
          return crossEntropy(y, linear(t.concat(hs, 0), Wo, bo));
        });
      }),
    ],
  ]);
  return {
    title: "tfjs",
    version: peerVersion("@tensorflow/tfjs-core"),
    detail:
      `WebAssembly, ${wasm.getThreadsCount()} thread; rows with gradients of convolutions: its cpu backend; ` +
      `Node ${process.versions.node}`,
    rows,
  };
}
