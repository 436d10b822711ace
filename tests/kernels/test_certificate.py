"""The certificate: the solver's gap against the oracle's, for every option.

Three things are asked of a model returned at tolerance tol: the solver's own gap is
within tol; the gap that the oracle computes at the returned coefficients is as well (it
takes its own dual point, hence a small factor); and the solver's gap is not below the
true distance from the optimum, which the oracle's solver knows to 1e-10 or better.
"""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import losses, reference
from scipy import sparse

import fastl1
from fastl1.problem.problem import check_problem

TOL = 1e-8


def make(seed, *, n=40, p=25, loss="squared", shift=0.0, correlation=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X += correlation * rng.standard_normal((n, 1))
    X = X * np.exp(0.4 * rng.standard_normal(p)) + shift
    w = np.where(rng.random(p) < 0.3, rng.standard_normal(p), 0.0)
    y = X @ w + rng.standard_normal(n)
    return X, (y if loss == "squared" else losses.target(loss, y, rng)), rng


def grid_for(X, y, problem, count=5):
    top = reference.alpha_max(X, y, **problem)
    top = top if np.isfinite(top) and top > 0 else 1.0
    return np.geomspace(1.001 * top, 1e-2 * top, count)


def check(X, y, problem, *, as_given=None, tol=TOL, alphas=None):
    alphas = grid_for(X, y, problem) if alphas is None else alphas
    given = {**problem, "loss": losses.as_loss(problem.get("loss", "squared"))}
    result = fastl1.path(
        X if as_given is None else as_given, y, alphas=alphas, tol=tol, **given
    )
    assert result.converged.all()
    assert (result.dual_gaps >= 0).all()
    exact = reference.ReferenceSolver(X, y, **problem)
    null = exact.null_objective
    assert result.info["null_objective"] == pytest.approx(null, rel=1e-9)
    for k, alpha in enumerate(alphas):
        coef = result.coefs[:, [k]].toarray()[:, 0]
        primal, gap, _ = reference.certificate(
            X, y, coef, result.intercepts[k], alpha, **problem
        )
        assert gap / null <= 3 * tol + 1e-12
        exact.solve(alpha, 1e-11, 100)
        best = exact.objective(alpha)
        assert result.dual_gaps[k] >= (primal - best) / null - exact.gap - 1e-13
    return result


OPTIONS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "standardize": {"standardize": True},
    "standardize, no intercept": {"standardize": True, "fit_intercept": False},
    "elastic net": {"l1_ratio": 0.5},
    "nearly ridge": {"l1_ratio": 0.05},
    "ridge": {"l1_ratio": 0.0},
    "weights": {"sample_weight": "some"},
    "offset": {"offset": "some"},
    "penalty factors": {"penalty_factor": "some"},
    "free columns": {"penalty_factor": "free"},
    "excluded columns": {"penalty_factor": "excluded"},
    "nonnegative": {"lower": 0.0},
    "box": {"lower": -0.05, "upper": 0.1},
    "free columns in a box": {
        "penalty_factor": "free",
        "lower": -0.05,
        "upper": 0.1,
    },
    "everything": {
        "l1_ratio": 0.8,
        "standardize": True,
        "sample_weight": "some",
        "offset": "some",
        "penalty_factor": "all kinds",
        "lower": "some",
        "upper": "some",
    },
}


