"""Every loss with every option at once, in every function that takes problems.

The options are weights, offset, a column without penalty, one that is excluded, bounds,
elastic net and standardization; X is dense in double or sparse in single precision.
What `path` answers to them is judged in test_certificate.py, test_cox.py and
test_multinomial.py; here others have to answer as `path` does.
"""

import warnings

import numpy as np
import pytest
from oracles import losses
from oracles.cox import twin
from scipy import sparse

import fastl1
from fastl1.fit.solver import make_solver
from fastl1.problem.problem import check_problem
from fastl1.select.random_state import seed_sequence, stream
from fastl1.select.resampling import Groups, subsample_weights
from fastl1.select.splits import kfold_splits

N, P = 60, 7
ALL = ["squared", "logistic", *losses.TWINS, "quantile", "cox", "multinomial"]
LABELS = ["logistic", "probit", "cloglog", "squared_hinge", "multinomial"]
TOL = 1e-8
EVERY = pytest.mark.parametrize("loss", ALL)
STORED = pytest.mark.parametrize("storage", ["dense", "csc"])


def make(loss, storage="dense", seed=0):
    """X as given and as a dense array of double, y and the options."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((N, P)))
    X[rng.random((N, P)) < 0.3] = 0.0
    signal = X[:, 2] - X[:, 3] + 0.3 * rng.standard_normal(N)
    if loss == "squared":
        y = signal + rng.standard_normal(N)
    elif loss == "quantile":
        y = losses.heavy(signal, rng)
    elif loss == "multinomial":
        eta = np.c_[signal, -signal, X[:, 4]] + rng.gumbel(size=(N, 3))
        y = np.array(["a", "b", "c"])[eta.argmax(axis=1)]
    elif loss == "cox":
        y = np.c_[rng.random(N) < 0.7, np.ceil(4 * rng.exponential(np.exp(-signal)))]
    else:
        y = losses.target(loss, signal, rng)
    options = {
        "loss": losses.as_loss(loss),
        "l1_ratio": 0.8,
        "penalty_factor": np.r_[0.0, np.inf, rng.uniform(0.5, 1.5, P - 2)],
        "lower": np.r_[-np.inf, np.full(P - 1, -0.5)],
        "upper": np.r_[np.inf, np.full(P - 1, 0.4)],
        "standardize": True,
        "sample_weight": rng.integers(0, 4, N) * 0.5 + 0.25,
        "offset": 0.3 * rng.standard_normal((N, 3) if loss == "multinomial" else N),
    }
    if loss == "cox":
        options["strata"] = np.arange(N) % 2
    if storage == "csc":
        given = sparse.csc_array(X.astype(np.float32))
        return given, given.toarray().astype(float), y, options
    return X, X, y, options


def rows_of(options, rows):
    """The options of some of the rows."""
    parts = ("sample_weight", "offset", "strata")
    return {k: v[rows] if k in parts else v for k, v in options.items()}


def dense(coefs, k):
    parts = coefs if isinstance(coefs, tuple) else (coefs,)
    return np.hstack([part[:, [k]].toarray() for part in parts]).astype(float)


def deviances(path, X, y, options):
    """Twice the unit half-deviances of rows at each alpha, (n, K)."""
    eta = path.predict(X, type="link", offset=options["offset"])
    codes = y
    if path.classes is not None:
        codes = np.searchsorted(path.classes, y).astype(float)
    return 2 * path.family.deviance(codes[:, None], eta)


def partial_deviances(path, X, y, options):
    """The same of all rows together, for the Cox loss: (K,)."""
    eta = path.predict(X, type="link", offset=options["offset"])
    s, strata = options["sample_weight"], options["strata"]
    return np.array([2 * s.sum() * twin(e, y, "breslow", s, strata) for e in eta.T])


def grid(X, y, options, count=3):
    return fastl1.alpha_max(X, y, **options) * np.geomspace(0.7, 0.07, count)


@EVERY
@STORED
def test_cross_validation(loss, storage):
    X, full, y, options = make(loss, storage)
    alphas, tol = grid(X, y, options), 1e-6
    result = fastl1.cross_validate_path(
        X,
        y,
        cv=3,
        alphas=alphas,
        l1_ratios=(options["l1_ratio"],),
        scoring="deviance",
        tol=tol,
        **{k: v for k, v in options.items() if k != "l1_ratio"},
    )
    for f, (train, test) in enumerate(result.splits):
        path = result.paths[0][f]
        assert path.converged.all()
        alone = fastl1.path(
            full[train], y[train], alphas=alphas, tol=TOL, **rows_of(options, train)
        )
        for k in range(3):
            a, b = dense(path.coefs, k), dense(alone.coefs, k)
            np.testing.assert_allclose(a, b, atol=1e-2)
            assert not a[1].any()
            assert a[1:].min() >= -0.5
            assert a[1:].max() <= 0.4
        held = rows_of(options, test)
        if loss == "cox":
            both = np.sort(np.r_[train, test])
            total, least = (
                partial_deviances(path, full[r], y[r], rows_of(options, r))
                for r in (both, train)
            )
            expected = (total - least) / (held["sample_weight"] @ y[test, 0])
        else:
            each = deviances(path, full[test], y[test], held)
            expected = np.average(each, axis=0, weights=held["sample_weight"])
        np.testing.assert_allclose(result.scores[0, :, f], expected, rtol=1e-5)
    # any scorer sees the model that was scored, with its offset
    seen = []

    def scorer(model, rows, target, sample_weight):
        seen.append((model.predict(rows), target, sample_weight))
        return float(len(seen))

    fastl1.cross_validate_path(
        X,
        y,
        cv=result.splits[:1],
        alphas=alphas,
        l1_ratios=(options["l1_ratio"],),
        scoring=scorer,
        tol=tol,
        **{k: v for k, v in options.items() if k != "l1_ratio"},
    )
    test = result.splits[0][1]
    kind = "class" if loss in LABELS else "link" if loss == "cox" else "response"
    expected = result.paths[0][0].predict(
        full[test], type=kind, offset=options["offset"][test]
    )
    for k, (predicted, target, weight) in enumerate(seen):
        if loss in LABELS:
            assert np.array_equal(predicted, expected[:, k])
        else:
            np.testing.assert_allclose(predicted, expected[:, k], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(weight, options["sample_weight"][test])
        if loss == "cox":
            target = np.c_[target["event"], target["time"]]
        np.testing.assert_array_equal(target, y[test])


@EVERY
@STORED
def test_many_targets(loss, storage):
    X, full, y, options = make(loss, storage)
    other = make(loss, storage, seed=1)[2]
    Y = np.stack([y, other], axis=1)
    tol = 1e-6 if storage == "csc" or loss == "quantile" else TOL
    many = {**options, "alpha_ratio": [0.5, 0.1], "tol": tol}
    result = fastl1.fit_many(X, Y, **many)
    assert result.converged.all()
    for j, target in enumerate((y, other)):
        path = fastl1.path(full, target, alphas=[result.alphas[j]], tol=tol, **options)
        top = path.info["alpha_max"]
        assert result.alphas[j] == pytest.approx([0.5, 0.1][j] * top, rel=1e-5)
        np.testing.assert_allclose(
            dense(result.coefs, j), dense(path.coefs, 0), atol=2e-2
        )
        # both are certified: their objectives are as close as the gaps say
        problem = check_problem(full, target, **options)
        solver = make_solver(problem)
        values = []
        for coef, intercept in (
            (dense(result.coefs, j), result.intercepts[..., j]),
            (dense(path.coefs, 0), path.intercepts[..., 0]),
        ):
            start = intercept if intercept.ndim else float(intercept)
            solver.set_coef(coef.ravel(order="F"), start)
            values.append(solver.objective(result.alphas[j]))
        distance = abs(values[0] - values[1]) / solver.null_objective
        assert distance <= result.dual_gaps[j] + path.dual_gaps[0] + 1e-7


@EVERY
def test_stability_selection(loss):
    X, _, y, options = make(loss)
    alphas = grid(X, y, options, 6)
    settings = {"tol": 1e-5, "n_threads": 1}
    result = fastl1.stability_selection(
        X,
        y,
        n_subsamples=4,
        method="subsample",
        q=3,
        alphas=alphas,
        **settings,
        **options,
    )
    problem = check_problem(X, y, **options)
    groups = Groups.of(problem)
    root, found = seed_sequence(0), np.zeros(P)
    for b in range(4):
        weight = subsample_weights(
            problem, groups, groups.sizes(0.5, 1), stream(root, 0, b)
        )
        path = fastl1.path(
            X, y, alphas=alphas, **settings, **{**options, "sample_weight": weight}
        )
        ever = np.zeros(P, dtype=bool)
        for pattern in path.support.toarray().T:
            wider = ever | (pattern & (np.arange(P) > 1))
            if wider.sum() > 3:
                break
            ever = wider
        found += ever / 4
    np.testing.assert_allclose(result.scores, found)
    assert found.max() > 0
    assert result.n_candidates == P - 2


@EVERY
@STORED
def test_information_criteria(loss, storage):
    X, full, y, options = make(loss, storage)
    path = fastl1.path(X, y, alphas=grid(X, y, options), tol=1e-6, **options)
    if loss in ("huber", "quantile", "squared_hinge"):
        with pytest.raises(ValueError, match="is not a likelihood"):
            fastl1.information_criterion(path, X, y)
        return
    found = fastl1.information_criterion(path, X, y, df="support")
    weight = options["sample_weight"]
    n = weight.sum()
    if loss == "cox":
        expected, n = partial_deviances(path, full, y, options), weight @ y[:, 0]
    else:
        expected = weight @ deviances(path, full, y, options)
    np.testing.assert_allclose(found.deviance, expected, rtol=1e-5)
    assert found.n_samples == pytest.approx(n)
    counts = []
    for k in range(3):
        coef = dense(path.coefs, k)
        low, high = (options[name][:, None] for name in ("lower", "upper"))
        inside = (coef != 0) & (coef > low + 1e-6) & (coef < high - 1e-6)
        most = max(coef.shape[1] - 1, 1)
        counts.append(np.minimum(inside.sum(axis=1), most).sum())
    np.testing.assert_array_equal(found.df, counts)
    assert found.best_alpha in path.alphas


@pytest.mark.parametrize("loss", LABELS)
@pytest.mark.parametrize("class_weight", ["balanced", "dict"])
def test_class_weights(loss, class_weight):
    X, _, y, options = make(loss)
    labels, codes = np.unique(y, return_inverse=True)
    if class_weight == "dict":
        class_weight = dict(zip(labels.tolist(), [3.0, 0.5, 2.0], strict=False))
        factors = np.array([class_weight[label] for label in labels.tolist()])
    else:
        factors = N / (len(labels) * np.bincount(codes))
    by_hand = {**options, "sample_weight": options["sample_weight"] * factors[codes]}
    alphas = grid(X, y, by_hand)
    expected = fastl1.path(X, y, alphas=alphas, tol=TOL, **by_hand)
    found = fastl1.path(
        X, y, alphas=alphas, tol=TOL, class_weight=class_weight, **options
    )
    many = fastl1.fit_many(
        X, y[:, None], alpha=alphas[[1]], class_weight=class_weight, tol=TOL, **options
    )
    for k in range(3):
        np.testing.assert_allclose(
            dense(found.coefs, k), dense(expected.coefs, k), atol=1e-9
        )
    np.testing.assert_allclose(
        dense(many.coefs, 0), dense(expected.coefs, 1), atol=1e-3
    )
    result = fastl1.cross_validate_path(
        X,
        y,
        cv=kfold_splits(N, 3, stratify=codes),
        alphas=alphas,
        l1_ratios=(0.8,),
        class_weight=dict.fromkeys(labels.tolist(), 1.0),
        tol=1e-6,
        **{k: v for k, v in options.items() if k != "l1_ratio"},
    )
    assert np.isfinite(result.scores).all()


@EVERY
def test_a_warm_path_is_its_single_fits(loss):
    X, _, y, options = make(loss)
    alphas = grid(X, y, options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = fastl1.path(X, y, alphas=alphas, tol=1e-7, **options)
        alone = fastl1.path(X, y, alphas=alphas[[2]], tol=1e-7, **options)
    np.testing.assert_allclose(dense(whole.coefs, 2), dense(alone.coefs, 0), atol=5e-3)
