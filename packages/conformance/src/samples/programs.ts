// Samples of several operations together, as in models: what a backend merges, reuses or keeps must not show.
import { hessian, hvp, jacobian, jvp } from "@weft/autograd";
import * as weft from "@weft/tensor";
import { add, conv, matmul, maxPool, mean, mul, relu, sub, sum, type Operand, type Tensor } from "@weft/tensor";
import { between, booleans, distinct, floats, integers, positive, sample, type Collection } from "../sample.ts";

const normalized = (x: Tensor): Tensor => {
  const centred = sub(x, mean(x, { axis: -1, keepDims: true }));
  return mul(centred, weft.rsqrt(add(mean(weft.square(centred), { axis: -1, keepDims: true }), 1e-5)));
};

/** One step of an LSTM: gates in the order input, forget, cell, output. */
const cell = (x: Tensor, h: Operand, c: Operand, w: Tensor, u: Tensor, b: Tensor): [Tensor, Tensor] => {
  const gates = add(add(matmul(x, w), matmul(h, u)), b);
  const [i, f, g, o] = weft.split(gates, 4, { axis: 1 });
  const next = add(mul(weft.sigmoid(f), c), mul(weft.sigmoid(i), weft.tanh(g)));
  return [mul(weft.sigmoid(o), weft.tanh(next)), next];
};