def fill(options, n, p, rng):
    """Options with their arrays made."""
    factor = rng.uniform(0.5, 2, p)
    factors = {"some": factor.copy()}
    factors["free"] = np.where(np.arange(p) < 2, 0.0, factor)
    factors["excluded"] = np.where(np.arange(p) % 3 == 0, np.inf, factor)
    factors["all kinds"] = np.choose(
        np.minimum(np.arange(p), 4), [0.0, np.inf, 0.0, np.inf, factor]
    )
    arrays = {
        "sample_weight": rng.integers(0, 4, n) * 0.7,
        "offset": rng.standard_normal(n),
        "lower": rng.choice([-np.inf, -0.1, 0.0], p),
        "upper": rng.choice([np.inf, 0.1, 0.0], p),
    }
    out = {}
    for name, value in options.items():
        if isinstance(value, str) and name != "loss":
            value = factors[value] if name == "penalty_factor" else arrays[name]
        out[name] = value
    return out


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("storage", ["dense", "sparse"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_option(options, storage, loss):
    X, y, rng = make(3, loss=loss)
    if storage == "sparse":
        X = np.where(rng.random(X.shape) < 0.3, X, 0.0)
    problem = {"loss": loss, **fill(options, *X.shape, rng)}
    given = sparse.csc_array(X) if storage == "sparse" else np.asfortranarray(X)
    check(X, y, problem, as_given=given)


HARD = ["elastic net", "free columns in a box", "everything", "no intercept"]


@pytest.mark.parametrize("loss", losses.TWINS)
@pytest.mark.parametrize("k", range(len(HARD)), ids=HARD)
def test_every_loss(loss, k):
    X, y, rng = make(3, n=30, p=12, loss=loss)
    if k % 2:
        X = np.where(rng.random(X.shape) < 0.4, X, 0.0)
    problem = {"loss": loss, **fill(OPTIONS[HARD[k]], *X.shape, rng)}
    alphas = grid_for(X, y, problem, 3)[1:]
    check(X, y, problem, as_given=sparse.csc_array(X) if k % 2 else X, alphas=alphas)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("n", [15, 60])
def test_float32_is_certified_after_the_cast(loss, n):
    X, y, _ = make(5, n=n, p=30, loss=loss)
    X = np.asfortranarray(X, dtype=np.float32)
    problem = {"loss": loss}
    alphas = grid_for(X, y, problem)
    result = fastl1.path(X, y, alphas=alphas, tol=1e-6, **problem)
    assert result.coefs.dtype == np.float32
    assert result.converged.all()
    exact = reference.ReferenceSolver(X, y, **problem)
    for k, alpha in enumerate(alphas):
        coef = result.coefs[:, [k]].toarray()[:, 0]
        primal = reference.objective(X, y, coef, result.intercepts[k], alpha, **problem)
        exact.solve(alpha, 1e-11, 100)
        true = (primal - exact.objective(alpha)) / exact.null_objective
        assert true - exact.gap - 1e-13 <= result.dual_gaps[k] <= 1e-6


def test_float32_with_mean_far_above_std():
    X, y, _ = make(5, n=60, p=10, shift=1000.0)
    X = np.asfortranarray(X, dtype=np.float32)
    result = fastl1.path(X, y, n_alphas=20, tol=1e-6)
    assert result.converged.all()
    for k in (5, 19):
        coef = result.coefs[:, [k]].toarray()[:, 0]
        primal = reference.objective(X, y, coef, result.intercepts[k], result.alphas[k])
        best = reference.objective(
            X, y, *reference.fit(X, y, result.alphas[k]), result.alphas[k]
        )
        assert primal - best <= 2e-6 * result.info["null_objective"]


def test_float32_bounds_hold_after_the_cast():
    X, y, _ = make(1)
    X = np.asfortranarray(X, dtype=np.float32)
    result = fastl1.path(X, y, lower=-0.1, upper=0.1, n_alphas=20)
    coefs = result.coefs.toarray().astype(np.float64)
    assert coefs.max() <= 0.1
    assert coefs.min() >= -0.1


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-9])
def test_tolerances(loss, n, tol):
    X, y, _ = make(8, n=n, p=40, loss=loss, correlation=0.8)
    problem = {"loss": loss}
    check(X, y, problem, tol=tol, alphas=grid_for(X, y, problem, 8))


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_mean_far_above_std(loss):
    X, y, _ = make(4, loss=loss)
    moved = X + 1e6
    plain = fastl1.path(X, y, loss=loss, n_alphas=8, tol=1e-9)
    far = fastl1.path(moved, y, loss=loss, alphas=plain.alphas, tol=1e-9)
    assert far.converged.all()
    np.testing.assert_allclose(
        far.coefs.toarray(), plain.coefs.toarray(), atol=2e-4, rtol=1e-3
    )
    far = fastl1.path(moved, y, loss=loss, standardize=True, n_alphas=8, tol=1e-9)
    near = fastl1.path(X, y, loss=loss, standardize=True, n_alphas=8, tol=1e-9)
    np.testing.assert_allclose(far.alphas, near.alphas, rtol=1e-6)


