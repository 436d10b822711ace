"""Problems on real data that other packages have solved too.

The sets are those of scikit-learn and two small files beside this one.  A case is told
in fastl1's words; the scripts here say it in those of other packages.
"""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn import datasets

FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """One path of `count` alphas from `top` down; `options` are `fastl1.path`'s.

    `params` are those of the loss.
    """

    data: str
    loss: str
    top: float
    options: dict = field(default_factory=dict)
    count: int = 6
    ratio: float = 0.4
    params: dict = field(default_factory=dict)

    @property
    def alphas(self):
        return self.top * self.ratio ** np.arange(self.count)

    @property
    def rows(self):
        return DATA[self.data]()

    @property
    def checksum(self):
        """Of the data, so that a fixture is not compared with fits of other rows."""
        digest = sha256()
        for part in self.rows:
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def _read(name, *y):
    """Columns of a file: ``(X, y)``."""
    path = FOLDER / f"{name}.csv"
    names = path.read_text().split("\n", 1)[0].split(",")
    values = np.loadtxt(path, delimiter=",", skiprows=1)
    target = values[:, [names.index(one) for one in y]]
    rest = [k for k, one in enumerate(names) if one not in y]
    return np.asfortranarray(values[:, rest]), target


@cache
def rossi():
    """Weeks from prison to arrest: time in whole weeks, so that many are tied."""
    return _read("rossi", "arrest", "week")


@cache
def other_rossi():
    """Without the column that `BY_RACE` stratifies by."""
    X, y = rossi()
    return np.delete(X, 2, axis=1), y


@cache
def late_rossi():
    """The same, seen only some weeks after release: y has the entry too."""
    X, y = rossi()
    entry = np.minimum(7 * np.arange(len(y)) % 30, y[:, 1] - 1)
    return X, np.column_stack([y, entry])


@cache
def visits():
    """Visits to a doctor in a year."""
    X, y = _read("visits", "mdvis")
    return X, y.ravel()


@cache
def any_visit():
    """Whether there was one."""
    X, y = visits()
    return X, (y > 0).astype(np.float64)


def _from_sklearn(load, columns=None, scaled=False):
    @cache
    def rows():
        X, y = load(return_X_y=True)
        X = X if columns is None else X[:, columns]
        if scaled:
            X = (X - X.mean(axis=0)) / X.std(axis=0)
        return np.asfortranarray(X), y.astype(np.float64)

    return rows


DATA = {
    "rossi": rossi,
    "other_rossi": other_rossi,
    "late_rossi": late_rossi,
    "visits": visits,
    "any_visit": any_visit,
    "diabetes": _from_sklearn(datasets.load_diabetes, scaled=True),
    "breast_cancer": _from_sklearn(datasets.load_breast_cancer),
    "scaled_cancer": _from_sklearn(datasets.load_breast_cancer, scaled=True),
    # not separable: only columns that say less
    "few_columns": _from_sklearn(
        datasets.load_breast_cancer, [1, 4, 8, 9, 11, 14], scaled=True
    ),
    "scaled_wine": _from_sklearn(datasets.load_wine, scaled=True),
    "wine": _from_sklearn(datasets.load_wine),
    "iris": _from_sklearn(datasets.load_iris),
}


def _cycle(n, *values):
    """Numbers for rows or columns, in turn."""
    return np.resize(np.array(values, dtype=np.float64), n)


def _general(data, l1_ratio=0.6, offset=True, **more):
    """Everything at once: weights, offset, penalty factors, bounds, elastic net."""
    n, p = DATA[data]()[0].shape
    factors = _cycle(p, 1, 0.5, 2, 1.5)
    factors[[1, p - 1]] = 0, np.inf
    options = {
        "l1_ratio": l1_ratio,
        "standardize": True,
        "sample_weight": _cycle(n, 1, 2, 0.5, 3, 1),
        "penalty_factor": factors,
    }
    if offset:
        options["offset"] = _cycle(n, -0.3, 0.0, 0.2)
    return options | more


SCALED = {"standardize": True}
HALF, RIDGE = {"l1_ratio": 0.5}, {"l1_ratio": 0.0}
BY_RACE = {"strata": rossi()[0][:, 2]}
NO_INTERCEPT = {"fit_intercept": False}
FACTORS = {"penalty_factor": np.array([1, 0, 2, 0.5, 1, 1.5, 1, 0.3, 1.0])}
GLMNET = {
    "gaussian": Case("diabetes", "squared", 45.0, SCALED),
    "gaussian, general": Case(
        "diabetes",
        "squared",
        40.0,
        _general("diabetes", lower=-10.0, upper=18.0),
    ),
    "binomial": Case("breast_cancer", "logistic", 0.38, SCALED, ratio=0.3),
    "binomial, general": Case(
        "breast_cancer",
        "logistic",
        0.3,
        _general("breast_cancer", lower=-2.0, upper=1.5),
    ),
    "binomial, no intercept": Case(
        "breast_cancer", "logistic", 20.0, {"fit_intercept": False}
    ),
    "multinomial": Case("wine", "multinomial", 0.3, SCALED),
    "multinomial, weights": Case(
        "iris",
        "multinomial",
        0.3,
        {
            "l1_ratio": 0.7,
            "sample_weight": _cycle(150, 1, 2, 0.5),
            "penalty_factor": np.array([1.0, 0.5, 2.0, 1.0]),
        },
    ),
    "poisson": Case("visits", "poisson", 0.69, SCALED),
    "poisson, general": Case(
        "visits", "poisson", 1.5, _general("visits", lower=-0.1, upper=0.3)
    ),
    "cox": Case("rossi", "cox", 0.085, SCALED),
    "cox, general": Case(
        "rossi", "cox", 0.05, _general("rossi", lower=-0.2, upper=0.05)
    ),
    "cox, strata": Case("other_rossi", "cox", 0.065, SCALED | BY_RACE),
    "cox, entry": Case("late_rossi", "cox", 0.085, SCALED),
}

