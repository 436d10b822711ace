"""X in every storage that kernels take, with what its columns stand for."""

import numpy as np
import scipy.sparse as sp

from fastl1.problem.matrix import CSC

STORAGE = [("dense", np.int32), ("csc", np.int32), ("csc", np.int64)]


def make(n, p, dtype, storage, index=np.int32, seed=0):
    """(X as the kernels take it, what its columns stand for, mean, scale)."""
    rng = np.random.default_rng(seed + 1000 * n + p)
    X = rng.standard_normal((n, p))
    if storage == "csc":
        X[rng.random((n, p)) < 0.7] = 0.0
    X = np.asfortranarray(X, dtype=dtype)
    mean, scale = rng.standard_normal(p), rng.uniform(0.5, 2.0, p)
    Z = scale * (X.astype(np.float64) - mean)
    if storage == "csc":
        S = sp.csc_array(X)
        X = CSC(S.data, S.indices.astype(index), S.indptr.astype(np.int64), X.shape)
    return X, Z, mean, scale
