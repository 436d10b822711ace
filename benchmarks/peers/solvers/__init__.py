"""The table of peers, and what a solver module provides.

A module of this package has one function, ``build(problem, **options)``, that returns
``(fit, tols)``: ``fit(tol)`` solves for ``problem.alphas`` and returns coefficients of
shape (features, alphas), dense or sparse; ``tols`` are its own tolerances to sweep,
loosest first, in that solver's unit.  ``build`` converts the data to what the solver
wants, outside the time.  A solver that times itself returns ``Timed(coefs, seconds)``.
For a task of many problems ``fit`` returns a column for each: `build_parts` makes it
from a module that has no function ``build_many`` for it.
For a task with folds `fit` returns a list of such coefficients: `build_folds` makes it
from a module that knows nothing of folds; a peer whose `cv` is "own" gets them itself.

Only a worker, in the environment of its peer, imports that peer's module.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Problem:
    """What a solver is given.  There is no intercept and no scaling in any task."""

    X: object  # Fortran-ordered float64 array or csc_matrix
    y: np.ndarray  # logistic: -1 and 1; multinomial: any numbers; cox: event, time
    alphas: np.ndarray  # decreasing
    loss: str
    l1_ratio: float
    n_threads: int
    folder: Path | None  # of the data set, for solvers of another language
    folds: tuple = ()  # training rows of each; () where all rows train
    parts: tuple = ()  # (X, y) of each of many problems, which alphas has one each for

    @property
    def single(self):
        return len(self.alphas) == 1

    @property
    def y01(self):
        return (self.y > 0).astype(np.float64)


class Timed(NamedTuple):
    coefs: object
    seconds: float
    cpu: float | None = None  # processor seconds of all threads


@dataclass(frozen=True)
class Peer:
    """One line per solver: where it lives, how it is called, which tasks it can do."""

    module: str
    env: str
    losses: tuple = ("squared", "logistic")
    options: dict = field(default_factory=dict)
    homotopy: bool = False  # reach a single alpha by a warm-started path of 20
    gram: bool = False  # works on X.T @ X: dense designs with few columns
    path: bool = True  # can do a whole path
    # cross-validation: "own", or its paths on the folds' rows "in turn" or in "threads"
    cv: str | None = None
    enet: bool = True
    sparse: bool = True  # takes a sparse X
    many: tuple = ()  # kinds of tasks of many problems: "many" targets, "ragged" stacks

    def does(self, task, sparse, shape):
        """Whether this peer takes part in the task."""
        n, p = shape
        return (
            task.loss in self.losses
            and (task.single or (self.path and not self.homotopy))
            and (task.l1_ratio == 1.0 or self.enet)
            and (not task.folds or self.cv is not None)
            and (not sparse or self.sparse)
            and (not task.parts or task.kind in self.many)
            and (not self.gram or (not sparse and n > p))
        )


SQUARED, LOGISTIC = ("squared",), ("logistic",)
CLASSES = ("logistic", "multinomial")
ALL = ("squared", *CLASSES)
GLM = ("poisson", "tweedie", "cox")
SKGLM = ADELIE = ("squared", "logistic", "poisson", "cox")
COVARIANCE = {"covariance": True}
BOTH = ("many", "ragged")
PEERS = {
    "fastl1": Peer("fastl1", "here", ALL + GLM, cv="own", many=BOTH),
    "sklearn": Peer("sklearn_enet", "sklearn", SQUARED, cv="threads", many=BOTH),
    "sklearn-gram": Peer(
        "sklearn_enet",
        "sklearn",
        SQUARED,
        {"precompute": True},
        gram=True,
        cv="threads",
        many=BOTH,
    ),
    "celer": Peer("celer", "sklearn", cv="threads", many=("many",)),
    "skglm": Peer("skglm", "sklearn", SKGLM, cv="in turn", many=("many",)),
    "liblinear": Peer("liblinear", "sklearn", LOGISTIC, cv="threads", enet=False),
    "adelie": Peer("adelie", "adelie", ADELIE, cv="in turn"),
    "adelie-hom": Peer("adelie", "adelie", ADELIE, homotopy=True),
    "adelie-cov": Peer(
        "adelie", "adelie", SQUARED, COVARIANCE, gram=True, cv="in turn"
    ),
    "glmnet-r": Peer("glmnet_r", "r", ALL + GLM, cv="threads"),
    "glmnet-r-hom": Peer("glmnet_r", "r", ALL + GLM, homotopy=True),
    "glmnet-r-cov": Peer("glmnet_r", "r", SQUARED, COVARIANCE, gram=True, cv="threads"),
    "glmnet-py": Peer("glmnet_py", "glmnet-py", ALL, cv="in turn"),
    "skein": Peer("skein", "skein", SQUARED),
    "sklearn-saga": Peer("sklearn_saga", "sklearn", CLASSES, cv="threads", enet=False),
    "glum": Peer("glum", "glum", ("poisson", "tweedie")),
    "sksurv": Peer("sksurv", "sksurv", ("cox",), sparse=False),
}


def build_folds(build, problem, threads):
    """``(fit, tols)`` of a peer that has the paths of the folds to solve.

    The rows of a fold are taken, and converted, outside the time.  With `threads` the
    folds share a pool: for solvers of one thread that release the GIL or run in a
    process of their own.
    """
    parts = [
        replace(problem, X=problem.X[rows], y=problem.y[rows], folder=None, folds=())
        for rows in problem.folds
    ]
    for k, part in enumerate(parts):
        if isinstance(part.X, np.ndarray):
            parts[k] = replace(part, X=np.asfortranarray(part.X))
    fits, tols = zip(*(build(part) for part in parts), strict=True)
    workers = problem.n_threads if threads else 1

    def fit(tol):
        with ThreadPoolExecutor(workers) as pool:
            paths = list(pool.map(lambda one: one(tol), fits))
        if not isinstance(paths[0], Timed):
            return paths
        coefs, seconds, cpu = zip(*paths, strict=True)
        # shared out without waiting; its way from and to the other process not counted
        return Timed(list(coefs), max(max(seconds), sum(seconds) / workers), sum(cpu))

    return fit, tols[0]


def build_parts(build, problem):
    """``(fit, tols)`` of a peer that solves one problem after another.

    Targets that share X are shared out over a pool of threads; problems of microseconds
    would only wait for each other there.
    """
    parts = [
        replace(problem, X=X, y=y, alphas=problem.alphas[b : b + 1], parts=())
        for b, (X, y) in enumerate(problem.parts)
    ]
    shared = all(part.X is parts[0].X for part in parts)
    workers = problem.n_threads if shared else 1
    parts = [replace(part, n_threads=1, folder=None) for part in parts]
    fits, tols = zip(*(build(part) for part in parts), strict=True)

    def fit(tol):
        if workers == 1:
            return np.column_stack([one(tol) for one in fits])
        with ThreadPoolExecutor(workers) as pool:
            return np.column_stack(list(pool.map(lambda one: one(tol), fits)))

    return fit, tols[0]


def decades(first, last, per=1):
    """Tolerances 10^-first .. 10^-last, ``per`` to a decade."""
    return [10.0 ** -(first + k / per) for k in range((last - first) * per + 1)]
