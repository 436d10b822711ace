"""The Cox loss against a slow twin written from its definition."""

import numpy as np
import pytest
from oracles.cox import N, P, make, twin
from scipy import sparse
from scipy.optimize import minimize

import fastl1
from fastl1.fit.solver import make_solver
from fastl1.problem.problem import check_problem


def run(X, y, ties="breslow", **options):
    options = {
        "tol": 1e-9,
        "n_alphas": 5,
        "alpha_min_ratio": 0.02,
        "n_threads": 1,
        **options,
    }
    result = fastl1.path(X, y, loss=fastl1.Cox(ties), **options)
    assert result.converged.all()
    assert not result.intercepts.any()
    return result


def same(a, b, atol=1e-5):
    np.testing.assert_allclose(a.alphas, b.alphas, rtol=1e-9)
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=atol)


CASES = {
    "plain": {},
    "weights": {"sample_weight": True},
    "strata": {"strata": True},
    "entry": {"entry": True},
    "offset": {"offset": True},
    "box and elastic net": {"lower": -0.1, "upper": 0.4, "l1_ratio": 0.6},
    "free column": {"penalty_factor": np.r_[0.0, np.ones(P - 2), np.inf]},
}


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("case", CASES)
def test_the_optimum_and_its_certificate(case, ties):
    X, y, rng = make()
    options = dict(CASES[case])
    if options.pop("entry", False):
        y = np.c_[y, y[:, 1] - rng.integers(1, 5, N)]
    arrays = {
        "sample_weight": rng.integers(0, 4, N) * 0.5,
        "strata": rng.integers(0, 3, N),
        "offset": 0.5 * rng.standard_normal(N),
    }
    options |= {key: arrays[key] for key in options if key in arrays}
    result = run(X, y, ties, **options)
    s, strata = options.get("sample_weight"), options.get("strata")
    offset = options.get("offset", np.zeros(N))
    factor = np.broadcast_to(options.get("penalty_factor", 1.0), P)
    ratio = options.get("l1_ratio", 1.0)
    null = twin(offset, y, ties, s, strata)
    assert result.info["null_objective"] == pytest.approx(null, rel=1e-12)
    for k in (1, 4):
        alpha = result.alphas[k]

        def objective(u, alpha=alpha):
            w = u[:P] - u[P:]
            pf = np.where(np.isinf(factor), 0.0, factor)
            penalty = pf @ (
                ratio * u.reshape(2, P).sum(axis=0) + (1 - ratio) / 2 * w**2
            )
            return twin(X @ w + offset, y, ties, s, strata) + alpha * penalty

        w = result.coefs[:, [k]].toarray()[:, 0]
        ours = np.r_[np.maximum(w, 0), np.maximum(-w, 0)]
        high = np.where(np.isinf(factor), 0.0, options.get("upper", np.inf))
        low = np.where(np.isinf(factor), 0.0, -options.get("lower", -np.inf))
        best = minimize(
            objective,
            ours,
            bounds=[(0, end) for end in np.r_[high, low]],
            options={"ftol": 1e-15, "gtol": 1e-9},
        ).fun
        distance = (objective(ours) - best) / null
        assert distance <= result.dual_gaps[k] + 1e-12
        # an honest certificate of a point that is not the solution
        problem = check_problem(X, y, loss=fastl1.Cox(ties), **options)
        solver = make_solver(problem)
        solver.set_coef(0.8 * w, 0.0)
        gap = solver.certify(alpha)
        assert gap >= (objective(0.8 * ours) - best) / null * (1 - 1e-9)
        assert gap < 1


def test_an_integer_weight_repeats_the_row():
    X, y, rng = make()
    weight = rng.integers(0, 4, N)
    a = run(X, y, sample_weight=weight)
    same(a, run(np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0)))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
