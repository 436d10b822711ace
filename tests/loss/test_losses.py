"""Every loss: kernels against their twins, laws, outsiders, and cases built to break.

The certificate of each is judged in test_certificate.py.
"""

import numpy as np
import pytest
from oracles.losses import TWINS, as_loss, target
from scipy import sparse

import fastl1
from fastl1 import _runtime
from fastl1.loss.losses import LOSSES
from fastl1.loss.losses import as_loss as resolve

NUMBERS = {name: k for k, name in enumerate(LOSSES)}
N, P = 40, 8
ALL = ["logistic", *TWINS]
EVERY = pytest.mark.parametrize("loss", ALL)


def make(loss, n=N, p=P, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.2
    y = target(loss, X[:, :3] @ [1.0, -1.0, 0.5] + 0.3 * rng.standard_normal(n), rng)
    return np.asfortranarray(X), y, rng


def run(X, y, loss, **options):
    options = {
        "tol": 1e-10,
        "n_alphas": 5,
        "alpha_min_ratio": 0.03,
        "n_threads": 1,
        **options,
    }
    result = fastl1.path(X, y, loss=as_loss(loss), **options)
    assert result.converged.all()
    return result


def same(a, b, atol=1e-5):
    np.testing.assert_allclose(a.alphas, b.alphas, rtol=1e-7)
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=atol)
    np.testing.assert_allclose(a.intercepts, b.intercepts, atol=2 * atol)


# Kernels


def kernel(loss, y, eta, **more):
    loss = resolve(loss)
    return _runtime.evaluate_loss(
        NUMBERS[loss.name], y, eta, np.ones(len(y)), **loss.params(), **more
    )


def points(name, n=400):
    rng = np.random.default_rng(1)
    eta = np.concatenate([rng.uniform(-6, 6, n), rng.uniform(-25, 25, n)])
    y = TWINS[name].target(rng.standard_normal(2 * n), rng)
    return y, eta


@pytest.mark.parametrize("name", TWINS)
def test_value_slope_and_curvature(name):
    twin = TWINS[name]
    y, eta = points(name)
    value, v, h, young = kernel(twin.loss, y, eta)
    slope = twin.slope(y, eta)
    np.testing.assert_allclose(-v, slope, rtol=1e-10, atol=1e-12 * (1 + y.max()))
    np.testing.assert_allclose(h, twin.curve(y, eta), rtol=1e-6, atol=1e-10)
    values = twin.value(y, eta)
    assert value == pytest.approx(values.sum(), rel=1e-11)
    np.testing.assert_allclose(
        twin.loss.deviance(y, eta), values, rtol=1e-9, atol=1e-10
    )
    # v is the dual point of eta itself
    assert 0 <= young <= 1e-11 * np.abs(values).sum()
    # one at a time, as the loops handle the last rows
    for i in range(0, len(y), 41):
        alone = kernel(twin.loss, y[i : i + 1], eta[i : i + 1])
        assert alone[0] == pytest.approx(values[i], rel=1e-9, abs=1e-10)
        assert alone[1][0] == pytest.approx(v[i], rel=1e-13)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("kappa", [0.0, 0.5, 0.97])
