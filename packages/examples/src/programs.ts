// The programs by name.
import { actorCritic } from "./programs/actor-critic.ts";
import { charlm } from "./programs/charlm.ts";
import { cifarBatchnorm } from "./programs/cifar-batchnorm.ts";
import { dcgan } from "./programs/dcgan.ts";
import { dqn } from "./programs/dqn.ts";
import { gpt } from "./programs/gpt.ts";
import { gru } from "./programs/gru.ts";
import { lenet } from "./programs/lenet.ts";
import { linreg } from "./programs/linreg.ts";
import { mlp } from "./programs/mlp.ts";
import { opcost } from "./programs/opcost.ts";
import { pos } from "./programs/pos.ts";
import { reinforce } from "./programs/reinforce.ts";
import { resnet50 } from "./programs/resnet50.ts";
import { rnnlm } from "./programs/rnnlm.ts";
import { seq2seq } from "./programs/seq2seq.ts";
import { shakespeare } from "./programs/shakespeare.ts";
import { softmax } from "./programs/softmax.ts";
import { tagger } from "./programs/tagger.ts";
import { treenn } from "./programs/treenn.ts";
import { vae } from "./programs/vae.ts";
import { vgg } from "./programs/vgg.ts";
import type { Program } from "./training/program.ts";

export const programs = {
  linreg,
  softmax,
  mlp,
  lenet,
  charlm,
  vgg,
  "cifar-batchnorm": cifarBatchnorm,
  gru,
  resnet50,
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