def test_duplicate_and_dependent_columns():
    X, y, rng = make(9, n=30, p=10)
    X = np.hstack([X, X, -X[:, :3], X[:, :4] + X[:, 4:8], np.ones((30, 2))])
    X = np.hstack([X, X @ rng.standard_normal((X.shape[1], 5))])
    for problem in ({}, {"l1_ratio": 0.9}, {"standardize": True}):
        check(X, y, problem)


def test_near_saturation():
    X, y, _ = make(10, n=25, p=80, correlation=1.0)
    alphas = reference.alpha_max(X, y) * np.geomspace(1, 1e-4, 8)
    check(X, y, {}, alphas=alphas)


# alpha_max


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_alpha_max_is_exact(options, loss):
    X, y, rng = make(3, loss=loss)
    problem = {"loss": loss, **fill(options, *X.shape, rng)}
    if problem.get("l1_ratio") == 0.0:
        with pytest.raises(ValueError, match="l1_ratio=0"):
            fastl1.alpha_max(X, y, **problem)
        return
    top = fastl1.alpha_max(X, y, **problem)
    assert top == pytest.approx(reference.alpha_max(X, y, **problem), rel=1e-7)
    alphas = [top * (1 + 1e-6), top * (1 - 1e-4)]
    result = fastl1.path(X, y, alphas=alphas, tol=1e-12, **problem)
    penalized = np.broadcast_to(problem.get("penalty_factor", 1.0), X.shape[1]) > 0
    nonzero = result.coefs.toarray()[penalized] != 0
    assert nonzero.sum(axis=0).tolist() == [0, 1]


# The oracle itself


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_oracle_agrees_with_itself(options, loss):
    """A point of zero gap meets the optimality conditions, one moved away does not."""
    X, y, rng = make(7, n=30, p=12, loss=loss)
    problem = {"loss": loss, **fill(options, *X.shape, rng)}
    alpha = grid_for(X, y, problem)[2]
    coef, intercept = reference.fit(X, y, alpha, **problem)
    primal, gap, null = reference.certificate(X, y, coef, intercept, alpha, **problem)
    assert gap <= 1e-11 * null
    residuals, at_intercept = reference.kkt_residuals(
        X, y, coef, intercept, alpha, **problem
    )
    assert residuals.max() <= 1e-5
    assert at_intercept <= 1e-5
    for scale in (1e-3, 1e-1):
        low = np.broadcast_to(problem.get("lower", -np.inf), coef.shape)
        high = np.broadcast_to(problem.get("upper", np.inf), coef.shape)
        moved = np.clip(coef + scale * rng.standard_normal(len(coef)), low, high)
        moved[
            np.isinf(np.broadcast_to(problem.get("penalty_factor", 1), coef.shape))
        ] = 0
        value, gap, _ = reference.certificate(X, y, moved, intercept, alpha, **problem)
        assert value > primal
        assert gap >= value - primal - 1e-12


def test_the_oracle_where_a_free_column_separates_rows():
    """The free coefficient runs off to infinity; the bound is tight all the same."""
    X, y, _ = make(6, n=30, p=8, loss="logistic")
    X[:, 0] = np.where(np.arange(30) < 10, y, 0.0)
    problem = {"loss": "logistic", "penalty_factor": np.r_[0.0, np.ones(7)]}
    alpha = 0.1 * reference.alpha_max(X, y, **problem)
    coef, intercept = reference.fit(X, y, alpha, tol=1e-9, **problem)
    assert coef[0] > 10
    assert reference.relative_gap(X, y, coef, intercept, alpha, **problem) <= 1e-9