def test_fenchel_young(name, kappa):
    twin = TWINS[name]
    y, eta = points(name)
    rng = np.random.default_rng(2)
    other = eta + rng.standard_normal(len(eta))
    t = kappa * twin.slope(y, other)
    expected = twin.value(y, eta) + twin.conjugate(y, t) - t * eta
    dual = -twin.slope(y, other)
    for rows in (np.abs(eta) < 6, np.abs(eta) >= 6):
        young = kernel(twin.loss, y[rows], eta[rows], dual=dual[rows], kappa=kappa)[3]
        assert young == pytest.approx(expected[rows].sum(), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", ["probit", "cloglog", "tweedie", "tweedie near gamma"])
def test_a_conjugate_found_by_iteration_is_never_below_the_true_one(name):
    """Any x bounds a conjugate from below by t x - f(x): the best of many has to."""
    twin = TWINS[name]
    rng = np.random.default_rng(3)
    y, _ = points(name, 60)
    eta = rng.uniform(-8, 8, len(y))
    t = twin.slope(y, eta + rng.standard_normal(len(y)) * 10.0 ** rng.uniform(-9, 0.5))
    least = twin.value(y, eta) + twin.conjugate(y, t) - t * eta
    rounding = 1e-13 * (np.abs(twin.value(y, eta)) + np.abs(t * eta) + 1)
    for i in range(len(y)):
        one = slice(i, i + 1)
        young = kernel(twin.loss, y[one], eta[one], dual=-t[one])[3]
        assert least[i] - rounding[i] <= young <= least[i] * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("name", TWINS)
def test_the_domain_of_the_conjugate_ends_where_it_should(name):
    twin = TWINS[name]
    y, _ = points(name, 20)
    for end, sign in ((twin.low(y), -1), (twin.high(y), 1)):
        for i in np.flatnonzero(np.isfinite(end)):
            one = slice(i, i + 1)
            beyond = -(end[one] + sign * 1e-3)
            assert kernel(twin.loss, y[one], np.zeros(1), dual=beyond)[3] == np.inf
            inside = kernel(twin.loss, y[one], np.zeros(1), dual=-end[one])[3]
            assert np.isfinite(inside)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("far", [30.0, 700.0, 1e5, 1e300])
def test_nothing_overflows(name, far):
    twin = TWINS[name]
    y, _ = points(name, 20)
    for eta in (np.full(len(y), far), np.full(len(y), -far)):
        value, v, h, young = _runtime.evaluate_loss(
            NUMBERS[twin.loss.name], y, eta, np.full(len(y), 1e-3), **twin.loss.params()
        )
        assert not np.isnan(value)
        assert np.isfinite(v).all()
        assert np.isfinite(h).all()
        assert (h >= 0).all()
        assert not young < 0


# Laws


@EVERY
@pytest.mark.parametrize("standardize", [False, True])
def test_an_integer_weight_repeats_the_row(loss, standardize):
    X, y, rng = make(loss)
    weight = rng.integers(0, 4, N)
    weight[:2] = 1
    a = run(X, y, loss, sample_weight=weight, standardize=standardize)
    X, y = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    same(a, run(X, y, loss, standardize=standardize))


@EVERY
def test_storage_and_precision(loss):
    X, y, rng = make(loss)
    X = np.where(rng.random(X.shape) < 0.5, X, 0.0).astype(np.float32)
    a = run(X, y, loss, tol=1e-7)
    assert a.coefs.dtype == np.float32
    same(a, run(sparse.csc_array(X), y, loss, tol=1e-7), atol=2e-3)
    same(a, run(X.astype(np.float64), y, loss, tol=1e-9), atol=2e-3)


@EVERY
def test_a_constant_offset_moves_the_intercept(loss):
    X, y, _ = make(loss)
    a, b = run(X, y, loss), run(X, y, loss, offset=np.full(N, 0.7))
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=1e-5)
    np.testing.assert_allclose(a.intercepts, b.intercepts + 0.7, atol=1e-5)


@EVERY
def test_a_path_is_its_single_fits(loss):
    X, y, rng = make(loss)
    whole = run(X, y, loss)
    start = rng.standard_normal(P)
    for k in (2, 4):
        alone = run(X, y, loss, alphas=whole.alphas[[k]], coef_init=start)
        np.testing.assert_allclose(
            alone.coefs.toarray()[:, 0], whole.coefs.toarray()[:, k], atol=1e-5
        )


@EVERY
def test_the_number_of_threads_changes_no_bit(loss):
    X, y, _ = make(loss, n=3000, p=40)
    results = [
        run(X, y, loss, tol=1e-6, n_alphas=3, n_threads=threads) for threads in (1, 3)
    ]
    for name in ("alphas", "intercepts", "dual_gaps", "n_iters"):
        np.testing.assert_array_equal(*(getattr(result, name) for result in results))
    np.testing.assert_array_equal(*(result.coefs.toarray() for result in results))