export const programs: Collection<"layers" | "reductions" | "movement and merging" | "reuse" | "derivatives"> = {
  family: "fused",
  samples: {
    layers: [
      sample("a layer with bias and relu", [floats(9, 13), floats(13, 7), floats(7)], (x, w, b) =>
        relu(add(matmul(x, w), b)),
      ),
      sample("two layers and a loss", [between(-1, 1, 6, 5), between(-1, 1, 5, 8), floats(8), between(-1, 1, 8, 3), integers(0, 3, 6)], (x, w, b, v, y) => mean(weft.crossEntropyRows(matmul(weft.tanh(add(matmul(x, w), b)), v), y))), // prettier-ignore
      sample("convolution, bias, relu, pool", [distinct(2, 2, 6, 6), between(-1, 1, 3, 2, 3, 3), floats(3, 1, 1)], (x, w, b) => maxPool(relu(add(conv(x, w), b)), { window: 2 }), { order: 0 }), // prettier-ignore
      sample("normalization with weights", [floats(4, 33), positive(33), floats(33)], (x, w, b) =>
        add(mul(normalized(x), w), b),
      ),
      sample("normalization of channels", [floats(3, 2, 4, 5), positive(1, 2, 1, 1)], (x, w) => {
        const centred = sub(x, mean(x, { axis: [0, 2, 3], keepDims: true }));
        return mul(weft.div(centred, weft.sqrt(add(weft.variance(x, { axis: [0, 2, 3], keepDims: true }), 1e-5))), w);
      }),
      sample("attention", [floats(2, 4, 3), floats(2, 5, 3), floats(2, 5, 2)], (q, k, v) => matmul(weft.softmax(mul(matmul(q, weft.transpose(k)), 3 ** -0.5)), v)), // prettier-ignore
      sample("two steps of an LSTM", [floats(3, 4), floats(3, 4), between(-1, 1, 4, 20), between(-1, 1, 5, 20), floats(20)], (x, y, w, u, b) => cell(y, ...cell(x, weft.zerosLike(matmul(x, weft.slice(w, { ends: [4, 5] }))), 0, w, u, b), w, u, b)), // prettier-ignore
      sample("a step of Adam", [floats(37), floats(37), floats(37), positive(37)], (p, g, m, v) => {
        const [m1, v1] = [add(mul(m, 0.9), mul(g, 0.1)), add(mul(v, 0.999), mul(weft.square(g), 0.001))];
        return [sub(p, weft.div(mul(m1, 0.01), add(weft.sqrt(v1), 1e-8))), m1, v1];
      }),
    ],
    reductions: [
      sample("elementwise before and after", [floats(5, 37)], (x) =>
        weft.sqrt(sum(weft.square(mul(x, 0.5)), { axis: 1 })),
      ),
      sample("a sum of a product that broadcasts", [floats(5, 1, 7), floats(6, 1)], (a, b) =>
        sum(mul(a, b), { axis: [0, 2] }),
      ),
      sample("two reductions of one value", [floats(5, 37)], (x) => {
        const y = weft.exp(x);
        return [sum(y, { axis: 0 }), mean(y, { axis: 1 })];
      }),
      sample("a reduction of a reduction", [distinct(4, 5, 6)], (x) => sum(weft.max(x, { axis: 2 }), { axis: 0 })),
      sample("a reduction used along its own axis", [floats(6, 33)], (x) =>
        weft.div(x, sum(weft.abs(x), { axis: 1, keepDims: true })),
      ),
      sample("a reduction used along another axis", [floats(6, 6)], (x) => add(x, sum(x, { axis: 1 }))),
    ],
    "movement and merging": [
      sample("a transpose between elementwise operations", [floats(7, 9)], (x) => weft.tanh(weft.transpose(mul(x, 2)))),
      sample("a value and its transpose", [floats(9, 9)], (x) => add(mul(x, 2), weft.transpose(mul(x, 2)))),
      sample("a reshape between elementwise operations", [floats(6, 8)], (x) =>
        weft.exp(weft.reshape(mul(x, 0.5), [4, 12])),
      ),
      sample("slices of one value", [floats(5, 12)], (x) => {
        const y = weft.tanh(x);
        return mul(weft.slice(y, { ends: [5, 6] }), weft.slice(y, { starts: [0, 6] }));
      }),
      sample("a product of slices and transposes", [floats(6, 8), floats(4, 6)], (a, b) => matmul(weft.transpose(weft.slice(a, { starts: [0, 2], ends: [6, 7] })), weft.transpose(b))), // prettier-ignore
      sample("padding after elementwise operations", [floats(3, 5)], (x) => add(weft.pad(weft.square(x), { pads: [[1, 0], [2, 1]] }), 1)), // prettier-ignore
      sample("joined and cut again", [floats(4, 3), floats(4, 5)], (a, b) => weft.slice(weft.concat([weft.exp(a), mul(b, 2)], { axis: 1 }), { starts: [0, 2], ends: [4, 5] })), // prettier-ignore
      sample("flipped sums", [floats(3, 9)], (x) =>
        weft.flip(weft.cumsum(weft.flip(mul(x, 2), { axis: 1 })), { axis: 1 }),
      ),
      sample("a mask made on the way", [distinct(4, 9)], (x) => weft.where(weft.less(x, mean(x)), mul(x, 0.1), x)),
      sample("a choice of rows of a product", [floats(7, 4), floats(4, 5), integers(0, 7, 9)], (a, b, i) =>
        weft.take(matmul(a, b), i),
      ),
    ],
    reuse: [
      sample("a value used three times", [floats(33)], (x) => {
        const y = weft.sin(x);
        return add(mul(y, y), y);
      }),
      sample("a diamond", [floats(5, 7)], (x) => {
        const y = weft.exp(mul(x, 0.3));
        return mul(add(y, 1), sub(y, weft.reciprocal(y)));
      }),
      sample("a loop of twenty steps", [between(-1, 1, 9)], (x) => {
        let y = x;
        for (let i = 0; i < 20; i++) y = add(mul(weft.tanh(y), 0.9), mul(x, 0.1));
        return y;
      }),
      sample("results of several sizes", [floats(6, 5)], (x) => [weft.exp(x), sum(x), sum(x, { axis: 0 }), weft.transpose(x), matmul(x, weft.transpose(x))]), // prettier-ignore
      sample("results of several dtypes", [floats(6, 5), booleans(5)], (x, m) => [weft.where(m, x, 0), weft.cast(x, "i32"), weft.less(x, 0), weft.argmax(x, { axis: 1 })], { order: 0 }), // prettier-ignore
      sample("numbers of every kind", [floats(9)], (x) =>
        add(mul(sub(1, x), 1e-3), weft.div(-0.5, add(weft.abs(x), 2))),
      ),
      sample("an unused value that is infinite", [positive(9)], (x) => {
        weft.log(sub(x, x));
        return mul(x, 2);
      }),
    ],
    derivatives: [
      sample("along tangents", [between(-1, 1, 2, 3), floats(2, 3)], (x, v) => jvp((z: Tensor) => weft.softmax(weft.sin(z)), [x], [v])), // prettier-ignore
      sample("a Jacobian by rows and by columns", [positive(2, 2)], (x) => [jacobian((z: Tensor) => sum(weft.log(z), { axis: 1 }))(x), jacobian((z: Tensor) => matmul(z, weft.slice(z, { ends: [2, 1] })))(x)], { order: 1 }), // prettier-ignore
      sample("a Hessian and its product with a vector", [between(-1, 1, 3), floats(3)], (x, v) => {
        const f = (z: Tensor) => sum(mul(weft.tanh(z), weft.square(z)));
        return [hessian(f)(x), ...hvp(f, [x], [v])[1]];
      }, { order: 1 }), // prettier-ignore
    ],
  },
};
