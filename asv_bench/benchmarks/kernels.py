"""Primitives, through the thinnest public door each has."""

from functools import partial
from itertools import cycle

import numpy as np

import fastl1
from fastl1 import _solver, _validation

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
            X = _validation.CSC(*parts)
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
