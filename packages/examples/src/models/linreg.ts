// Linear regression by hand: a model is a function, a parameter is a box, a training step is three lines.
import { diff, param } from "@weft/autograd";
import { mse } from "@weft/nn";
import { add, matmul, mul, scope, sub, type Backend, type Creation, type Tensor } from "@weft/tensor";

/** y = x w + b, from features `[N, features]` to predictions `[N, 1]`. */
export function LinearRegression(features: number, { randn, zeros }: Backend & Creation) {
  const weight = param(randn([features, 1], { std: 0.1 }));
  const bias = param(zeros([1]));
  const predict = (x: Tensor) => add(matmul(x, weight), bias);
  /** A step of gradient descent on the mean squared error, which it returns: w ← w − lr ∂/∂w mse(x w + b, y). */
  const descend = (x: Tensor, y: Tensor, lr: number): Tensor =>
    scope(() => {
      const tape = diff(() => mse(predict(x), y));
      for (const p of tape.params) p.value = sub(p.value, mul(tape.grad(p), lr));
      return tape.value;
    });
  return { weight, bias, predict, descend };
}
