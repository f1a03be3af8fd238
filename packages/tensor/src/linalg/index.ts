// Decompositions of matrices, and what is computed by them.
export { cholesky } from "./cholesky.ts";
export { eigh, type Eigen } from "./eigh.ts";
export { cond, lstsq, matrixRank, pinv, type LeastSquares } from "./least-squares.ts";
export { lu, type LU } from "./lu.ts";
export { matrixNorm, type MatrixOrder } from "./norms.ts";
export { matrixExp, matrixPower } from "./powers.ts";
export { cdist, cross, tensordot } from "./products.ts";
export { qr, type QR } from "./qr.ts";
export { det, logAbsDet, logdet, type LogAbsDet } from "./determinants.ts";
export { inv, solve } from "./solve.ts";
export { singularValues, svd, type SVD } from "./svd.ts";
export { solveTriangular } from "./triangular.ts";
