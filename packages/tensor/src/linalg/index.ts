// Decompositions of matrices, and what is computed by them.
export { cholesky } from "./cholesky.ts";
export { eigh } from "./eigh.ts";
export { cond, lstsq, matrixRank, pinv } from "./least-squares.ts";
export { lu } from "./lu.ts";
export { matrixNorm, type MatrixOrder } from "./norms.ts";
export { matrixExp, matrixPower } from "./powers.ts";
export { cdist, cross, tensordot } from "./products.ts";
export { qr } from "./qr.ts";
export { det, logAbsDet, logdet } from "./determinants.ts";
export { inv, solve } from "./solve.ts";
export { singularValues, svd } from "./svd.ts";
export { solveTriangular } from "./triangular.ts";
