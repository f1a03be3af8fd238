// The models of the examples, and functions to evaluate them, for other programs.
export { accuracyOf, answers, confusion, measure, mistakes, type Answer } from "./evaluation.ts";
export { ActorCritic, actorCriticLoss } from "./models/actor-critic.ts";
export { BatchNormCNN } from "./models/cifar-batchnorm.ts";
export { Discriminator, Generator, discriminatorLoss, generatorLoss } from "./models/dcgan.ts";
export { QNetwork, ReplayBuffer, temporalDifferenceLoss } from "./models/dqn.ts";
export { Block, GPT, gptLoss, type GPTOptions } from "./models/gpt.ts";
export { SentimentGRU } from "./models/gru.ts";
export { LanguageModel, type LanguageModelOptions } from "./models/language-model.ts";
export { LeNet } from "./models/lenet.ts";
export { LinearRegression } from "./models/linreg.ts";
export { MLP } from "./models/mlp.ts";
export { Policy, policyGradientLoss } from "./models/reinforce.ts";
export { SoftmaxRegression } from "./models/softmax.ts";
export { VAE, vaeLoss } from "./models/vae.ts";
export { VGG } from "./models/vgg.ts";
export type { Classifier, Recipe } from "./recipe.ts";
