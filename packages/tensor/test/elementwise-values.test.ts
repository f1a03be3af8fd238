// Functions composed of others, and formulas, against numbers of PyTorch 1.13 in float64 or of higher precision: the
// reference runs the same
// composition, so it would not notice a wrong formula.
import { grad, vjp } from "@weft/autograd";
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor, ones, zeros } = reference();
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

// oxfmt-ignore
const formulas: readonly Row[] = [
  [(x) => weft.log2(x), [-1.736965594166, 0.5849625007212, 1.169925001442, 5.321928094887], [4.80898346963, 0.961796693926, 0.6411977959507, 0.03606737602222]],
  [(x) => weft.log10(x), [-0.5228787452803, 0.1760912590557, 0.3521825181114, 1.602059991328], [1.447648273011, 0.2895296546022, 0.1930197697348, 0.01085736204758]],
  [(x) => weft.exp2(x), [1.231144413345, 2.828427124746, 4.756828460011, 1099511627776], [0.8533642789722, 1.960516286937, 3.297182235464, 762123384785.8]],
  [(x) => weft.exp10(x.div(10)), [1.071519305238, 1.412537544623, 1.678804018123, 10000], [0.2467264379095, 0.3252487893543, 0.3865589106188, 2302.585092994]],
  [(x) => weft.cbrt(x), [0.6694329500822, 1.144714242553, 1.310370697104, 3.419951893353], [0.7438143889802, 0.2543809427896, 0.1941289921636, 0.02849959911128]],
  [(x) => weft.ldexp(x, 3), [2.4, 12, 18, 320], [8, 8, 8, 8]],
  [(x) => weft.ldexp(3, x), [3.693433240035, 8.485281374239, 14.27048538003, 3298534883328], [2.560092836916, 5.881548860811, 9.891546706392, 2286370154357]],
  [(x) => weft.frexp(x)[0], [0.6, 0.75, 0.5625, 0.625], [2, 0.5, 0.25, 0.015625]],
  [(x) => weft.xlogy(x, 3), [0.3295836866004, 1.647918433002, 2.471877649503, 43.94449154672], [1.098612288668, 1.098612288668, 1.098612288668, 1.098612288668]],
  [(x) => weft.xlogy(3, x), [-3.611918412978, 1.216395324324, 2.432790648649, 11.06663836234], [10, 2, 1.333333333333, 0.075]],
  [(x) => weft.logAddExp(x, 2), [2.167786029386, 2.47407698418, 2.825939419879, 40], [0.1544652650835, 0.3775406687981, 0.5621765008858, 1]],
  [(x) => weft.logit(x.div(50)), [-5.109977737429, -3.476098689835, -3.05504885071, 1.38629436112], [3.353454057679, 0.6872852233677, 0.4653868528214, 0.125]],
  [(x) => weft.logit(x, { eps: 0.2 }), [-0.8472978603872, 1.38629436112, 1.38629436112, 1.38629436112], [4.761904761905, 0, 0, 0]],
  [(x) => weft.acosh(x.add(1)), [0.756432910857, 1.566799236972, 1.847246085714, 4.406570493077], [1.203858530858, 0.436435780472, 0.3233808333818, 0.02439750182371]],
  [(x) => weft.hypot(x, -3), [3.014962686336, 3.35410196625, 3.75, 40.11234224026], [0.099503719021, 0.4472135955, 0.6, 0.9971993098885]],
  [(x) => weft.sinc(x), [0.8583936913341, -0.2122065907892, 0.1000351462397, -3.898171832519e-17], [-0.9020281301389, 0.1414710605261, 0.2698096155319, 0.025]],
  [(x) => weft.deg2rad(x), [0.005235987755983, 0.02617993877991, 0.03926990816987, 0.6981317007977], [0.01745329251994, 0.01745329251994, 0.01745329251994, 0.01745329251994]],
  [(x) => weft.rad2deg(x), [17.18873385392, 85.94366926962, 128.9155039044, 2291.831180523], [57.29577951308, 57.29577951308, 57.29577951308, 57.29577951308]],
  [(x) => weft.sinpi(x), [0.8090169943749, -1, 0.7071067811865, -4.898587196589e-15], [1.84658183049, -5.771012081165e-16, 2.221441469079, 3.14159265359]],
  [(x) => weft.cospi(x), [0.5877852522925, -1.836970198721e-16, 0.7071067811865, 1], [-2.541601846158, 3.14159265359, -2.221441469079, 1.538936554977e-14]],
  [(x) => weft.sind(x), [0.00523596383142, 0.02617694830787, 0.03925981575907, 0.6427876096865], [0.01745305327453, 0.0174473117125, 0.01743983666393, 0.01336999774903]],
  [(x) => weft.cosd(x), [0.9999862922474, 0.9996573249756, 0.9992290362407, 0.766044443119], [-9.138480837361e-05, -0.0004568739360967, -0.0006852130487221, -0.01121876018005]],
  [(x) => weft.tand(x), [0.0052360356057, 0.02618592156919, 0.03929010700767, 0.8390996311773], [0.01745377102061, 0.01746526028606, 0.01748023538592, 0.02974194967803]],
  [(x) => weft.asind(x.div(50)), [0.34377673976, 1.719131320878, 2.579181051648, 53.13010235416], [1.145936217299, 1.14643160061, 1.147077594889, 1.909859317103]],
  [(x) => weft.acosd(x.div(50)), [89.65622326024, 88.28086867912, 87.42081894835, 36.86989764584], [-1.145936217299, -1.14643160061, -1.147077594889, -1.909859317103]],
  [(x) => weft.atand(x.div(50)), [0.3437705518715, 1.718358001655, 2.576571830269, 38.65980825409], [1.145874338785, 1.144885193587, 1.143599800665, 0.6987290184522]],
  [(x) => weft.trunc(x), [0, 1, 2, 40], [0, 0, 0, 0]],
  [(x) => weft.frac(x), [0.3, 0.5, 0.25, 0], [1, 1, 1, 1]],
  [(x) => weft.fmod(x, -0.7), [0.3, 0.1, 0.15, 0.1], [1, 1, 1, 1]],
  [(x) => weft.fmod(-9, x), [-3.330669073875e-16, -0, -0, -9], [30, 6, 4, 0]],
  [(x) => weft.floorDivide(x, -0.7), [-1, -3, -4, -58], [0, 0, 0, 0]],
  [(x) => weft.copySign(x, -1), [-0.3, -1.5, -2.25, -40], [-1, -1, -1, -1]],
  [(x) => weft.heaviside(x.sub(1.5), 0.5), [0, 0.5, 1, 1], [0, 0, 0, 0]],
  [(x) => weft.fmax(x, 1.5), [1.5, 1.5, 2.25, 40], [0, 1, 1, 1]],
  [(x) => weft.fmin(x, 1.5), [0.3, 1.5, 1.5, 1.5], [1, 1, 0, 0]],
  [(x) => weft.lerp(x, 7, 0.25), [1.975, 2.875, 3.4375, 31.75], [0.75, 0.75, 0.75, 0.75]],
  [(x) => weft.lerp(2, 7, x), [3.5, 9.5, 13.25, 202], [5, 5, 5, 5]],
];
test.each(formulas)("%s", (...row) => check([0.3, 1.5, 2.25, 40], row));