def test_the_oracle_on_closed_forms():
    """Orthogonal columns: the lasso is a soft threshold, the elastic net shrinks it."""
    n = 16
    H = np.array([[1.0]])
    while len(H) < n:
        H = np.block([[H, H], [H, -H]])
    X = H[:, 1:8]
    y = X @ np.array([3.0, -2.0, 1.0, 0.5, 0, 0, 0]) + 4.0
    for solve in (
        reference.fit,
        lambda *args, **kw: fastl1_fit(*args, **kw),
    ):
        coef, intercept = solve(X, y, 0.75)
        np.testing.assert_allclose(coef, [2.25, -1.25, 0.25, 0, 0, 0, 0], atol=1e-12)
        assert intercept == pytest.approx(4.0, abs=1e-12)
        coef, _ = solve(X, y, 0.5, l1_ratio=0.5)
        np.testing.assert_allclose(
            coef, np.array([2.75, -1.75, 0.75, 0.25, 0, 0, 0]) / 1.25, atol=1e-12
        )
        coef, _ = solve(X, y, 0.75, lower=0.0, upper=2.0)
        np.testing.assert_allclose(coef, [2.0, 0, 0.25, 0, 0, 0, 0], atol=1e-12)
        coef, _ = solve(X, y, 0.75, penalty_factor=[0, 2, 1, 1, 1, 1, np.inf])
        np.testing.assert_allclose(coef, [3.0, -0.5, 0.25, 0, 0, 0, 0], atol=1e-12)


def fastl1_fit(X, y, alpha, **problem):
    result = fastl1.path(X, y, alphas=[alpha], tol=1e-13, **problem)
    return result.coefs.toarray()[:, 0], result.intercepts[0]


def test_logistic_closed_form():
    """One binary column: the fitted log-odds solve a scalar equation."""
    x = np.repeat([0.0, 1.0], 50)
    y = np.r_[np.arange(50) < 10, np.arange(50) < 30].astype(float)
    alpha = 0.05
    # gradient in w: -(30 - 50 p1)/100 + alpha = 0, in b: 10 + 30 = 50 p0 + 50 p1
    p1 = (30 - 100 * alpha) / 50
    p0 = 0.8 - p1
    b = np.log(p0 / (1 - p0))
    w = np.log(p1 / (1 - p1)) - b
    coef, intercept = fastl1_fit(x[:, None], y, alpha, loss="logistic")
    np.testing.assert_allclose([coef[0], intercept], [w, b], atol=1e-10)
    coef, intercept = reference.fit(x[:, None], y, alpha, loss="logistic")
    np.testing.assert_allclose([coef[0], intercept], [w, b], atol=1e-10)


# Random problems


@st.composite
def problems(draw):
    n = draw(st.integers(2, 30))
    p = draw(st.integers(1, 30))
    loss = draw(st.sampled_from(["squared", "logistic"]))
    seed = draw(st.integers(0, 2**32 - 1))
    options = {
        "loss": loss,
        "l1_ratio": draw(st.sampled_from([1.0, 1.0, 0.5, 0.0])),
        "fit_intercept": draw(st.booleans()),
        "standardize": draw(st.booleans()),
    }
    for name in ("sample_weight", "offset", "lower", "upper"):
        if draw(st.booleans()):
            options[name] = "some"
    if draw(st.booleans()):
        options["penalty_factor"] = draw(st.sampled_from(["some", "excluded"]))
    return n, p, seed, options, draw(st.sampled_from(["dense", "sparse"]))


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(problems())
@example((2, 1, 0, {"loss": "squared"}, "dense"))
@example((2, 30, 0, {"loss": "logistic"}, "dense"))
def test_random_problems(drawn):
    n, p, seed, options, storage = drawn
    X, y, rng = make(seed, n=n, p=p, loss=options["loss"])
    if storage == "sparse":
        X = np.where(rng.random(X.shape) < 0.4, X, 0.0)
    problem = fill(options, n, p, rng)
    if "sample_weight" in problem:
        problem["sample_weight"][:2] = 1.0
    check(X, y, problem, as_given=sparse.csc_array(X) if storage == "sparse" else None)