FREE = {"count": 1, "top": 0.0}  # no penalty at all
WEIGHTED = {"sample_weight": _cycle(400, 1, 2, 0.5, 3, 1)}
MOVED = {"offset": _cycle(400, -0.3, 0.0, 0.2)}
PEERS = {
    "statsmodels logit": Case("few_columns", "logistic", **FREE),
    "statsmodels probit": Case("few_columns", "probit", **FREE),
    "statsmodels cloglog": Case("any_visit", "cloglog", **FREE),
    "statsmodels poisson": Case("visits", "poisson", options=WEIGHTED | MOVED, **FREE),
    "statsmodels gamma": Case("diabetes", "gamma", **FREE),
    "statsmodels tweedie": Case("visits", "tweedie", params={"power": 1.5}, **FREE),
    "statsmodels huber": Case("diabetes", "huber", **FREE),  # delta: as it found
    "statsmodels cox": Case("rossi", "cox", **FREE),
    "statsmodels cox efron": Case("rossi", "cox", params={"ties": "efron"}, **FREE),
    "statsmodels cox strata": Case("other_rossi", "cox", options=BY_RACE, **FREE),
    "statsmodels cox entry": Case("late_rossi", "cox", **FREE),
    "sklearn logistic": Case("scaled_cancer", "logistic", 0.3, NO_INTERCEPT, 3, 0.2),
    "sklearn logistic enet": Case("scaled_cancer", "logistic", 0.3, HALF, 3, 0.2),
    "sklearn multinomial": Case("scaled_wine", "multinomial", 0.2, count=3, ratio=0.3),
    "sklearn squared hinge": Case(
        "scaled_cancer", "squared_hinge", 0.3, NO_INTERCEPT, 3, 0.2
    ),
    "sklearn quantile 0.25": Case(
        "diabetes", "quantile", 0.25, {}, 3, params={"q": 0.25}
    ),
    "sklearn quantile 0.5": Case(
        "diabetes", "quantile", 0.25, {}, 3, params={"q": 0.5}
    ),
    "sklearn quantile 0.9": Case("diabetes", "quantile", 0.1, {}, 3, params={"q": 0.9}),
    "sklearn huber ridge": Case(  # delta: as it found
        "diabetes", "huber", 0.1, RIDGE, 1
    ),
    "sklearn poisson ridge": Case("visits", "poisson", 0.5, RIDGE | WEIGHTED, 2),
    "sklearn gamma ridge": Case("diabetes", "gamma", 0.5, RIDGE, 2),
    "sklearn tweedie ridge": Case(
        "visits", "tweedie", 0.5, RIDGE | WEIGHTED, 2, params={"power": 1.3}
    ),
    "glum poisson": Case("visits", "poisson", 0.6, WEIGHTED | MOVED),
    "glum poisson enet": Case("visits", "poisson", 0.6, HALF | FACTORS),
    "glum gamma": Case("diabetes", "gamma", 0.2),
    "glum gamma enet": Case("diabetes", "gamma", 0.2, HALF),
    "glum tweedie": Case("visits", "tweedie", 0.5, params={"power": 1.5}),
    "glum tweedie enet": Case(
        "visits", "tweedie", 0.5, HALF | WEIGHTED | MOVED, params={"power": 1.8}
    ),
    "lifelines cox efron": Case("rossi", "cox", params={"ties": "efron"}, **FREE),
    "lifelines cox strata": Case(
        "other_rossi", "cox", options=BY_RACE, params={"ties": "efron"}, **FREE
    ),
    "lifelines cox entry": Case("late_rossi", "cox", params={"ties": "efron"}, **FREE),
    "sksurv cox": Case("rossi", "cox", 0.1),
    "sksurv cox enet": Case("rossi", "cox", 0.1, HALF),
    "sksurv cox efron ridge": Case(
        "rossi", "cox", 0.02, RIDGE, 1, params={"ties": "efron"}
    ),
    "skglm cox efron": Case("rossi", "cox", 0.1, params={"ties": "efron"}),
}
