// jax-js on its WebAssembly backend: whole steps under `jit`, except LeNet, which is faster without. It has no layers;
// its functions consume their arguments, and `.ref` adds a reference.
import type { Contender } from "../contender.ts";
import { hot, sizeOf, spread, whole } from "../numbers.ts";
import { peer, peerVersion } from "../peers.ts";
import type { TimedStep } from "../rows/row.ts";

const BATCH = 100;

type Loss = (parameters: any[], x: any, y: any) => any;

export async function jaxjs(): Promise<Contender> {
  const {
    numpy: np,
    lax,
    nn,
    jit,
    grad,
    valueAndGrad,
    tree,
    init,
    defaultDevice,
    blockUntilReady,
  } = peer("@jax-js/jax");
  await init("wasm");
  defaultDevice("wasm");

  const A = (shape: number[], scale = 1): any => np.array(spread(sizeOf(shape), scale)).reshape(shape);
  const Z = (shape: number[]): any => np.zeros(shape);
  const targets = (count: number, depth: number): any =>
    np.array(hot(whole(count, depth), depth)).reshape([count, depth]);
  const timed = (f: () => any) => async (): Promise<void> => {
    const y = f();
    await blockUntilReady(y);
    tree.dispose(y);
  };
  const rows = new Map<string, () => Promise<TimedStep>>();
  const row = (name: string, inputs: () => any[], f: (...xs: any[]) => any): void => {
    rows.set(name, async () => {
      const xs = inputs();
      await blockUntilReady(xs);
      return { run: timed(() => f(...xs.map((x) => x.ref))), end: () => tree.dispose(xs) };
    });
  };

  for (const n of [256, 512, 1024])
    row(
      `matmul-${n}`,
      () => [A([n, n]), A([n, n])],
      (a, b) => np.matmul(a, b),
    );

  const conv = (x: any, w: any): any => lax.convGeneralDilated(x, w, [1, 1], "VALID");
  const convolution = (name: string, x: number[], w: number[], y: number[]): void => {
    row(name, () => [A(x), A(w, 0.1)], jit(conv));
    const both = jit((a: any, b: any, g: any) => grad((p: any[]) => conv(p[0], p[1]).mul(g).sum())([a, b]));
    row(`${name}-grad`, () => [A(x), A(w, 0.1), A(y)], both);
  };
  convolution("conv1", [100, 1, 28, 28], [20, 1, 5, 5], [100, 20, 24, 24]);
  convolution("conv2", [100, 20, 12, 12], [50, 20, 5, 5], [100, 50, 8, 8]);

  const ten = (): any[] => [A([10]), A([10])];
  const chain = (a: any, b: any): any => {
    let y = a;
    for (let i = 1; i < 200; i++) y = y.add(b.ref);
    return y.add(b).sum();
  };
  row("add10", ten, (a, b) => {
    const sums = Array.from({ length: 999 }, () => a.ref.add(b.ref));
    return [...sums, a.add(b)];
  });
  rows.set("add10-read", async () => {
    const [a, b] = ten();
    return { run: () => void a.ref.add(b.ref).dataSync() };
  });
  row("add10-grad", ten, (a, b) => grad((p: any[]) => chain(p[0], p[1]))([a, b]));
  row("add10-grad-one", ten, (a, b) => grad((p: any[]) => p[0].add(p[1]).sum())([a, b]));

  /** One step on a state of parameters; for Adam also both moments and the step count. */
  const stepOf = (loss: Loss, rule: "sgd" | "adam") => (state: any, x: any, y: any) => {
    const [value, g] = valueAndGrad(loss)(
      state.p.map((w: any) => w.ref),
      x,
      y,
    );
    if (rule === "sgd") return [value, { p: state.p.map((w: any, i: number) => w.sub(g[i].mul(0.01))) }];
    const t = state.t.add(1);
    const c1 = np
      .exp(t.ref.mul(Math.log(0.9)))
      .mul(-1)
      .add(1);
    const c2 = np
      .exp(t.ref.mul(Math.log(0.999)))
      .mul(-1)
      .add(1);
    const m = state.m.map((a: any, i: number) => a.mul(0.9).add(g[i].ref.mul(0.1)));
    const v = state.v.map((a: any, i: number) => a.mul(0.999).add(g[i].ref.mul(g[i]).mul(0.001)));
    const change = (i: number): any =>
      m[i].ref
        .div(c1.ref)
        .div(np.sqrt(v[i].ref.div(c2.ref)).add(1e-8))
        .mul(0.001);
    const p = state.p.map((w: any, i: number) => w.sub(change(i)));
    tree.dispose([c1, c2]);
    return [value, { p, m, v, t }];
  };
  const trained = (name: string, rule: "sgd" | "adam", eager: boolean, make: () => [any[], any, any, Loss]): void => {
    rows.set(`${name}-${rule}`, async () => {
      const [p, x, y, loss] = make();
      let state: any = { p };
      if (rule === "adam")
        state = { p, m: p.map((w) => np.zeros(w.shape)), v: p.map((w) => np.zeros(w.shape)), t: np.array(0) };
      await blockUntilReady([state, x, y]);
      const step = eager ? stepOf(loss, rule) : jit(stepOf(loss, rule));
      return {
        async run() {
          const [value, next] = step(state, x.ref, y.ref);
          state = next;
          await blockUntilReady([state, value]);
          tree.dispose(value);
        },
        end: () => tree.dispose([state, x, y]),
      };
    });
  };
  const crossEntropy = (logits: any, y: any, count = BATCH): any =>
    nn
      .logSoftmax(logits)
      .mul(y)
      .sum()
      .mul(-1 / count);
  const linear = (x: any, w: any, b: any): any => np.matmul(x, w).add(b);

  trained("linreg", "sgd", false, () => [
    [A([13, 1], 0.1), Z([1])],
    A([506, 13]),
    A([506, 1]),
    ([w, b], x, y) => np.square(linear(x, w, b).sub(y)).mean(),
  ]);
  trained("softmax", "sgd", false, () => [
    [A([784, 10], 0.05), Z([10])],
    A([BATCH, 784]),
    targets(BATCH, 10),
    ([w, b], x, y) => crossEntropy(linear(x, w, b), y),
  ]);
  for (const rule of ["sgd", "adam"] as const) {
    trained("mlp", rule, false, () => [
      [A([784, 64], 0.05), Z([64]), A([64, 10], 0.1), Z([10])],
      A([BATCH, 784]),
      targets(BATCH, 10),
      ([w1, b1, w2, b2], x, y) => crossEntropy(linear(nn.relu(linear(x, w1, b1)), w2, b2), y),
    ]);
    const pool = (x: any): any => lax.reduceWindow(x, np.max, [2, 2], [2, 2]);
    const layer = (x: any, w: any, b: any): any => pool(nn.relu(conv(x, w).add(b.reshape([-1, 1, 1]))));
    trained("lenet", rule, true, () => [
      [
        A([20, 1, 5, 5], 0.1),
        Z([20]),
        A([50, 20, 5, 5], 0.05),
        Z([50]),
        A([800, 500], 0.03),
        Z([500]),
        A([500, 10], 0.04),
        Z([10]),
      ],
      A([BATCH, 1, 28, 28]),
      targets(BATCH, 10),
      ([w1, b1, w2, b2, w3, b3, w4, b4], x, y) => {
        const h = layer(layer(x, w1, b1), w2, b2).reshape([BATCH, 800]);
        return crossEntropy(linear(nn.relu(linear(h, w3, b3)), w4, b4), y);
      },
    ]);
  }
  const [steps, batch, vocabulary, units] = [100, 128, 80, 256] as const;
  // A lookup has no gradient for its table, and there is no scan: one-hot rows, and an unrolled loop.
  trained("charlm", "adam", false, () => [
    [
      A([vocabulary, units], 0.1),
      A([units, 4 * units], 0.06),
      A([units, 4 * units], 0.06),
      Z([4 * units]),
      A([units, vocabulary], 0.06),
      Z([vocabulary]),
    ],
    targets(steps * batch, vocabulary),
    targets(steps * batch, vocabulary),
    ([E, Wx, Wh, b, Wo, bo], x, y) => {
      const all = linear(np.matmul(x, E), Wx, b).reshape([steps, batch, 4, units]);
      let [h, c] = [Z([batch, units]), Z([batch, units])];
      const hs: any[] = [];
      for (let s = 0; s < steps; s++) {
        const gates = all.ref.slice(s).add(np.matmul(h, Wh.ref).reshape([batch, 4, units]));
        const [i, f] = [nn.sigmoid(gates.ref.slice([], 0)), nn.sigmoid(gates.ref.slice([], 1))];
        const [g, o] = [np.tanh(gates.ref.slice([], 2)), nn.sigmoid(gates.slice([], 3))];
        c = f.mul(c).add(i.mul(g));
        h = o.mul(np.tanh(c.ref));
        hs.push(h.ref);
      }
      tree.dispose([all, Wh, c, h]);
      return crossEntropy(linear(np.concatenate(hs, 0), Wo, bo), y, steps * batch);
    },
  ]);
  return {
    title: "jax-js",
    version: peerVersion("@jax-js/jax"),
    detail: `WebAssembly, 1 thread, jit (LeNet without); Node ${process.versions.node}`,
    rows,
  };
}