// oxfmt-ignore
const specials: readonly Row[] = [
  [(x) => weft.erfc(x), [2, 1.9340079449407, 1.2763263901682, 0.67137324054087, 0.033894853524689, 4.1370317465138e-37], [-2.0723517418246e-181, -0.20820798679607, -1.0600141293761, -1.031260909619, -0.11893028922363, -7.492073428246e-36]],
  [(x) => weft.erfcx(x.abs()), [0.027623243159899, 0.35764266908609, 0.770346547731, 0.73459933456766, 0.32158541645432, 0.062307724037775], [0.0013508461716312, 0.19850822747168, 0.74320589323001, -0.68761956635492, -0.16362291773256, -0.0068401344155683]],
  [(x) => weft.lgamma(x), [-42.352790925551, 1.2024757863901, 1.5895753125512, 1.0957979948181, -0.12078223763525, 10.604602902745], [4.0606098400296, 2.8825405488662, 2.9141391202135, -3.5025242222001, 0.036489973978577, 2.1406414779556]],
  [(x) => weft.digamma(x), [4.0606098400296, 2.8825405488662, 2.9141391202135, -3.5025242222001, 0.036489973978577, 2.1406414779556], [10.863728492269, 14.536876244137, 18.541879647672, 12.245364546108, 0.93480220054468, 0.11751201469403]],
  [(x) => weft.polygamma(1, x), [10.863728492269, 14.536876244137, 18.541879647672, 12.245364546108, 0.93480220054468, 0.11751201469403], [22.274009070064, 68.549413471162, 122.69736678366, -75.272536588726, -0.82879664423432, -0.013793319195768]],
  [(x) => weft.polygamma(2, x), [22.274009070064, 68.549413471162, 122.69736678366, -75.272536588726, -0.82879664423432, -0.013793319195768], [283.60208125541, 768.72065719904, 1555.7633125349, 743.14176465505, 1.4090910340024, 0.0032343960459451]],
  [(x) => weft.polygamma(3, x), [283.60208125541, 768.72065719904, 1555.7633125349, 743.14176465505, 1.4090910340024, 0.0032343960459451], [2037.3985101725, 9738.2988540177, 24473.199394185, -9883.468555497, -3.4742498266672, -0.0011363732756376]],
];
test.each(specials)("%s, by arbitrary precision", (...row) => check([-20.4, -1.3, -0.25, 0.3, 1.5, 9], row));

