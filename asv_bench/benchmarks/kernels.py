"""Primitives, through the thinnest public door each has."""

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
    """Passes over all columns of X: norms and means, column dots, matrix-vector."""

    params = (data.DESIGNS, [1, 2])
    param_names = ["design", "n_threads"]

    def setup_cache(self):
        data.store()

    def setup(self, design, n_threads):
        X, self.y = data.fetch(design, "squared")
        self.keywords = {
            "loss": "squared",
            "l1_ratio": 1.0,
            "penalty_factor": None,
            "lower": None,
            "upper": None,
            "fit_intercept": False,
            "standardize": False,
            "sample_weight": None,
            "offset": None,
            "n_threads": n_threads,
        }
        if design == "text":
            parts = X.data, X.indices, X.indptr.astype(np.int64), X.shape
            X = _validation.CSC(*parts)
        self.X = X
        self.solver = _solver.Solver(X, self.y, **self.keywords)
        self.w = np.random.default_rng(0).standard_normal(X.shape[1])

    def time_statistics(self, design, n_threads):
        _solver.Solver(self.X, self.y, **self.keywords)

    def time_column_dots(self, design, n_threads):
        self.solver.certify(self.solver.alpha_max)

    def time_matvec(self, design, n_threads):
        self.solver.set_coef(self.w, 0.0)
