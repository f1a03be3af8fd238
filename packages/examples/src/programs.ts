// The programs by name.
import { classifier } from "./classifier.ts";
import { actorCritic } from "./models/actor-critic.ts";
import { charlm } from "./models/charlm.ts";
import { dcgan } from "./models/dcgan.ts";
import { dqn } from "./models/dqn.ts";
import { gpt } from "./models/gpt.ts";
import { gru } from "./models/gru.ts";
import { opcost } from "./models/opcost.ts";
import { reinforce } from "./models/reinforce.ts";
import { resnet50Features } from "./models/resnet50.ts";
import { seq2seq } from "./models/seq2seq.ts";
import { shakespeare } from "./models/shakespeare.ts";
import { pos } from "./models/pos.ts";
import { rnnlm } from "./models/rnnlm.ts";
import { tagger } from "./models/tagger.ts";
import { treenn } from "./models/treenn.ts";
import { vae } from "./models/vae.ts";
import type { Program } from "./program.ts";
import { linreg } from "./programs/linreg.ts";
import { recipes } from "./recipes.ts";

export const programs = {
  linreg,
  softmax: classifier(recipes.softmax),
  mlp: classifier(recipes.mlp),
  lenet: classifier(recipes.lenet),
  charlm,
  vgg: classifier(recipes.vgg),
  "cifar-batchnorm": classifier(recipes["cifar-batchnorm"]),
  gru,
  resnet50: resnet50Features,
  opcost,
  gpt,
  shakespeare,
  seq2seq,
  treenn,
  tagger,
  rnnlm,
  pos,
  vae,
  dcgan,
  dqn,
  "actor-critic": actorCritic,
  reinforce,
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;
export const programNames = Object.keys(programs) as ProgramName[];
export const isProgram = (name: unknown): name is ProgramName => programNames.includes(name as ProgramName);