test("special functions at poles and far out", () => {
  const at = (f: (x: weft.Tensor) => weft.Tensor, ...data: number[]) => f(tensor(data, f64)).arraySync();
  expect(at(weft.lgamma, 0, -1, 1, 2, Infinity, -Infinity)).toEqual([Infinity, Infinity, 0, 0, Infinity, Infinity]);
  expect(at(weft.digamma, 0, -0, -1, Infinity)).toEqual([-Infinity, Infinity, NaN, Infinity]);
  expect(at((x) => weft.polygamma(1, x), 0, -1, Infinity)).toEqual([Infinity, Infinity, 0]);
  expect(at((x) => weft.polygamma(2, x), 0, -1)).toEqual([-Infinity, -Infinity]);
  expect(at(weft.erfc, -40, 40, Infinity)).toEqual([2, 0, 0]);
  expect(at(weft.erfcx, -40, Infinity)).toEqual([Infinity, 0]);
  expect(() => weft.polygamma(-1, tensor([1]))).toThrow(
    "polygamma: wanted an integer from 0 to 32 as n, got number -1",
  );
});

test("the derivatives of erfcx far out, by arbitrary precision", () => {
  const slope = grad((x: weft.Tensor) => weft.sum(weft.erfcx(x)));
  const slopes = grad((x: weft.Tensor) => weft.sum(slope(x)));
  const near = (x: weft.Tensor, wanted: number[], digits: number) =>
    [...x.dataSync()].forEach((y, i) => expect(y / wanted[i]!).toBeCloseTo(1, digits));
  const [single, double] = [tensor([5.9, 6.1, 1000]), tensor([5.9, 23.5, 24.5, 1000, 1e7], f64)];
  near(slope(single), [-0.015554960545253594, -0.014588702597569852, -5.6418873726549667e-7], 4);
  near(slopes(single), [0.005065737862661627, 0.0046064290470154897, 1.1283757819707055e-9], 3);
  // oxfmt-ignore
  near(slope(double), [-0.015554960545253594, -0.0010188574872142174, -0.00093758523138164668, -5.6418873726549667e-7, -5.6418958354774782e-15], 12);
  // oxfmt-ignore
  near(slopes(double), [0.005065737862661627, 8.647723320183088e-5, 7.6347411855676963e-5, 1.1283757819707055e-9, 1.1283791670954787e-21], 9);
  for (const far of [tensor([3e38, Infinity]), tensor([1e300, Infinity], f64)])
    for (const f of [slope, slopes]) expect(Math.max(...f(far).abs().dataSync())).toBeLessThan(1e-76);
});

