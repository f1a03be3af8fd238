// The rules: what an optimizer does with a gradient.
export { adafactor, type AdafactorOptions } from "./adafactor.ts";
export { adam, adamw, type AdamOptions, type AdamWOptions } from "./adam.ts";
export { adadelta, adagrad, momentum, nesterov, rmsprop, sgd } from "./knet.ts";
export type { AdagradOptions, AverageOptions, MomentumOptions } from "./knet.ts";
export { lion, type LionOptions } from "./lion.ts";
export { muon, type MuonOptions } from "./muon.ts";
