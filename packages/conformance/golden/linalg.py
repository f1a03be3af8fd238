"""Products, systems of equations, decompositions and norms of matrices."""

import torch
from case import case, floats, given

SQUARE = given([[2, -1, 0.5], [0.25, 3, 1], [-1, 0.5, 1.5]])
SYMMETRIC = given([[4, 2, -1], [2, 5, 0.5], [-1, 0.5, 3]])
TALL = given([[1, 2], [-0.5, 1], [3, 0.25]])


def positive(x, axis):
    """Signs by which the largest number along an axis becomes positive."""
    return torch.sign(x.gather(axis, x.abs().argmax(axis, keepdim=True))).detach()


def eigh(a, triangle="L"):
    values, vectors = torch.linalg.eigh(a, triangle)
    return values, vectors * positive(vectors, -2)


def svd(a):
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    signs = positive(vh, -1)
    return u * signs.mT, s, vh * signs


def tensordot(a, b):
    return torch.tensordot(a, b, ([0, 2], [1, 0]))


cases = [
    case("dot", torch.dot, floats(4), floats(4)),
    case("outer", torch.outer, floats(2), floats(3)),
    case(
        "einsum",
        lambda a, b: torch.einsum("bij,bkj->bik", a, b),
        floats(2, 1, 3),
        floats(2, 2, 3),
        equation="bij,bkj->bik",
    ),
    case(
        "einsum",
        lambda a, b: torch.einsum("...ij,j->...i", a, b),
        floats(2, 1, 3),
        floats(3),
        equation="...ij,j->...i",
    ),
    case("cross", torch.linalg.cross, floats(2, 3), floats(1, 3)),
    case("cross", lambda a, b: torch.linalg.cross(a, b, dim=0), floats(3, 2), floats(3, 2), axis=0),
    case("tensordot", torch.tensordot, floats(2, 2, 3), floats(2, 3, 2)),
    case("tensordot", tensordot, floats(2, 1, 3), floats(3, 2, 2), axes=[[0, 2], [1, 0]]),
    case("cdist", torch.cdist, floats(1, 2, 3), floats(2, 2, 3)),
    case("cdist", lambda a, b: torch.cdist(a, b, 3), floats(2, 3), floats(2, 3), p=3),
    case("det", torch.linalg.det, SQUARE),
    case("logdet", torch.logdet, SQUARE),
    case("logAbsDet", torch.linalg.slogdet, given([[1, 2], [3, 5]])),
    case("inv", torch.linalg.inv, SQUARE),
    case("pinv", torch.linalg.pinv, TALL),
    case("pinv", lambda a: torch.linalg.pinv(a, rtol=0.5), given([[2, 0], [0, 0.75], [0, 0]]), rtol=0.5),
    case("pinv", lambda a: torch.linalg.pinv(a, hermitian=True), SYMMETRIC, hermitian=True, gradient=False),
    case("solve", torch.linalg.solve, SQUARE, floats(3, 2)),
    case("solve", lambda a, b: torch.linalg.solve(a, b, left=False), SQUARE, floats(2, 3), left=False),
    case("solveTriangular", lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), SQUARE, floats(3, 2)),
    case(
        "solveTriangular",
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=True, left=False, unitriangular=True),
        SQUARE,
        floats(2, 3),
        upper=True,
        left=False,
        unitriangular=True,
    ),
    case("lstsq", lambda a, b: torch.linalg.lstsq(a, b, driver="gelsd"), TALL, floats(3, 2)),
    case("matrixRank", torch.linalg.matrix_rank, given([[1, 2], [2, 4]]), gradient=False),
    case(
        "matrixRank",
        lambda a: torch.linalg.matrix_rank(a, atol=1, rtol=0.25, hermitian=True),
        given([[8, 0, 0], [0, 1.5, 0], [0, 0, -3]]),
        gradient=False,
        atol=1,
        rtol=0.25,
        hermitian=True,
    ),
    case("cond", torch.linalg.cond, TALL),
    case("cond", lambda a: torch.linalg.matrix_norm(a, 1) * torch.linalg.matrix_norm(a.inverse(), 1), SQUARE, ord=1),
    case("lu", torch.linalg.lu, SQUARE),
    case("qr", torch.linalg.qr, TALL),
    case("qr", lambda a: torch.linalg.qr(a, "complete"), TALL, mode="complete", gradient=False),
    case("cholesky", torch.linalg.cholesky, SYMMETRIC),
    case("cholesky", lambda a: torch.linalg.cholesky(a, upper=True), SYMMETRIC, upper=True),
    case("eigh", eigh, SYMMETRIC),
    case("eigh", lambda a: eigh(a, "U"), given([[4, 2], [9, 5]]), upper=True, gradient=False),
    case("svd", svd, TALL, fullMatrices=False),
    case("singularValues", torch.linalg.svdvals, TALL),
    case("matrixNorm", torch.linalg.matrix_norm, floats(2, 2, 3)),
    case("matrixNorm", lambda a: torch.linalg.matrix_norm(a, 1, keepdim=True), floats(2, 3), ord=1, keepDims=True),
    case("matrixNorm", lambda a: torch.linalg.matrix_norm(a, "nuc"), TALL, ord="nuc"),
    case("matrixNorm", lambda a: torch.linalg.matrix_norm(a, -2, (0, 2)), floats(2, 1, 2), ord=-2, axis=[0, 2]),
    case("matrixPower", lambda a: torch.linalg.matrix_power(a, 3), SQUARE, n=3),
    case("matrixPower", lambda a: torch.linalg.matrix_power(a, -2), SQUARE, n=-2),
    case("matrixExp", torch.linalg.matrix_exp, SQUARE),
]