class TestLaws:
    def test_only_the_order_of_times_matters(self, ties):
        X, y, rng = make()
        order = rng.permutation(N)
        a = run(X, y, ties)
        same(a, run(X[order], y[order], ties))
        same(a, run(X, np.c_[y[:, 0], np.exp(y[:, 1])], ties))

    def test_storage_precision_and_threads(self, ties):
        X, y, rng = make()
        X = np.where(rng.random(X.shape) < 0.5, X, 0.0).astype(np.float32)
        a = run(X, y, ties, tol=1e-7)
        assert a.coefs.dtype == np.float32
        same(a, run(sparse.csc_array(X), y, ties, tol=1e-7), atol=1e-3)
        same(a, run(X.astype(float), y, ties), atol=1e-3)
        b = run(X, y, ties, tol=1e-7, n_threads=3)
        np.testing.assert_array_equal(a.coefs.toarray(), b.coefs.toarray())

    def test_shifts_and_strata(self, ties):
        """A constant of a stratum says nothing; strata alone are a sum of problems."""
        X, y, rng = make()
        strata = rng.integers(0, 2, N)
        a = run(X, y, ties, strata=strata)
        shift = np.where(strata, 3.0, -40.0)
        same(a, run(X, y, ties, strata=strata, offset=shift))
        names = np.array(["b", "a"])[strata]
        same(a, run(X + 5.0, y, ties, strata=names))

    def test_standardize_is_scaling_by_hand(self, ties):
        X, y, _ = make()
        scale = X.std(axis=0)
        a, b = run(X, y, ties, standardize=True), run(X / scale, y, ties)
        np.testing.assert_allclose(a.alphas, b.alphas, rtol=1e-9)
        np.testing.assert_allclose(
            a.coefs.toarray() * scale[:, None], b.coefs.toarray(), atol=1e-5
        )

    def test_alpha_max(self, ties):
        X, y, _ = make()
        top = fastl1.alpha_max(X, y, loss=fastl1.Cox(ties))
        a = run(X, y, ties, alphas=[top * (1 + 1e-6), top * (1 - 1e-3)], tol=1e-12)
        assert (a.coefs.toarray() != 0).sum(axis=0).tolist() == [0, 1]


def test_without_ties_the_methods_agree():
    X, y, rng = make()
    y[:, 1] += rng.uniform(0, 1e-3, N)
    same(run(X, y, "breslow"), run(X, y, "efron"), atol=1e-7)


