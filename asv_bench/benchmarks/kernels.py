"""Primitives, through the thinnest public door each has."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from time import perf_counter

import numpy as np

import fastl1
from fastl1.kernels import _probe as _kernels
from fastl1.kernels.solver import _solver
from fastl1.problem.matrix import CSC

from . import data


class SoftThreshold:
    """In cache (2^12) and out of it (2^22)."""

    params = ([2**12, 2**22], ["float32", "float64"])
    param_names = ["size", "dtype"]

    def setup(self, size, dtype):
        self.x = np.random.default_rng(0).standard_normal(size).astype(dtype)
        self.out = np.empty_like(self.x)

    def time_soft_threshold(self, size, dtype):
        fastl1.soft_threshold(self.x, 0.5, out=self.out)


class Columns:
    """Passes over all columns of X, on a solver that is moved to new coefficients."""

    params = (data.DESIGNS, [1, 2])
    param_names = ["design", "n_threads"]

    def setup_cache(self):
        data.store()

    def setup(self, design, n_threads):
        X, y = data.fetch(design, "squared")
        if design == "text":
            parts = X.data, X.indices, X.indptr.astype(np.int64), X.shape
            X = CSC(*parts)
        self.make = partial(
            _solver.Solver,
            X,
            y,
            loss="squared",
            l1_ratio=1.0,
            penalty_factor=None,
            lower=None,
            upper=None,
            fit_intercept=False,
            standardize=False,
            sample_weight=None,
            offset=None,
            n_threads=n_threads,
        )
        self.solver = self.make()
        rng = np.random.default_rng(0)
        # always another point, so that no cached correlation is good enough
        dense = 100.0 * rng.standard_normal((16, X.shape[1]))
        sparse = np.zeros_like(dense)
        support = rng.choice(X.shape[1], 16)
        sparse[range(16), support] = dense[range(16), support]
        self.dense, self.sparse = cycle(dense), cycle(sparse)

    def move(self, w):
        self.solver.set_coef(w, 0.0)
        self.solver.certify(self.solver.alpha_max)

    def time_statistics(self, design, n_threads):
        """Norms and means of all columns, and X'y."""
        self.make()

    def time_column_dots(self, design, n_threads):
        """X'v after a change of one coefficient."""
        self.move(next(self.sparse))

    def time_matvec_and_column_dots(self, design, n_threads):
        """X w with every coefficient nonzero, then X'v."""
        self.move(next(self.dense))


def least_seconds(function, times=5):
    taken = []
    for _ in range(times):
        start = perf_counter()
        function()
        taken.append(perf_counter() - start)
    return min(taken)


class Bandwidth:
    """GB/s of the passes over an X of 200 MB, which no cache should hold.

    Bytes moved are those of X, once: vectors stay in cache.  Compare with plain reading
    of the same X by as many threads.
    """

    params = (["float64", "float32"], [1, 2])
    param_names = ["dtype", "n_threads"]
    unit = "GB/s"
    timeout = 120

    def setup(self, dtype, n_threads):
        n, p = (100_000, 250) if dtype == "float64" else (100_000, 500)
        rng = np.random.default_rng(0)
        X = np.empty((n, p), dtype=dtype, order="F")
        for j in range(p):
            X[:, j] = rng.standard_normal(n)
        self.X, self.v, self.w = X, rng.standard_normal(n), rng.standard_normal(p)
        self.y = np.zeros(n)
        self.design = _kernels.Design(X, np.zeros(p), np.ones(p), n_threads)

    def rate(self, function):
        return self.X.nbytes / least_seconds(function) / 1e9

    def track_reading(self, dtype, n_threads):
        parts = np.array_split(np.arange(self.X.shape[1]), n_threads)
        spans = [self.X[:, part[0] : part[-1] + 1].ravel(order="K") for part in parts]
        with ThreadPoolExecutor(n_threads) as pool:
            return self.rate(lambda: list(pool.map(np.sum, spans)))

    def track_first_pass(self, dtype, n_threads):
        """Means, norms, X'v and the check of the values."""
        return self.rate(lambda: self.design.stats(None, self.v, check=True))

    def track_xtv(self, dtype, n_threads):
        return self.rate(lambda: self.design.xtv(self.v))

    def track_xw(self, dtype, n_threads):
        return self.rate(lambda: self.design.add_xw(self.w, self.y))


class Products:
    """GFLOP/s of matrix products with the columns of X, 50 000 x 500; a Gram block
    counts the triangle."""

    params = ([24, 52, 500], [1, 2])
    param_names = ["columns", "n_threads"]
    unit = "GFLOP/s"
    timeout = 120

    def setup(self, columns, n_threads):
        n, p = 50_000, 500
        self.X = np.asfortranarray(np.random.default_rng(0).standard_normal((n, p)))
        self.design = _kernels.Design(self.X, np.zeros(p), np.ones(p), n_threads)
        self.cols, self.d = np.arange(columns), np.full(n, n**-0.5)

    def track_gram(self, columns, n_threads):
        seconds = least_seconds(lambda: self.design.gram(self.cols, self.d), 3)
        return len(self.d) * columns * (columns + 1) / seconds / 1e9

    def track_cross(self, columns, n_threads):
        """All columns with some of them."""
        seconds = least_seconds(lambda: self.design.cross(self.cols, self.d), 3)
        return 2.0 * self.X.size * columns / seconds / 1e9

    def track_xtm(self, columns, n_threads):
        """All columns with as many vectors."""
        V = self.X[:, :columns]
        seconds = least_seconds(lambda: self.design.xtm(V), 3)
        return 2.0 * self.X.size * columns / seconds / 1e9
