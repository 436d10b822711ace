"""The choice of the regime: reported, and sound where the cost model turns over."""

import numpy as np
import pytest
from oracles import reference
from scipy import sparse

import fastl1
from fastl1.fit.solver import make_solver
from fastl1.problem.problem import check_problem

COST_MODEL, GRAM, RESIDUAL = range(3)


def correlated(n, p, rng):
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    return np.asfortranarray(X)


def text(n, p, rng):
    """CSC with columns of very different frequency."""
    weight = 1.0 / (np.arange(p) + 30.0)
    columns = rng.choice(p, size=10 * n, p=weight / weight.sum())
    values = 1.0 + rng.exponential(1.0, 10 * n)
    X = sparse.csc_array((values, (np.repeat(np.arange(n), 10), columns)), shape=(n, p))
    X.sum_duplicates()
    return X


def make(kind, n, p, loss="squared", seed=0):
    rng = np.random.default_rng(seed)
    X = text(n, p, rng) if kind == "text" else correlated(n, p, rng)
    signal = X[:, : min(20, p)] @ rng.standard_normal(min(20, p))
    y = signal + signal.std() * rng.standard_normal(n)
    return X, (y > np.median(y)) * 1.0 if loss == "logistic" else y


def solve(problem, alphas, regime, tol=1e-6):
    """Work, coefficients and the last regime along `alphas` of alpha_max."""
    solver = make_solver(problem)
    start = solver.counters()["work"]
    solver.force_regime = regime
    top = solver.alpha_max if problem.l1_ratio > 0 else 1.0
    for alpha in top * np.asarray(alphas):
        assert solver.solve(alpha, tol, 500) == 0
    work = solver.counters()["work"] - start
    return work, solver.coef, solver.intercept, alpha, solver.regime


# (storage, n, p, loss, l1_ratio, alphas / alpha_max): working sets on both sides of
# every limit of the cost model
BORDERS = [
    *(("text", 800, 800, "squared", 1.0, [r]) for r in (0.2, 0.05, 0.03)),
    *(("text", 800, 800, "logistic", 1.0, [r]) for r in (0.5, 0.3, 0.2, 0.1)),
    *(("dense", 100, 400, loss, 1.0, [0.1]) for loss in ("squared", "logistic")),
    *(("dense", 50, p, "squared", 0.0, [1.0, 0.1]) for p in (99, 101)),
    *(("dense", 50, p, "logistic", 0.0, [1.0, 0.1]) for p in (49, 51)),
    *(
        ("text", n, p, loss, 1.0, np.geomspace(1.0, 0.02, 20))
        for (n, p) in ((400, 300), (600, 600))
        for loss in ("squared", "logistic")
    ),
]


@pytest.mark.parametrize(("kind", "n", "p", "loss", "l1_ratio", "alphas"), BORDERS)
def test_the_chosen_regime_costs_about_twice_the_better_one_at_most(
    kind, n, p, loss, l1_ratio, alphas
):
    X, y = make(kind, n, p, loss)
    options = {"loss": loss, "l1_ratio": l1_ratio}
    problem = check_problem(X, y, **options)
    runs = [solve(problem, alphas, regime) for regime in range(3)]
    for _, coef, intercept, alpha, _ in runs:
        gap = reference.relative_gap(X, y, coef, intercept, alpha, **options)
        assert gap <= 1.1e-6
    work = [run[0] for run in runs]
    assert work[COST_MODEL] <= 2.5 * min(work[GRAM], work[RESIDUAL])
    assert [runs[k][-1] for k in (GRAM, RESIDUAL)] == [
        ("gram", "forced"),
        ("residual", "forced"),
    ]


def test_both_regimes_and_every_reason_but_the_largest_occur():
    seen = set()
    for kind, n, p, loss, l1_ratio, alphas in BORDERS:
        X, y = make(kind, n, p, loss)
        problem = check_problem(X, y, loss=loss, l1_ratio=l1_ratio)
        seen.add(solve(problem, alphas, COST_MODEL)[-1])
    X, y = make("dense", 400, 100)
    seen.add(solve(check_problem(X, y), [0.5, 0.4, 0.3, 0.2], COST_MODEL)[-1])
    assert seen == {
        ("gram", "dense columns"),
        ("gram", "a path with n >= 4 p: products of all columns are kept"),
        ("gram", "a sparse block that costs few sweeps"),
        ("residual", "ridge, a system of rank n"),
        ("residual", "a sparse block costs more than sweeps"),
    }


@pytest.mark.parametrize("storage", ["dense", "text"])
def test_info_tells_regime_and_reason(storage):
    X, y = make(storage, 100, 40)
    result = fastl1.path(X, y, n_alphas=10)
    info = result.info
    assert sum(info["regimes"].values()) == len(result) == 10
    assert f"{info['regime']}: {info['regime_reason']}" in info["regimes"]
    # alpha_max itself needs no working set
    assert info["regimes"]["none: the gap was met at once"] >= 1


def test_work_is_counted():
    X, y = make("dense", 100, 400)
    short = fastl1.path(X, y, n_alphas=10, alpha_min_ratio=0.5).info
    long = fastl1.path(X, y, n_alphas=10, alpha_min_ratio=0.05).info
    assert 0 < short["work"] < long["work"]
