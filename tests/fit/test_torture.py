"""Problems built to break plain Newton, for every loss: each ends soon, with an honest
gap, and says so where the gap is above the tolerance."""

import time
import warnings

import numpy as np
import pytest
from oracles.losses import TWINS, as_loss, target
from oracles.reference import Reference

import fastl1

TOL = 1e-6
LOSSES = ["logistic", *TWINS]
CORNERS = {
    "quantile": fastl1.Quantile(0.5),
    "quantile 0.01": fastl1.Quantile(0.01),
    "huber tiny": fastl1.Huber(1e-5),
}


def spread_weights(problem, X, y, rng):
    problem["sample_weight"] = 10.0 ** rng.uniform(-12, 12, len(y))


def spread_columns(problem, X, y, rng):
    X *= 10.0 ** rng.uniform(-100, 100, X.shape[1])
    problem["standardize"] = True


def dependent_columns(problem, X, y, rng):
    X[:, 3] = X[:, 0]
    X[:, 4] = X[:, 1] + X[:, 2]
    X[:, 5] = 7.0
    problem["l1_ratio"] = 0.5


def far_offset(problem, X, y, rng):
    problem["offset"] = rng.choice([-30.0, 30.0], len(y))


def bounded(problem, X, y, rng):
    problem["lower"] = np.where(rng.random(X.shape[1]) < 0.5, -np.inf, -0.1)
    problem["upper"] = np.where(rng.random(X.shape[1]) < 0.5, np.inf, 0.0)


def unpenalized(problem, X, y, rng):
    factor = rng.uniform(0.2, 3.0, X.shape[1])
    factor[-2:] = 0.0, np.inf
    problem["penalty_factor"] = factor


def no_intercept(problem, X, y, rng):
    problem["fit_intercept"] = False
    problem["l1_ratio"] = 0.0


TWISTS = [
    *(spread_weights, spread_columns, dependent_columns, far_offset, bounded),
    *(unpenalized, no_intercept),
]


def make(loss, twist, n, p):
    rng = np.random.default_rng([n, p, TWISTS.index(twist)])
    X = rng.standard_normal((n, p)) + rng.standard_normal((n, 1))
    signal = X[:, :3] @ [1.0, -1.0, 0.5]
    y = target(loss if loss in LOSSES else "huber", signal, rng)
    problem = {}
    twist(problem, X, y, rng)
    return np.asfortranarray(X), y, problem


def run(X, y, loss, problem):
    """A path to where the fit saturates; whether it was silent has to be right."""
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        top = 1.0
        if problem.get("l1_ratio") != 0:
            top = fastl1.alpha_max(X, y, loss=loss, **problem)
        result = fastl1.path(
            X,
            y,
            loss=loss,
            alphas=(top if top > 0 else 1.0) * np.geomspace(1, 1e-3, 5),
            tol=TOL,
            n_threads=1,
            **problem,
        )
    assert time.process_time() - start < 10
    assert np.isfinite(result.coefs.toarray()).all()
    assert np.isfinite(result.intercepts).all()
    assert np.isfinite(result.dual_gaps).all()
    np.testing.assert_array_equal(result.converged, result.dual_gaps <= TOL)
    said = [w for w in caught if issubclass(w.category, fastl1.ConvergenceWarning)]
    assert len(said) == (not result.converged.all()) + result.info["separated"]
    return result


@pytest.mark.parametrize("twist", TWISTS)
@pytest.mark.parametrize("loss", [*LOSSES, *CORNERS])
def test_every_gap_is_honest(loss, twist):
    tall = ([*LOSSES, *CORNERS].index(loss) + TWISTS.index(twist)) % 2
    X, y, problem = make(loss, twist, *((40, 8) if tall else (15, 30)))
    kernel = CORNERS[loss] if loss in CORNERS else as_loss(loss)
    result = run(X, y, kernel, problem)
    if loss in CORNERS or twist is spread_columns:
        return  # the oracle is made for neither
    oracle = Reference(X, y, loss=loss, **problem)
    alpha, w, b = result.alphas[3], result.coefs.toarray()[:, 3], result.intercepts[3]
    best = oracle.minimize(w, b, alpha, 1e-10, 10)[:2]
    more = oracle.objective(w, b, alpha) - oracle.objective(*best, alpha)
    assert more <= (result.dual_gaps[3] + 1e-9) * result.info["null_objective"]


def test_the_warning_names_saturation():
    X, y, problem = make("probit", unpenalized, 15, 30)
    y = (X[:, 0] > 0).astype(float)
    alphas = fastl1.alpha_max(X, y, loss="probit") * np.array([1e-7])
    with pytest.warns(fastl1.ConvergenceWarning, match="saturated: the classes are"):
        fastl1.path(X, y, loss="probit", alphas=alphas, tol=1e-300)
