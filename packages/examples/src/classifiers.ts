// The recipes by name.
import { cifarBatchnorm } from "./programs/cifar-batchnorm.ts";
import { lenet } from "./programs/lenet.ts";
import { mlp } from "./programs/mlp.ts";
import { softmax } from "./programs/softmax.ts";
import { vgg } from "./programs/vgg.ts";
import type { Recipe } from "./images/classifier-recipe.ts";

export const recipes = { lenet, mlp, softmax, vgg, "cifar-batchnorm": cifarBatchnorm } satisfies Record<string, Recipe>;

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];
export const isRecipe = (name: unknown): name is RecipeName => recipeNames.includes(name as RecipeName);