@EVERY
def test_alpha_max_is_where_coefficients_begin(loss):
    X, y, _ = make(loss)
    top = fastl1.alpha_max(X, y, loss=as_loss(loss))
    a = run(X, y, loss, alphas=[top * (1 + 1e-6), top * (1 - 1e-3)], tol=1e-12)
    assert (a.coefs.toarray() != 0).sum(axis=0).tolist() == [0, 1]


@pytest.mark.parametrize("form", [np.asfortranarray, sparse.csc_array])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l1_ratio": 0.1},
        {"fit_intercept": False},
        {"standardize": True},
        {"penalty_factor": np.r_[0.0, np.ones(29)]},
    ],
    ids=["plain", "elastic net", "no intercept", "standardize", "a free column"],
)
@pytest.mark.parametrize(
    "loss",
    ["squared", "multinomial", *ALL, fastl1.Quantile(0.3), fastl1.Cox()],
    ids=str,
)
def test_from_alpha_max_on_the_null_model_is_the_answer_at_once(loss, options, form):
    """No iteration and no coefficient that is 0 but for rounding, whatever the order
    in which an instruction-set level adds up."""
    X, y, rng = make(loss if loss in TWINS else "logistic", n=150, p=30, seed=1)
    X = form(np.where(rng.random(X.shape) < 0.6, X, 0.0))
    if loss == "multinomial":
        y = rng.integers(0, 3, len(y))
    elif isinstance(loss, fastl1.Cox):
        y = np.c_[rng.random(len(y)) < 0.7, rng.exponential(size=len(y))]
        options = {k: v for k, v in options.items() if k != "fit_intercept"}
    elif loss == "squared" or isinstance(loss, fastl1.Quantile):
        y = X[:, [0, 1]].sum(axis=1) + rng.standard_normal(len(y))
    problem = {"loss": as_loss(loss), **options}
    top = fastl1.alpha_max(X, y, **problem)
    tol = 1e-9
    a = fastl1.path(X, y, alphas=[3 * top, top], tol=tol, **problem)
    assert a.n_iters.tolist() == [0, 0]
    assert (a.dual_gaps <= tol).all()
    for coefs in a.coefs if loss == "multinomial" else [a.coefs]:
        penalized = np.broadcast_to(options.get("penalty_factor", 1.0), 30) > 0
        assert not coefs.toarray()[penalized].any()


@pytest.mark.parametrize(
    "loss", [*ALL, fastl1.Huber(1e6), fastl1.Cox(), fastl1.Quantile()], ids=str
)
def test_alpha_max_with_an_unpenalized_column_at_its_bound(loss):
    """A long last step of the unpenalized block is no separation there, nor where a
    loss is quadratic."""
    X, y, rng = make(loss if isinstance(loss, str) else "huber")
    if isinstance(loss, fastl1.Cox):
        y = np.c_[rng.random(N) < 0.7, rng.exponential(np.exp(-X[:, 0]))]
    bounds = {"lower": -0.2, "upper": 0.2}
    if getattr(loss, "delta", 0) == 1e6:
        bounds, y = {}, 5 * X[:, 0] + 0.1 * y
    problem = {
        "loss": as_loss(loss),
        "penalty_factor": np.r_[0.0, np.ones(P - 1)],
        **bounds,
    }
    top = fastl1.alpha_max(X, y, **problem)
    a = fastl1.path(X, y, alphas=[top * (1 + 1e-5), top * 0.9999], tol=1e-11, **problem)
    coefs = a.coefs.toarray()
    assert coefs[0, 0] != 0
    assert (coefs[1:] != 0).sum(axis=0).tolist() == [0, 1]


def test_a_rate_is_an_offset():
    """Counts with an exposure are rates weighted by it."""
    X, y, rng = make("poisson")
    exposure = rng.uniform(0.2, 5, N)
    a = run(X, y, "poisson", offset=np.log(exposure), alphas=[0.1, 0.01])
    scale = exposure.mean()
    b = run(
        X,
        y / exposure,
        "poisson",
        sample_weight=exposure,
        alphas=np.array([0.1, 0.01]) / scale,
    )
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=1e-6)


