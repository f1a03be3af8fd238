// Functions composed of others, and formulas, against numbers of PyTorch 1.13 in float64: the reference runs the same
// composition, so it would not notice a wrong formula.
import { vjp } from "@weft/autograd";
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor, ones } = reference();
const f64 = { dtype: "f64" } as const;
type Row = readonly [f: (x: weft.Tensor) => weft.Tensor, values: readonly number[], gradient: readonly number[]];

function compare(what: string, got: weft.Tensor, wanted: readonly number[]): void {
  const scale = (w: number): number => Math.max(1, Math.abs(w));
  const data = [...got.dataSync()];
  const near = data.every((g, i) => Object.is(g, wanted[i]) || Math.abs(g - wanted[i]!) <= 2e-12 * scale(wanted[i]!));
  expect(near && data.length === wanted.length ? wanted : data, what).toEqual(wanted);
}

function check(input: readonly number[], [f, values, gradient]: Row): void {
  const [y, pullback] = vjp(f, tensor(input, f64));
  compare(`value of ${f}`, y, values);
  compare(`gradient of ${f}`, pullback(ones(y.shape, f64))[0]!, gradient);
}

// oxfmt-ignore
const activations: readonly Row[] = [
  [(x) => weft.celu(x, { alpha: 2 }), [-1.553739679703, -0.625421442418, -0.235006194831, 0.5, 1.25, 7], [0.223130160148, 0.687289278791, 0.882496902585, 1, 1, 1]],
  [(x) => weft.logSigmoid(x), [-3.048587351574, -1.136871006115, -0.825939419879, -0.47407698418, -0.251929081345, -0.000911466454], [0.952574126822, 0.679178699175, 0.562176500886, 0.377540668798, 0.222700138825, 0.000911051194]],
  [(x) => weft.mish(x), [-0.145647461276, -0.276494714505, -0.129926963679, 0.375245211305, 1.131870304241, 6.99998837981], [-0.093393114532, 0.1607457405, 0.439815601722, 0.886424375358, 1.080463093148, 1.000021559161]],
  [(x) => weft.softsign(x), [-0.75, -0.428571428571, -0.2, 0.333333333333, 0.555555555556, 0.875], [0.0625, 0.326530612245, 0.64, 0.444444444444, 0.197530864198, 0.015625]],
  [(x) => weft.tanhShrink(x), [-2.004945246313, -0.114851047613, -0.005081337596, 0.03788284274, 0.401716360042, 6.000001663056], [0.990133962835, 0.403414191719, 0.059985151194, 0.213552267034, 0.71958513382, 0.999996673891]],
  [(x) => weft.gelu(x, { approximate: "tanh" }), [-0.003637392082, -0.170039444834, -0.100324649298, 0.345714009825, 1.11771420297, 7], [-0.011584166631, 0.001061743863, 0.304645904849, 0.867369903535, 1.12249263225, 1]],
  [(x) => weft.softplus(x, { beta: 2, threshold: 3 }), [0.001237842569, 0.100706638991, 0.23703849209, 0.656630843759, 1.289444867146, 7], [0.002472623157, 0.182425523806, 0.377540668798, 0.73105857863, 0.924141819979, 1]],
  [(x) => weft.hardTanh(x, { min: -0.5 }), [-0.5, -0.5, -0.25, 0.5, 1, 1], [0, 0, 1, 1, 0, 0]],
  [(x) => weft.relu6(x), [0, 0, 0, 0.5, 1.25, 6], [0, 0, 0, 1, 1, 0]],
  [(x) => weft.threshold(x, { threshold: 0.5, value: -1 }), [-1, -1, -1, -1, 1.25, 7], [0, 0, 0, 0, 1, 1]],
  [(x) => weft.softShrink(x), [-2.5, -0.25, 0, 0, 0.75, 6.5], [1, 1, 0, 0, 1, 1]],
  [(x) => weft.hardShrink(x), [-3, -0.75, 0, 0, 1.25, 7], [1, 1, 0, 0, 1, 1]],
  [(x) => weft.prelu(x, tensor([0.25], f64)), [-0.75, -0.1875, -0.0625, 0.5, 1.25, 7], [0.25, 0.25, 0.25, 1, 1, 1]],
  [(x) => weft.glu(x), [-1.867377993606, -0.582974895881, -0.249772237201], [0.622459331202, 0.777299861175, 0.999088948806, -0.705011136605, -0.129828590244, -0.000227555295]],
  [(x) => weft.softmin(x), [0.823835808785, 0.086831655412, 0.052666061241, 0.024877685795, 0.011751386679, 3.7402088e-05], [0, 0, 0, 0, 0, 0]],
  [(x) => weft.round(x, { decimals: 1 }), [-3, -0.8, -0.2, 0.5, 1.2, 7], [0, 0, 0, 0, 0, 0]],
];
test.each(activations)("%s", (...row) => check([-3, -0.75, -0.25, 0.5, 1.25, 7], row));