def test_many_ties_at_one_time():
    """The bound that takes the place of the sum over pairs of ties holds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 4))
    y = np.c_[np.ones(400), np.ceil(2 * rng.exponential(np.exp(-X[:, 0])))]
    a = run(X, y, "efron", tol=1e-6)
    exact = run(X, y, "efron", tol=1e-10, alphas=a.alphas)
    for k, alpha in enumerate(a.alphas):
        values = [
            twin(X @ w, y, "efron") + alpha * np.abs(w).sum()
            for w in (r.coefs[:, [k]].toarray()[:, 0] for r in (a, exact))
        ]
        distance = (values[0] - values[1]) / a.info["null_objective"]
        assert distance <= a.dual_gaps[k] + 1e-10


def test_structured_y_and_predictions():
    X, y, _ = make()
    named = np.array(
        [(bool(e), t) for e, t in y], dtype=[("status", "?"), ("days", "f8")]
    )
    a = run(X, named)
    same(a, run(X, y))
    turned = named[["days", "status"]].astype([("days", "f8"), ("status", "?")])
    same(a, run(X, turned))
    pd = pytest.importorskip("pandas")
    same(a, run(X, pd.DataFrame({"days": y[:, 1], "status": y[:, 0] == 1})))
    eta = a.predict(X, type="link")
    np.testing.assert_allclose(a.predict(X), np.exp(eta))
    assert a.loss == "cox"


def test_huge_offsets_and_a_monotone_likelihood():
    X, y, rng = make()
    a = run(X, y, offset=np.where(rng.random(N) < 0.5, 300.0, -300.0), tol=1e-6)
    assert np.isfinite(a.coefs.toarray()).all()
    X[:, 0] = -y[:, 1]  # who dies first is known
    a = run(X, y, n_alphas=10, alpha_min_ratio=1e-2, tol=1e-6)
    assert a.coefs.toarray()[0, -1] > 0.3


def solver_at(X, y, w, ties="breslow", **options):
    problem = check_problem(X, y, loss=fastl1.Cox(ties), **options)
    solver = make_solver(problem)
    solver.set_coef(np.asarray(w, dtype=float), 0.0)
    return solver


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize(("size", "entry"), [(1.0, False), (1e4, False), (100.0, True)])
def test_the_loss_at_predictors_of_any_size(ties, size, entry):
    """No overflow and no digit lost, also where early leavers outweigh the others."""
    X, y, rng = make(n=300)
    y[:, 1] *= rng.integers(1, 4, 300)
    if entry:
        y = np.c_[y, y[:, 1] - rng.integers(1, 12, 300)]
    strata, weight = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    offset = size * rng.standard_normal(300)
    options = {"strata": strata, "sample_weight": weight, "offset": offset}
    w = rng.standard_normal(P)
    value = solver_at(X, y, w, ties, **options).objective(0.0)
    exact = twin(X @ w + offset, y, ties, weight, strata)
    assert value == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("case", [c for c in CASES if "box" not in c])
def test_newton_steps_have_the_true_hessian(case, ties):
    """With any other they would need many more to get to the last digits."""
    X, y, rng = make(1, n=150)
    options = dict(CASES[case])
    if options.pop("entry", False):
        y = np.c_[y, y[:, 1] - rng.integers(1, 5, 150)]
    arrays = {
        "sample_weight": rng.integers(0, 4, 150) * 0.5,
        "strata": rng.integers(0, 3, 150),
        "offset": 0.5 * rng.standard_normal(150),
    }
    options |= {key: arrays[key] for key in options if key in arrays}
    top = fastl1.alpha_max(X, y, loss=fastl1.Cox(ties), **options)
    result = run(X, y, ties, alphas=[1e-4 * top], tol=1e-13, **options)
    assert result.info["n_newton"] <= 25


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_near_saturation(ties):
    """p >> n down to where the model explains almost all: few steps an alpha."""
    X, y, _ = make(2, n=120, p=900)
    result = run(X, y, ties, n_alphas=20, alpha_min_ratio=1e-4, tol=1e-8)
    assert result.n_iters.sum() <= 60  # thousands with a bound of the Hessian
    assert result.info["n_gram_columns"] <= 12_000


@pytest.mark.parametrize("seed", range(8))
def test_strata_and_all_else_at_large_and_small_alphas(seed):
    rng = np.random.default_rng(seed)
    n, p, ties = 120, 40, ("breslow", "efron")[seed % 2]
    X = np.asfortranarray(rng.standard_normal((n, p)))
    time = rng.exponential(np.exp(-X[:, :3] @ [1.0, -0.7, 0.5]))
    y = np.c_[rng.random(n) < 0.6, np.ceil(5 * time) if seed % 3 else time]
    options = {"strata": rng.integers(0, 3, n)}
    if seed % 2:
        options["offset"] = 3 * rng.standard_normal(n)
    if seed % 3 == 0:
        options["sample_weight"] = rng.integers(0, 3, n)
        y = np.c_[y, y[:, 1] - rng.exponential(1.0, n)]
    if seed % 4 == 0:
        options["penalty_factor"] = np.r_[0.0, 0.0, np.ones(p - 2)]
    if seed % 4 == 3:
        options |= {"l1_ratio": 0.3, "standardize": True}
    run(X, y, ties, n_alphas=20, alpha_min_ratio=0.01, tol=1e-8, **options)


def test_the_certificate_sees_a_free_column_that_is_not_fitted():
    """Its dual point is the gradient where the free column is fitted."""
    X, y, _ = make()
    options = {"penalty_factor": np.r_[0.0, np.ones(P - 1)]}
    for ties in ("breslow", "efron"):
        result = run(X, y, ties, alphas=[0.05], tol=1e-12, **options)
        w = result.coefs.toarray()[:, 0]
        best = twin(X @ w, y, ties) + 0.05 * np.abs(w[1:]).sum()
        w[0] += 0.1
        distance = twin(X @ w, y, ties) + 0.05 * np.abs(w[1:]).sum() - best
        distance /= result.info["null_objective"]
        gap = solver_at(X, y, w, ties, **options).certify(0.05)
        assert distance <= gap <= 5 * distance


@pytest.mark.parametrize("ties", ["breslow", "efron"])
class TestFewEvents:
    def test_one_event(self, ties):
        X, y, rng = make()
        y[:, 0] = 0
        y[np.argsort(y[:, 1])[5], 0] = 1
        run(X, y, ties, alpha_min_ratio=1e-3)

    def test_nobody_else_at_risk(self, ties):
        """Any coefficients are as good: none is the answer."""
        X, y, _ = make()
        alone = np.zeros(N)
        alone[y[:, 1].argmax()] = 1
        last = np.c_[alone, y[:, 1] + alone]
        own = np.c_[np.ones(N), np.arange(N) + 1.0, np.arange(N) + 0.5]
        for result in (
            run(X, last, ties),
            run(X, own, ties),
            run(X, y, ties, strata=np.arange(N)),
            run(X, np.ones((N, 2)), ties),
        ):
            assert result.coefs.nnz == 0
            assert result.info["null_objective"] == 0

    def test_all_events_at_one_time(self, ties):
        X, y, _ = make()
        y[:, 1] = 1
        result = run(X, y, ties)
        w = result.coefs.toarray()[:, -1]
        alpha = result.alphas[-1]
        value = twin(X @ w, y, ties) + alpha * np.abs(w).sum()
        for j in range(P):
            moved = w.copy()
            moved[j] += 1e-3
            assert twin(X @ moved, y, ties) + alpha * np.abs(moved).sum() > value

    def test_a_stratum_without_events_counts_for_nothing(self, ties):
        X, y, _ = make()
        strata = np.arange(N) % 3
        y[strata == 1, 0] = 0
        a = run(X, y, ties, strata=strata)
        kept = strata != 1
        share = kept.mean()  # of the weights, which are divided by their sum
        b = run(X[kept], y[kept], ties, strata=strata[kept], alphas=a.alphas / share)
        np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=1e-5)

    def test_times_when_nobody_is_at_risk(self, ties):
        """A pause of observation is as good as two strata."""
        X, y, _ = make()
        late = np.arange(N) % 2 == 1
        entry = np.where(late, 100.0, -1.0)
        paused = np.c_[y[:, 0], y[:, 1] + 100 * late, entry]
        same(run(X, paused, ties), run(X, y, ties, strata=late))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_a_monotone_likelihood_is_named(ties):
    X, y, _ = make()
    X[:, 0] = -y[:, 1]
    y[:, 0] = 1
    free = {"penalty_factor": np.r_[0.0, np.ones(P - 1)], "n_threads": 1}
    loss = fastl1.Cox(ties)
    with pytest.warns(fastl1.ConvergenceWarning, match="a monotone likelihood"):
        result = fastl1.path(X, y, loss=loss, alphas=[0.1, 0.0], n_threads=1)
    assert np.isfinite(result.coefs.toarray()).all()
    with pytest.warns(fastl1.ConvergenceWarning, match="a monotone likelihood"):
        fastl1.path(X, y, loss=loss, alphas=[0.1], **free)
    for call in (fastl1.alpha_max, fastl1.path):
        with pytest.raises(ValueError, match="no alpha_max: .* put events in their or"):
            call(X, y, loss=loss, **free)
    bounded = run(X, y, ties, upper=np.r_[2.0, np.full(P - 1, np.inf)], **free)
    np.testing.assert_allclose(bounded.coefs.toarray()[0], 2.0)
    assert not bounded.info["separated"]


def test_threads_and_storage_of_a_large_problem():
    X, y, _ = make(3, n=4000, p=90)
    y[:, 1] += np.linspace(0, 0.5, 4000)
    a = run(X, y, tol=1e-7, alpha_min_ratio=0.01)
    for threads in (2, 3):
        b = run(X, y, tol=1e-7, alpha_min_ratio=0.01, n_threads=threads)
        np.testing.assert_array_equal(a.coefs.data, b.coefs.data)
        np.testing.assert_array_equal(a.dual_gaps, b.dual_gaps)
    same(a, run(sparse.csc_array(X), y, tol=1e-7, alpha_min_ratio=0.01), atol=1e-3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda y: y[:, 0], ValueError, r"as 2 or 3 columns in that order; got shape"),
        (lambda y: y[:, ::-1], ValueError, "event in y must be 0 or 1, but is"),
        (lambda y: y * [0, 1], ValueError, "y holds no event at all"),
        (lambda y: np.c_[y, y[:, 1]], ValueError, "entry must be before time, but is"),
        (lambda y: y * [1, np.nan], ValueError, "time in y is nan at row 0"),
        (lambda y: y[1:], ValueError, "y has 59 rows, X has 60"),
        (lambda y: y.astype(str), TypeError, "it must hold numbers"),
    ],
)
def test_bad_times(change, error, message):
    X, y, _ = make()
    with pytest.raises(error, match=message):
        fastl1.path(X, change(y), loss="cox")


def test_bad_options():
    X, y, _ = make()
    with pytest.raises(ValueError, match="ties of Cox must be 'breslow' or 'efron'"):
        fastl1.Cox("exact")
    with pytest.raises(ValueError, match="strata go with loss='cox' only"):
        fastl1.path(X, y[:, 1], strata=y[:, 0])
    with pytest.raises(ValueError, match=r"strata has shape \(3,\)"):
        fastl1.path(X, y, loss="cox", strata=[1, 2, 3])
    with pytest.raises(ValueError, match="no event has a positive sample_weight"):
        fastl1.path(X, y, loss="cox", sample_weight=1 - y[:, 0])
    with pytest.raises(TypeError, match="rows have no deviance"):
        fastl1.Cox().deviance(y, y)