test("what is not finite, and NumPy's conventions of integers", () => {
  const odd = tensor([NaN, Infinity, -Infinity, 2], f64);
  expect(weft.nanToNum(odd, { nan: 1 }).arraySync()).toEqual([1, Number.MAX_VALUE, -Number.MAX_VALUE, 2]);
  expect(weft.isInf(odd).arraySync()).toEqual([0, 1, 1, 0]);
  expect(weft.isClose(odd, odd).arraySync()).toEqual([0, 1, 1, 1]);
  // f32 cannot tell the first two apart, and the difference of the last two does not fit i32.
  const a = tensor([100000001, 7, 2 ** 31 - 1], { dtype: "i32" });
  const b = tensor([100000000, 7, -(2 ** 31)], { dtype: "i32" });
  expect(weft.isClose(a, b, { rtol: 0, atol: 0 }).arraySync()).toEqual([0, 1, 0]);
  expect(weft.isClose(a, b, { rtol: 0, atol: 1 }).arraySync()).toEqual([1, 1, 0]);
  expect(weft.isClose(b, a, { rtol: 3, atol: 0 }).arraySync()).toEqual([1, 1, 1]);
  expect(weft.isClose(tensor([true, false]), 1).arraySync()).toEqual([1, 0]);
  const ints = (...data: number[]) => tensor(data, { dtype: "i32" });
  expect(weft.floorDivide(ints(-7, 7, -7, 5), ints(2, -2, -2, 0)).arraySync()).toEqual([-4, -4, 3, 0]);
  expect(weft.fmod(ints(-7, 7, -(2 ** 31), 5), ints(2, -2, 3, 0)).arraySync()).toEqual([-1, 1, -2, 0]);
  expect(weft.shiftLeft(ints(1, -1, 5, 5), ints(31, 2, 32, -1)).arraySync()).toEqual([-(2 ** 31), -4, 0, 0]);
  expect(weft.shiftRight(ints(5, -5, 5, -5), ints(1, 1, 40, -1)).arraySync()).toEqual([2, -3, 0, -1]);
  expect(weft.bitNot(tensor([true, false])).arraySync()).toEqual([0, 1]);
  expect(() => weft.bitAnd(tensor([1]), 1)).toThrow("bitAnd: wanted i32 or bool, got f32; use cast");
  expect(() => weft.bitAnd(ints(1), 0.5)).toThrow(
    "bitAnd: wanted an integer that fits i32 as an operand, got number 0.5",
  );
  expect(() => weft.fmod(1, 2)).toThrow("fmod: wanted at least one tensor among the operands, got numbers only");
  expect(() => weft.fmax(zeros([2]), zeros([3]))).toThrow("fmax: shapes [3] and [2] do not fit");
});

test("ldexp scales to all numbers of the dtype, and its derivatives do, too", () => {
  for (const dtype of ["f32", "f64"] as const) {
    const [most, least, all] = dtype === "f32" ? [3.4e38, 2 ** -149, 276] : [1.7e308, 2 ** -1074, 2097];
    const x = tensor([most, -most, least, 1.5, 0, -0, NaN, Infinity], { dtype });
    compare(`${dtype}: back from frexp`, weft.ldexp(...weft.frexp(x)), [...x.dataSync()]);
    const far = weft.ldexp(tensor([least, 0, Infinity, 1], { dtype }), tensor([all, 9999, -9999, Infinity], { dtype }));
    compare(`${dtype}: far`, far, [2 ** (dtype === "f32" ? 127 : 1023), 0, Infinity, Infinity]);
  }
  const [y, pullback] = vjp((x, n) => weft.ldexp(x, n), tensor([2 ** -140]), tensor([150]));
  compare("value", y, [1024]);
  const [dx, dn] = pullback(tensor([2 ** -130]));
  compare("dx", dx!, [2 ** 20]);
  compare("dn", dn!, [Math.fround(Math.LN2) * 2 ** -120]);
});

test("the derivatives of lerp do not cancel", () => {
  const [a, b, w] = [tensor([1e7]), tensor([1e7 + 1]), tensor([Math.fround(1 - 2 ** -24)])];
  const [, pullback] = vjp((x, y, z) => weft.lerp(x, y, z), a, b, w);
  const g = Math.fround(0.1);
  expect(pullback(tensor([g])).map((d) => Math.fround(d.itemSync()))).toEqual([
    g * 2 ** -24,
    Math.fround(g * (1 - 2 ** -24)),
    g,
  ]);
});