@pytest.mark.parametrize(("power", "loss"), [(1, "poisson"), (2, "gamma")])
def test_tweedie_ends_at_poisson_and_gamma(power, loss):
    X, y, _ = make("gamma")
    a = run(X, y, loss, tol=1e-11)
    b = fastl1.path(X, y, loss=fastl1.Tweedie(power), alphas=a.alphas, tol=1e-11)
    assert b.family == resolve(loss)
    near = fastl1.Tweedie(power + (1e-4 if power == 1 else -1e-4))
    c = fastl1.path(X, y, loss=near, alphas=a.alphas, tol=1e-11)
    assert c.converged.all()
    same(a, b)
    same(a, c, atol=1e-3)


def test_huber_is_squared_or_absolute():
    X, y, _ = make("huber")
    a = run(X, y, "squared")
    b = fastl1.path(X, y, loss=fastl1.Huber(1e6), alphas=a.alphas, tol=1e-10)
    same(a, b)
    small = 0.2
    a = fastl1.path(X, y, loss="quantile", alphas=[0.1, 0.02], tol=1e-6)
    b = fastl1.path(
        X, y, loss=fastl1.Huber(small), alphas=a.alphas * 2 * small, tol=1e-8
    )
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=0.2)


def test_class_weight():
    X, y, rng = make("logistic", n=60)
    weight = rng.uniform(0.5, 2, 60)
    names = np.where(y == 1, "yes", "no")
    a = run(X, names, "logistic", class_weight={"yes": 3.0}, sample_weight=weight)
    b = run(X, y, "logistic", sample_weight=weight * np.where(y == 1, 3.0, 1.0))
    same(a, b)
    a = run(X, names, "squared_hinge", class_weight="balanced")
    b = run(
        X, y, "squared_hinge", sample_weight=1 / np.where(y == 1, y.sum(), 60 - y.sum())
    )
    same(a, b)


# Predictions


@EVERY
def test_predictions(loss):
    X, y, _ = make(loss)
    a = run(X, y, loss)
    eta = a.predict(X, type="link")
    family = a.family
    np.testing.assert_array_equal(a.predict(X), family.inverse_link(eta))
    if family.labels:
        predicted = a.predict(X, type="class")
        assert set(np.unique(predicted)) <= {0.0, 1.0}
        response = a.predict(X)
        at = 0.0 if family.link == "decision" else 0.5
        np.testing.assert_array_equal(predicted == 1, response > at)
    model = a.model(-1)
    np.testing.assert_allclose(model.predict(X), a.predict(X, a.alphas[-1]))


def test_the_null_model_predicts_the_mean():
    for loss in ("poisson", "gamma", "tweedie", "logistic", "probit", "cloglog"):
        X, y, rng = make(loss)
        weight = rng.uniform(0.5, 2, N)
        a = run(X, y, loss, sample_weight=weight, n_alphas=1)
        np.testing.assert_allclose(
            a.predict(X)[:, 0], np.average(y, weights=weight), rtol=1e-9
        )


# Quantiles


def pinball(loss, s, y, X, alpha, intercept):
    """Optimum of the penalized problem, by linear programming."""
    from scipy.optimize import linprog

    n, p = X.shape
    ones = np.full((n, 1), float(intercept))
    exact = linprog(
        np.r_[np.full(2 * p, alpha), 0, 0, loss.q * s, (1 - loss.q) * s],
        A_eq=np.hstack([X, -X, ones, -ones, np.eye(n), -np.eye(n)]),
        b_eq=y,
    )
    assert exact.status == 0
    return exact.fun


