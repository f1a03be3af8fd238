// Size fixture: a program of one operation.
export { add } from "@weft/tensor";
