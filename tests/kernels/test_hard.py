"""Problems that were wrong, or stood still, each with what it takes to be right."""

import numpy as np
import pytest
from oracles import fuzz
from sklearn import datasets, linear_model

import fastl1


def test_a_gap_is_that_of_the_returned_coefficients():
    """The null model has coefficients of 1e12, and differences of the linear predictor
    keep their rounding for ever."""
    rng = np.random.default_rng(3)
    n, p = 14, 30
    X = rng.standard_normal((n, p)) * 10.0 ** rng.uniform(-4, 4, p)
    y = rng.integers(0, 4, n)
    y[:4] = range(4)
    pf = np.ones(p)
    pf[:15] = 0.0
    keywords = {
        "penalty_factor": pf,
        "sample_weight": 10.0 ** rng.uniform(-6, 6, n),
        "l1_ratio": 0.0,
        "fit_intercept": True,
        "standardize": False,
    }
    case = fuzz.Case("multinomial", X, y, (1e-3,), keywords)
    truth = fuzz.Truth(case)
    result, (model,) = fuzz.solve(case, [1e-3], tol=1e-6)
    _, (better,) = fuzz.solve(case, [1e-3], tol=1e-12)
    null = result.info["null_objective"]
    off = truth.objective(*model, 1e-3) - truth.objective(*better, 1e-3)
    slack = truth.rounding(*model, 1e-3)
    assert off <= result.dual_gaps[0] * null + slack
    assert slack <= 1e-6 * null


@pytest.mark.filterwarnings("ignore::fastl1.ConvergenceWarning")
@pytest.mark.parametrize("share", [1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_null_model_stays_where_no_tolerance_is_met(seed, share):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 5))
    rng.integers(0, 3, 60)
    y = X[:, 0] + rng.standard_t(2, 60)
    keywords = {"loss": fastl1.Quantile(0.3), "penalty_factor": [0.0, 1, 1, 1, 1]}
    top = fastl1.path(X, y, alphas=[1e9], **keywords).info["alpha_max"]
    result = fastl1.path(X, y, alphas=[share * top], tol=0.0, **keywords)
    assert result.dual_gaps[0] <= 1e-9


@pytest.mark.parametrize("seed", [1016, 260, 1814])
def test_tweedie_near_its_ends_is_certified(seed):
    verdicts = fuzz.audit(fuzz.make(seed))
    assert len(verdicts) == 2
    assert all(v.converged for v in verdicts)


@pytest.mark.parametrize("C", [1.0, 1e2, 1e4])
def test_multinomial_near_separation_is_certified(C):
    X, y = datasets.load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    result = fastl1.path(X, y, loss="multinomial", alphas=[1 / (C * len(y))], tol=1e-6)
    assert result.converged.all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_uncentred_columns_without_an_intercept():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((60, 10)) + 100
    y = X[:, 0] - X[:, 1] + 0.3 * rng.standard_normal(60)
    top = np.abs(X.T @ y).max() / 60
    alphas = top * np.array([0.1, 5e-3, 5e-4, 5e-5])
    result = fastl1.path(X, y, fit_intercept=False, alphas=alphas, tol=1e-8)
    assert result.converged.all()
    peer = linear_model.Lasso(
        alpha=alphas[2], fit_intercept=False, max_iter=10**6, tol=1e-12
    ).fit(X, y)
    for coef in (peer.coef_, result.coefs.toarray()[:, 2]):
        objective = 0.5 * np.mean((y - X @ coef) ** 2) + alphas[2] * np.abs(coef).sum()
        assert objective == pytest.approx(0.041594, abs=1e-6)


@pytest.mark.parametrize("seed", [405, 3359])
def test_no_model_is_worse_than_none(seed):
    assert all(v.beyond_null <= v.gap + v.rounding for v in fuzz.audit(fuzz.make(seed)))
    assert max(v.beyond_null for v in fuzz.audit(fuzz.make(seed))) <= 1e-9