@pytest.mark.parametrize(
    ("n", "p", "digits", "intercept", "q"),
    [
        (50, 8, 9, True, 0.1),
        (50, 8, 9, False, 0.8),
        (120, 6, 0, True, 0.5),
        (40, 90, 9, True, 0.01),
        (40, 90, 0, True, 0.5),
        (40, 90, 0, False, 0.99),
        (60, 60, 9, True, 0.5),
    ],
)
def test_quantiles_against_linear_programming(n, p, digits, intercept, q):
    X, y, rng = make("huber", n=n, p=p)
    y = np.round(y, digits)  # 0: most rows are tied
    s = rng.uniform(0.2, 1, n)
    s /= s.sum()
    loss = fastl1.Quantile(q)
    problem = {"loss": loss, "sample_weight": s, "fit_intercept": intercept}
    top = fastl1.alpha_max(X, y, **problem)
    alphas = top * np.array([1.001, 0.5, 0.1, 0.01])
    a = fastl1.path(X, y, **problem, tol=1e-8, alphas=alphas)
    assert a.converged.all()
    for k, alpha in enumerate(alphas):
        w = a.coefs[:, [k]].toarray()[:, 0]
        ours = s @ loss.deviance(y, X @ w + a.intercepts[k]) + alpha * np.abs(w).sum()
        exact = pinball(loss, s, y, X, alpha, intercept)
        null = a.info["null_objective"]
        assert -1e-9 <= (ours - exact) / null <= a.dual_gaps[k] + 1e-9
        if k == 0:
            assert not w.any()
            assert null == pytest.approx(exact, rel=1e-9)


CORNERS = pytest.mark.parametrize("loss", [fastl1.Quantile(0.3), fastl1.Huber(0.01)])


@CORNERS
def test_the_number_of_threads_changes_no_bit_of_the_interior_method(loss):
    X, y, rng = make("huber", n=2000, p=40)
    problem = {
        "loss": loss,
        "alphas": fastl1.alpha_max(X, y, loss=loss) * np.array([0.02]),
        "sample_weight": rng.uniform(0.5, 2, len(y)),
        "upper": 0.9,  # of coefficients near 1: a bound that is met
        "tol": 1e-7,
    }
    one, *more = (fastl1.path(X, y, n_threads=k, **problem) for k in (1, 2, 3))
    assert one.converged.all()
    assert one.info["n_newton"] > 10
    assert (one.coefs.toarray()[0] == 0.9).any()
    for other in more:
        for name in ("intercepts", "dual_gaps", "n_iters"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        np.testing.assert_array_equal(one.coefs.toarray(), other.coefs.toarray())


@CORNERS
@pytest.mark.parametrize("n", [300, 800])
def test_far_alphas_of_losses_with_corners(loss, n):
    """Duality gaps stay near 1 until the linear program of the working set is solved,
    so that loose solves for columns to enter lead nowhere."""
    X, y, rng = make("huber", n=n, p=60)
    problem = {
        "loss": loss,
        "sample_weight": rng.uniform(0.5, 2, n),
        "n_threads": 1,
    }
    top = fastl1.alpha_max(X, y, **problem)
    for upper in (0.95, None):
        for ratios in ([0.02], [0.3, 0.02]):
            alphas = top * np.array(ratios)
            path = fastl1.path(X, y, alphas=alphas, upper=upper, tol=1e-7, **problem)
            assert path.converged.all()
            assert path.n_iters.max() < 12


@CORNERS
def test_ctrl_c_within_an_interior_solve(loss, ctrl_c):
    """A solve of seconds, interrupted in its first tenths."""
    X, y, _ = make("huber", n=20_000, p=300)
    top = fastl1.alpha_max(X, y, loss=loss)
    with pytest.raises(fastl1.FitInterrupted, match="after 1 of 2 alphas") as caught:
        fastl1.path(
            X,
            y,
            loss=loss,
            alphas=[top, 1e-3 * top],
            tol=1e-9,
            n_threads=1,
            callback=lambda k, info: ctrl_c(after=0.15),
        )
    assert ctrl_c.seconds_since() < 1.0
    result = caught.value.result
    assert result.info["stopped"] == "interrupted"
    assert len(result) == result.coefs.shape[1] == 1
    assert result.converged.all()
    assert result.info["n_newton"] > 0


def test_quantiles_without_penalty():
    X, y, _ = make("huber", n=60)
    loss = fastl1.Quantile(0.3)
    a = fastl1.path(X, y, loss=loss, alphas=[0.0], tol=1e-8)
    assert a.converged.all()
    ours = loss.deviance(y, a.predict(X)[:, 0]).mean()
    exact = pinball(loss, np.full(60, 1 / 60), y, X, 0.0, True)
    assert ours == pytest.approx(exact, rel=1e-8)
    # a vertex of the linear program: as many rows are met as there are coefficients
    met = np.abs(y - a.predict(X)[:, 0]) < 1e-7
    assert met.sum() == P + 1


@pytest.mark.parametrize("alpha", [1e-5, 1e-4])
@pytest.mark.parametrize("seed", range(4))
def test_quantiles_at_a_small_alpha_from_scratch(seed, alpha):
    # all 20 columns are needed, and a loose solution has 4 of them: columns that are
    # pruned after it have to stay once they have come back
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 20))
    y = X[:, :3].sum(1) + rng.standard_t(2, size=300)
    for q in (0.5, 0.9):
        a = fastl1.path(X, y, loss=fastl1.Quantile(q), alphas=[alpha], tol=1e-6)
        assert a.converged.all()


