"""Losses of the user's own: the solutions of the compiled ones, certified or judged."""

import pickle
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import fastl1
from fastl1.loss.links import clipped_exp

PAGE = Path(__file__).parents[2] / "docs" / "own-loss.md"


class OwnPoisson(fastl1.Loss):
    """y log(y / mu) - y + mu, mu = exp(eta): as the compiled one."""

    name = "own_poisson"
    link = "log"
    least_at_infinity = True

    def deviance(self, y, eta):
        return fastl1.Poisson().deviance(y, eta)

    def slope(self, y, eta):
        return clipped_exp(eta) - y

    def curvature(self, y, eta):
        return clipped_exp(eta)

    def conjugate(self, y, t):
        # at eta = log(y + t)
        return np.where(y + t > 0, (y + t) * np.log(np.maximum(y + t, 1e-300)), 0.0) + (
            -(y + t) - np.where(y > 0, y * np.log(np.maximum(y, 1e-300)), 0.0) + y
        )

    def slope_range(self, y):
        return -y, np.inf


class OwnLogistic(fastl1.Loss):
    name = "own_logistic"
    link = "logit"
    labels = True
    least_at_infinity = True

    def deviance(self, y, eta):
        return fastl1.Logistic().deviance(y, eta)

    def slope(self, y, eta):
        return 0.5 * (1 + np.tanh(0.5 * eta)) - y

    def curvature(self, y, eta):
        p = 0.5 * (1 + np.tanh(0.5 * eta))
        return p * (1 - p)

    def conjugate(self, y, t):
        q = np.clip(y + t, 0.0, 1.0)  # the probability at which the slope is t

        def x_log_x(x):
            return x * np.log(np.maximum(x, 1e-300))

        return x_log_x(q) + x_log_x(1 - q)

    def slope_range(self, y):
        return -y, 1 - y


class OwnSquared(fastl1.Loss):
    """Without a conjugate."""

    name = "own_squared"

    def deviance(self, y, eta):
        return 0.5 * (y - eta) ** 2

    def slope(self, y, eta):
        return eta - y

    def curvature(self, y, eta):
        return 1.0  # a number stands for that of all rows


PAIRS = [
    (OwnPoisson(), "poisson"),
    (OwnLogistic(), "logistic"),
    (OwnSquared(), "squared"),
]


