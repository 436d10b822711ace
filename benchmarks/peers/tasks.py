"""The tasks: which problem on which data.  A task's name is ``kind-data-fraction``."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np


@dataclass(frozen=True)
class Task:
    """One problem: ``n_alphas`` values from alpha_max down to alpha_max / fraction.

    With ``n_alphas == 1`` only the last one is asked for.  With ``folds`` the path is
    asked for on the training rows of each of so many contiguous folds.  ``many``: one
    alpha for each column of y; ``ragged``: for each stack of ``rows`` rows.
    """

    kind: str
    data: str
    fraction: int
    loss: str = "squared"
    l1_ratio: float = 1.0
    n_alphas: int = 1
    folds: int = 0
    rows: int = 0

    @property
    def name(self):
        return f"{self.kind}-{self.data}-{self.fraction}"

    @property
    def single(self):
        return self.n_alphas == 1

    @property
    def parts(self):
        """Whether the task is many problems, each with its own alpha_max."""
        return self.kind in ("many", "ragged")

    def training_rows(self, n):
        """The rows that train each fold, of n."""
        fold = np.arange(n) * self.folds // n
        return [np.flatnonzero(fold != k) for k in range(self.folds)]

    def alphas(self, alpha_max):
        """The grid, largest first."""
        if self.single:
            return np.array([alpha_max / self.fraction])
        return alpha_max * np.logspace(0, -np.log10(self.fraction), self.n_alphas)


SYNTHETIC = ("wide", "tall", "text")


def _table():
    for data in SYNTHETIC:
        for fraction in (10, 100):
            yield Task("lasso", data, fraction)
    for data in ("20news", "snp", "leukemia", "arcene"):
        yield Task("lasso", data, 100)
    for data in SYNTHETIC:
        yield Task("lassopath", data, 100, n_alphas=100)
    for data in SYNTHETIC:
        yield Task("enetpath", data, 100, l1_ratio=0.5, n_alphas=100)
    for data in SYNTHETIC:
        for fraction in (10, 100):
            yield Task("logistic", data, fraction, loss="logistic")
    for data in ("20news", "leukemia", "arcene"):
        yield Task("logistic", data, 100, loss="logistic")
    for data in SYNTHETIC:
        yield Task("logisticpath", data, 100, loss="logistic", n_alphas=50)
    for data in SYNTHETIC:
        yield Task("cv", data, 100, n_alphas=100, folds=5)
    for data in ("wide", "text"):
        yield Task("logisticcv", data, 100, loss="logistic", n_alphas=50, folds=5)
    for loss, data in (("poisson", "counts"), ("tweedie", "claims")):
        for fraction in (10, 100):
            yield Task(loss, data, fraction, loss=loss)
        yield Task(f"{loss}path", data, 100, loss=loss, n_alphas=50)
        yield Task(f"{loss}path", f"tiny{data}", 10, loss=loss, n_alphas=5)
    for data, fraction in (("lifetimes", 20), ("textlifetimes", 20)):
        yield Task("coxpath", data, fraction, loss="cox", n_alphas=50)
    yield Task("coxpath", "tinylifetimes", 10, loss="cox", n_alphas=5)
    yield Task("multinomial", "classes", 10, loss="multinomial")
    yield Task("multinomial", "20groups", 64, loss="multinomial")  # about C = 1
    yield Task("multinomial", "tinyclasses", 10, loss="multinomial")
    yield Task("many", "targets", 20)
    yield Task("many", "widetargets", 10)
    yield Task("ragged", "stack", 10, rows=100)
    yield Task("many", "tinytargets", 10)
    yield Task("ragged", "tinystack", 10, rows=30)
    for data in ("tinydense", "tinysparse"):  # the harness's own test
        yield Task("lasso", data, 10)
        yield Task("lassopath", data, 10, n_alphas=5)
        yield Task("enetpath", data, 10, l1_ratio=0.5, n_alphas=5)
        yield Task("cv", data, 10, n_alphas=5, folds=3)
        yield Task("logistic", data, 10, loss="logistic")
        yield Task("logisticcv", data, 10, loss="logistic", n_alphas=5, folds=3)


TASKS = {task.name: task for task in _table()}


def select(patterns=()):
    """Tasks that match one of the shell patterns; tiny ones only if named so."""
    chosen = {}
    for pattern in patterns or ["*"]:
        names = [n for n in TASKS if fnmatchcase(n, pattern)]
        if "tiny" not in pattern:
            names = [n for n in names if "tiny" not in n]
        if not names:
            raise SystemExit(f"no task matches {pattern}; --list names them")
        chosen |= dict.fromkeys(names)
    return [TASKS[name] for name in chosen]