# Outsiders


def test_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    for loss, make_sk in (
        ("poisson", linear_model.PoissonRegressor),
        ("gamma", linear_model.GammaRegressor),
        ("tweedie", lambda **kw: linear_model.TweedieRegressor(power=1.5, **kw)),
    ):
        X, y, rng = make(loss, n=80)
        weight = rng.uniform(0.5, 2, 80)
        # scikit-learn's ridge: half the deviance + alpha/2 |w|^2, as ours
        for alpha in (0.3, 1e-8):
            sk = make_sk(alpha=alpha, tol=1e-12, max_iter=10000)
            sk.fit(X, y, sample_weight=weight)
            a = run(X, y, loss, l1_ratio=0.0, alphas=[alpha], sample_weight=weight)
            np.testing.assert_allclose(a.coefs.toarray()[:, 0], sk.coef_, atol=1e-5)
            assert a.intercepts[0] == pytest.approx(sk.intercept_, abs=1e-5)


def test_linear_svc():
    """C sum max(0, 1 - m)^2 + |w|_1 is 2 C n times ours at alpha = 1 / (2 C n)."""
    svm = pytest.importorskip("sklearn.svm")
    X, y, _ = make("logistic", n=80)
    sk = svm.LinearSVC(
        penalty="l1", dual=False, C=0.2, tol=1e-8, max_iter=100000, fit_intercept=False
    ).fit(X, y)
    a = run(X, y, "squared_hinge", alphas=[1 / (2 * 0.2 * 80)], fit_intercept=False)
    np.testing.assert_allclose(a.coefs.toarray()[:, 0], sk.coef_[0], atol=1e-4)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantiles_of_diabetes_against_scikit_learn(q):
    """Its alpha is ours, and so is the mean of the pinball loss: no factor 2."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_diabetes(return_X_y=True)
    loss = fastl1.Quantile(q)
    top = fastl1.alpha_max(X, y, loss=loss)
    for alpha in (0.3 * top, 0.01 * top):
        kw = {"quantile": q, "alpha": alpha}
        models = (
            fastl1.QuantileRegressor(tol=1e-9, **kw),
            linear_model.QuantileRegressor(solver="highs", **kw),
        )
        ours, theirs = (
            loss.deviance(y, model.fit(X, y).predict(X)).mean()
            + alpha * np.abs(model.coef_).sum()
            for model in models
        )
        assert ours == pytest.approx(theirs, rel=1e-9)
        assert np.count_nonzero(models[0].coef_) >= 4
    path = fastl1.path(X, y, loss=loss, alphas=[alpha], tol=1e-9)
    np.testing.assert_allclose(path.predict(X)[:, 0], models[0].predict(X), rtol=1e-5)


# Built to break plain Newton


def test_huge_counts():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 6))
    y = np.round(np.exp(12 + 3 * X[:, 0] - 2 * X[:, 1]))
    a = run(X, y, "poisson", tol=1e-8, alpha_min_ratio=1e-4)
    np.testing.assert_allclose(a.coefs.toarray()[:2, -1], [3, -2], rtol=0.05)


def test_rare_positives():
    rng = np.random.default_rng(0)
    n = 20_000
    X = rng.standard_normal((n, 3))
    y = np.zeros(n)
    y[0] = 1
    for loss in ("logistic", "probit", "cloglog", "poisson"):
        a = fastl1.path(X, y, loss=loss, n_alphas=4, tol=1e-6, n_threads=1)
        assert a.converged.all(), loss


@pytest.mark.parametrize("loss", ["logistic", "probit", "cloglog", "squared_hinge"])
def test_separable_labels(loss):
    X, _, _ = make("logistic")
    y = (X[:, 0] > 0.2).astype(float)
    a = run(X, y, loss, n_alphas=20, alpha_min_ratio=1e-4, tol=1e-7)
    assert ((a.predict(X, type="class")[:, -1] == 1) == (y == 1)).all()


@pytest.mark.parametrize(
    ("loss", "size"), [("poisson", 1000.0), ("gamma", 300.0), ("tweedie", 30.0)]
)
def test_huge_offsets(loss, size):
    X, y, rng = make(loss)
    offset = np.where(rng.random(N) < 0.5, size, -size)
    a = run(X, y, loss, offset=offset, alphas=[1e3, 1.0], tol=1e-6)
    assert np.isfinite(a.intercepts).all()


def test_a_loss_that_overflows_is_refused():
    X, y, _ = make("poisson")
    offset = np.zeros(N)
    offset[7] = 1000.0
    with pytest.raises(ValueError, match=r"overflows .* offset .* 1000, at row 7"):
        fastl1.path(X, y, loss="poisson", offset=offset, fit_intercept=False)


@pytest.mark.parametrize("loss", ["huber", "quantile", "squared_hinge", "gamma"])
def test_a_far_start(loss):
    X, y, rng = make(loss if loss in TWINS else "huber")
    a = fastl1.path(
        X,
        y,
        loss=loss,
        alphas=[0.05],
        tol=1e-6,
        n_threads=1,
        coef_init=20 * rng.standard_normal(P),
    )
    b = fastl1.path(X, y, loss=loss, alphas=[0.05], tol=1e-6, n_threads=1)
    assert a.converged.all()
    np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=2e-2)


@EVERY
def test_extreme_scales_of_columns(loss):
    X, y, _ = make(loss)
    scale = 10.0 ** np.arange(-12, 12, 3)
    a = run(X, y, loss, standardize=True, tol=1e-7)
    b = run(X * scale, y, loss, standardize=True, tol=1e-7)
    np.testing.assert_allclose(
        b.coefs.toarray() * scale[:, None], a.coefs.toarray(), atol=1e-3
    )


@pytest.mark.parametrize(
    "loss",
    [
        *("logistic", "probit", "cloglog", "multinomial", "poisson"),
        *(fastl1.Tweedie(power) for power in (1.1, 1.5, 1.9)),
    ],
    ids=str,
)
def test_a_separating_unpenalized_column_has_no_alpha_max(loss):
    X, y, rng = make("tweedie" if isinstance(loss, fastl1.Tweedie) else loss)
    if loss == "multinomial":
        y += rng.integers(0, 2, N) * y
    X[:, 0] = y > 0
    problem = {"loss": loss, "penalty_factor": np.r_[0.0, np.ones(P - 1)]}
    message = "no alpha_max: the columns with penalty_factor=0 separate rows of y"
    for call in (fastl1.alpha_max, fastl1.path):
        with pytest.raises(ValueError, match=message):
            call(X, y, **problem)
    assert fastl1.alpha_max(X, y, **problem, upper=2.0, lower=-2.0) > 0
    X[:, 0] = np.arange(N)
    assert fastl1.alpha_max(X, y, **problem) > 0


@pytest.mark.parametrize(
    "loss", ["squared", "squared_hinge", "huber", "quantile", "gamma"]
)
def test_an_unpenalized_column_far_from_the_null_model(loss):
    """These losses are least at finite coefficients, whatever the column."""
    X, y, _ = make(loss if loss in TWINS else "huber")
    factor = np.r_[0.0, np.ones(P - 1)]
    for column in (y, y == y.max()):
        X[:, 0] = column
        top = fastl1.alpha_max(X, y, loss=loss, penalty_factor=factor)
        path = fastl1.path(X, y, loss=loss, penalty_factor=factor, n_alphas=5, tol=1e-6)
        assert path.alphas[0] == top
        assert np.isfinite(path.alphas).all()
        assert path.dual_gaps.max() <= 1e-6
        assert not path.info["separated"]


@EVERY
def test_many_rows_start_from_a_sample_of_them(loss):
    X, y, rng = make(loss, n=33_000)
    options = {"sample_weight": rng.random(len(y)), "offset": 0.1 * rng.random(len(y))}
    top = fastl1.alpha_max(X, y, loss=as_loss(loss), **options)
    near = run(X, y, loss, alphas=[top, 0.02 * top], tol=1e-9, **options)
    far = run(X, y, loss, alphas=[0.02 * top], tol=1e-9, **options)
    np.testing.assert_allclose(
        far.coefs.toarray()[:, 0], near.coefs.toarray()[:, 1], atol=1e-3
    )
    np.testing.assert_allclose(far.intercepts[0], near.intercepts[1], atol=1e-3)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "huber", "quantile"])
def test_a_constant_target(loss):
    X, _, _ = make("gamma")
    a = fastl1.path(X, np.full(N, 3.7), loss=loss, n_alphas=3)
    assert a.info["null_objective"] == 0
    assert not a.coefs.toarray().any()
    np.testing.assert_allclose(a.predict(X), 3.7)


# Bad input


@pytest.mark.parametrize(
    ("loss", "bad", "message"),
    [
        ("poisson", -1.0, r"loss='poisson' needs y >= 0, but y is -1.0 at row 3"),
        ("gamma", 0.0, r"loss='gamma' needs y > 0, but y is 0.0 at row 3"),
        ("tweedie", -0.5, r"loss='tweedie' needs y >= 0, but y is -0.5 at row 3"),
        ("probit", 7.0, r"loss='probit' needs two classes, y has 3"),
    ],
)
def test_targets_out_of_range(loss, bad, message):
    X, y, _ = make(loss)
    y[3] = bad
    with pytest.raises(ValueError, match=message):
        fastl1.path(X, y, loss=loss)


def test_no_events_at_all():
    X, y, _ = make("poisson")
    with pytest.raises(ValueError, match="needs some y > 0, but y is 0 at every row"):
        fastl1.path(X, 0 * y, loss="poisson")


@pytest.mark.parametrize(
    ("make_loss", "error", "message"),
    [
        (
            lambda: fastl1.Tweedie(2.5),
            ValueError,
            r"power of Tweedie must be in \[1, 2",
        ),
        (lambda: fastl1.Tweedie("1"), TypeError, "power of Tweedie must be a number"),
        (lambda: fastl1.Huber(0), ValueError, r"delta of Huber must be in \(0, inf\)"),
        (lambda: fastl1.Quantile(1), ValueError, r"q of Quantile must be in \(0, 1\)"),
        (lambda: fastl1.Quantile(True), TypeError, "q of Quantile must be a number"),
        (
            lambda: resolve("l2"),
            ValueError,
            "loss must be one of squared, logistic, po",
        ),
        (lambda: resolve(fastl1.Huber), TypeError, r"must be Huber\(\), not the class"),
    ],
)
def test_bad_losses(make_loss, error, message):
    with pytest.raises(error, match=message):
        make_loss()


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ({2: 1.0}, ValueError, "class_weight has label 2, y has the labels 0.0, 1.0"),
        ({1: 0.0}, ValueError, r"class_weight\[1\] must be in"),
        ("even", ValueError, "must be a dict or 'balanced'"),
        ([1, 2], TypeError, "must be a dict or 'balanced'"),
    ],
)
def test_bad_class_weights(class_weight, error, message):
    X, y, _ = make("logistic")
    with pytest.raises(error, match=message):
        fastl1.path(X, y, loss="logistic", class_weight=class_weight)
    with pytest.raises(ValueError, match="class_weight needs labels; loss='poisson'"):
        fastl1.path(X, y, loss="poisson", class_weight="balanced")
