// Size fixture: what a program pays that wants gradients and nothing else.
export { grad } from "@weft/autograd";