def make(loss, n=80, p=25, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X[:, 0] - 0.5 * X[:, 1]
    if loss == "poisson":
        return X, rng.poisson(np.exp(eta)).astype(float)
    if loss == "logistic":
        return X, np.where(rng.random(n) < 1 / (1 + np.exp(-eta)), "yes", "no")
    return X, eta + rng.standard_normal(n)


OPTIONS = [
    {},
    {"standardize": True, "l1_ratio": 0.7},
    {"lower": -0.2, "upper": 0.3},
    {"fit_intercept": False},
    {"penalty_factor": np.r_[0.0, np.inf, np.ones(23)]},
    {"sample_weight": np.r_[0.0, np.linspace(0.5, 2, 79)]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o) or "plain")
@pytest.mark.parametrize("storage", ["dense", "csc"])
@pytest.mark.parametrize(("own", "twin"), PAIRS, ids=lambda x: getattr(x, "name", x))
def test_own_losses_have_the_solutions_of_the_compiled_ones(
    own, twin, storage, options
):
    X, y = make(twin)
    X = sp.csc_array(np.where(np.abs(X) > 0.5, X, 0.0)) if storage == "csc" else X
    expected = fastl1.path(X, y, loss=twin, n_alphas=10, tol=1e-10, **options)
    got = fastl1.path(X, y, loss=own, alphas=expected.alphas, tol=1e-10, **options)
    assert got.converged.all()
    assert abs(got.coefs - expected.coefs).max() < 1e-4
    np.testing.assert_allclose(got.intercepts, expected.intercepts, atol=1e-4)
    assert got.info["alpha_max"] == pytest.approx(expected.info["alpha_max"], rel=1e-9)
    if own.certified:
        assert got.info["certificate"] == "gap"
        assert (got.dual_gaps <= 1e-10).all()
    else:
        assert got.info["certificate"] == "stationarity"
        assert np.isnan(got.dual_gaps).all()
        assert (got.info["stationarity"] <= 1e-5).all()


def test_stationarity_tells_a_wrong_model():
    from fastl1.fit.stationarity import stationarity
    from fastl1.problem.problem import check_problem

    X, y = make("squared")
    result = fastl1.path(X, y, loss="squared", alphas=[0.2], tol=1e-14)
    problem = check_problem(X, y, loss=OwnSquared())
    for factor, low, high in ((1.0, 0.0, 1e-7), (1.01, 1e-3, 1.0)):
        (distance,) = stationarity(
            problem, [0.2], factor * result.coefs, result.intercepts
        )
        assert low <= distance <= high


def test_ridge_and_failures_without_a_conjugate_are_told_by_stationarity():
    X, y = make("squared")
    ridge = fastl1.path(X, y, loss=OwnSquared(), l1_ratio=0.0, alphas=[1.0, 0.1])
    assert ridge.converged.all()
    assert "worst stationarity" in repr(ridge)
    with pytest.warns(fastl1.ConvergenceWarning, match="worst stationarity is [0-9]"):
        fastl1.path(X, y, loss=OwnSquared(), n_alphas=3, tol=0.0, max_iter=1)


def test_other_functions_take_own_losses():
    X, y = make("logistic")
    options = {"n_alphas": 8, "cv": 3, "scoring": "deviance"}
    cv = fastl1.cross_validate_path(X, y, loss=OwnLogistic(), **options)
    twin = fastl1.cross_validate_path(X, y, loss="logistic", **options)
    np.testing.assert_allclose(cv.mean_scores, twin.mean_scores, rtol=1e-4)
    Y = np.stack([y, y[::-1]], axis=1)
    many = fastl1.fit_many(X, Y, loss=OwnLogistic(), alpha_ratio=0.2)
    assert many.converged.all()
    again = pickle.loads(pickle.dumps(cv.paths[0][0]))
    np.testing.assert_array_equal(again.predict(X), cv.paths[0][0].predict(X))
    with pytest.raises(ValueError, match="fit_ragged takes fastl1's losses"):
        fastl1.fit_ragged(X, (y == "yes") * 1.0, [0, 80], loss=OwnLogistic())


@dataclass(frozen=True)
class Broken(OwnSquared):
    name = "broken"
    how: str = ""

    def slope(self, y, eta):
        if self.how == "raises":
            raise ZeroDivisionError("in the slope")
        if self.how == "shape":
            return np.zeros(3)
        if self.how == "nan":
            return np.where(np.arange(len(y)) == 7, np.nan, eta - y)
        return eta - y

    def curvature(self, y, eta):
        return -1.0 if self.how == "concave" else 1.0

    def deviance(self, y, eta):
        return super().deviance(y, eta) - (1e3 if self.how == "negative" else 0.0)

    def conjugate(self, y, t):
        return t * y + (0.5 if self.how != "conjugate" else 0.2) * t * t


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("raises", ZeroDivisionError, "in the slope"),
        ("shape", ValueError, r"'broken': slope returned shape \(3,\) for 80 rows"),
        ("nan", ValueError, "'broken': slope.* is nan, at row 7"),
        ("concave", ValueError, "'broken': curvature.* is -1 at row 0; .* convex"),
        ("negative", ValueError, "'broken': deviance.* at row .*at least 0"),
        ("conjugate", ValueError, "'broken': conjugate.*it is not the conjugate"),
    ],
)
def test_what_goes_wrong_is_said_by_name_and_row(how, error, words):
    X, y = make("squared")
    with pytest.raises(error, match=words):
        fastl1.path(X, y, loss=Broken(how), n_alphas=5)
    assert fastl1.path(X, y, loss=Broken(), n_alphas=5).converged.all()


class Nameless(fastl1.Loss):
    def deviance(self, y, eta):
        return 0.5 * (y - eta) ** 2


class Half(Nameless):
    name = "half"


class Taken(OwnSquared):
    name = "squared"


class Changed(fastl1.Poisson):
    """A subclass is not what it inherits from."""


class Several(OwnSquared):
    name = "several"
    by_class = True


class Unlinked(OwnSquared):
    name = "unlinked"
    link = "cauchit"


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (Nameless(), "Nameless needs a name"),
        (Half(), r"'half' \(Half\) lacks slope, curvature"),
        (Taken(), "has the name 'squared' of one of fastl1's"),
        (Changed(), "has the name 'poisson' of one of fastl1's"),
        (Several(), "'several' .* sum over rows"),
        (Unlinked(), "link='cauchit'; there are"),
    ],
)
def test_incomplete_losses_are_refused_by_name(loss, words):
    X, y = make("squared")
    for function in (fastl1.path, fastl1.alpha_max, fastl1.cross_validate_path):
        with pytest.raises(TypeError, match=words):
            function(X, y, loss=loss)


@pytest.mark.skipif(not PAGE.exists(), reason="the docs are not beside the tests")
def test_the_recipe_of_the_docs(capsys):
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(code, str(PAGE), "exec"), {"__name__": "recipe"})
    kind, gap = capsys.readouterr().out.split()
    assert kind == "gap"
    assert float(gap) <= 1e-6