def test_regimes_agree():
    """Both ways of minimizing on a working set reach the same certified solution."""
    from fastl1.fit.solver import make_solver

    for loss, storage in itertools.product(("squared", "logistic"), (False, True)):
        X, y, rng = make(2, n=50, p=40, loss=loss)
        if storage:
            X = np.where(rng.random(X.shape) < 0.3, X, 0.0)
        problem = check_problem(sparse.csc_array(X) if storage else X, y, loss=loss)
        coefs = []
        for regime in (1, 2):
            solver = make_solver(problem)
            solver.force_regime = regime
            for alpha in solver.alpha_max * np.array([0.5, 0.1, 0.02]):
                assert solver.solve(alpha, 1e-11, 500) == 0
                coefs.append(solver.coef)
        np.testing.assert_allclose(coefs[:3], coefs[3:], atol=1e-5)


def solver_for(X, y, **options):
    from fastl1.kernels.solver._solver import Solver

    problem = {
        "loss": "squared",
        "l1_ratio": 1.0,
        "penalty_factor": None,
        "lower": None,
        "upper": None,
        "fit_intercept": True,
        "standardize": False,
        "sample_weight": None,
        "offset": None,
    } | options
    X = X if sparse.issparse(X) else np.asfortranarray(X)
    if sparse.issparse(X):
        from fastl1.problem.matrix import CSC

        X = CSC(X.data, X.indices, X.indptr.astype(np.int64), X.shape)
    return Solver(X, y, n_threads=1, **problem)


@pytest.mark.parametrize("seed", [2, 4, 5])
def test_objective_between_solves_leaves_screening_safe(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 800)) + rng.standard_normal((60, 1))
    y = X[:, :15] @ (2 * rng.standard_normal(15)) + rng.standard_normal(60)
    solver = solver_for(X, y)
    for alpha in solver.alpha_max * np.geomspace(0.9, 0.05, 12):
        assert solver.solve(alpha, 1e-9, 1000) == 0
        solver.objective(alpha)
        gap = reference.relative_gap(X, y, solver.coef, solver.intercept, alpha)
        assert gap <= 1e-8


def test_dependent_unpenalized_columns_stay_finite():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 60))
    factor = rng.choice([0.0, 0.0, 0.3, 1.0, 2.0], 60)
    factor[:4] = 0.0
    X[:, 1] = X[:, 0]
    X[:, 3] = X[:, 0] - X[:, 2]
    y = X @ rng.standard_normal(60) + rng.standard_normal(30)
    solver = solver_for(X, y, penalty_factor=factor, standardize=True)
    for ratio in (0.9, 0.5, 0.08, 0.6, 0.03):
        assert solver.solve(ratio * solver.alpha_max, 1e-8, 100) == 0
        assert np.abs(solver.coef).max() < 1e3


def test_certificate_where_every_sample_is_saturated():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 10))
    y = (np.arange(30) % 3 == 0).astype(float)
    solver = solver_for(X, y, loss="logistic")
    alpha = 0.1 * solver.alpha_max
    assert solver.solve(alpha, 1e-10, 100) == 0
    best = solver.objective(alpha)
    solver.set_coef(np.zeros(10), 1e4)
    distance = (solver.objective(alpha) - best) / solver.null_objective
    assert solver.certify(alpha) >= distance * (1 - 1e-9)


@pytest.mark.parametrize("shift", [1e5, 1e6, 1e7])
def test_sparse_columns_far_from_zero(shift):
    rng = np.random.default_rng(1)
    Z = rng.standard_normal((200, 30))
    y = Z[:, :4].sum(axis=1) + rng.standard_normal(200)
    X = Z + shift
    solver = solver_for(sparse.csc_array(X), y)
    alpha = 0.1 * solver.alpha_max
    solver.solve(alpha, 1e-9, 100)
    exact = solver_for(X, y)
    exact.solve(alpha, 1e-13, 100)
    Z, y = X - X[0], y - y.mean()
    Z = Z - Z.mean(axis=0)

    def objective(w):
        return 0.5 * np.mean((y - Z @ w) ** 2) + alpha * np.abs(w).sum()

    distance = objective(solver.coef) - objective(exact.coef)
    assert solver.gap >= distance / solver.null_objective - 1e-12


def test_certify_where_the_null_model_is_exact():
    solver = solver_for(np.random.default_rng(0).standard_normal((9, 2)), np.ones(9))
    assert solver.certify(1.0) == 0.0
    solver.set_coef([1.0, 0.0], 0.0)
    assert solver.certify(1.0) == np.inf
