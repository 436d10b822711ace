"""Penalties as objects: `L1`, the long form of l1_ratio, `GroupL1`, refusals."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

import fastl1
from tests.oracles import groups as oracle

SIZES = (3, 1, 5, 4, 2, 7, 3)


def make(seed=0, n=80, loss="squared", sizes=SIZES):
    """(X, y, labels): correlated columns in a shuffled order."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = rng.standard_normal((n, len(number))) + rng.standard_normal((n, 1))
    X = X * rng.uniform(0.5, 2, len(number)) + rng.uniform(-1, 1, len(number))
    eta = X @ np.where(number < 3, rng.standard_normal(len(number)), 0.0)
    if loss == "squared":
        return X, eta + 0.5 * rng.standard_normal(n), number
    return X, (eta + rng.logistic(size=n) > np.median(eta)).astype(float), number


def weights_of(number):
    return np.sqrt(np.bincount(number))[number]


LOSSES = pytest.mark.parametrize("loss", ["squared", "logistic"])
ROOMY = {"n_alphas": 8, "alpha_min_ratio": 0.02, "tol": 1e-9}


@LOSSES
@pytest.mark.parametrize(
    "options",
    [{}, {"weight": True}, {"offset": True}, {"l2": 0.5}, {"factors": True}],
    ids=lambda options: next(iter(options), "plain"),
)
def test_objective_is_that_of_a_slow_solver(loss, options):
    X, y, number = make(loss=loss)
    rng = np.random.default_rng(1)
    s = rng.uniform(0, 2, len(y)) if "weight" in options else None
    offset = rng.standard_normal(len(y)) if "offset" in options else None
    own = "sqrt"
    weight = weights_of(number)
    if "factors" in options:
        own = np.array([1.0, 0.0, 2.0, np.inf, 0.5, 1.0, 3.0])
        weight = own[number]
    l2 = options.get("l2", 0.0)
    result = fastl1.path(
        X, y, loss=loss, penalty=fastl1.GroupL1(number, own, l2), sample_weight=s,
        offset=offset, **ROOMY,
    )  # fmt: skip
    assert result.converged.all()
    given = {"loss": loss, "l2": l2, "s": s}
    given["offset"] = 0.0 if offset is None else offset
    null = result.info["null_objective"]
    for k in (2, 5, 7):
        alpha, coef = result.alphas[k], result.coefs[:, [k]].toarray()[:, 0]
        w, b = oracle.solve(X, y, alpha, number, weight, **given)
        least = oracle.objective(X, y, w, b, alpha, number, weight, **given)
        found = oracle.objective(
            X, y, coef, result.intercepts[k], alpha, number, weight, **given
        )
        assert found <= least + 2e-9 * null
        assert found - least <= result.dual_gaps[k] * null + 1e-7 * null
        if "factors" in options:
            assert not coef[number == 3].any()
            assert coef[number == 1].all()


@LOSSES
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
def test_gap_bounds_that_of_numpy(loss, dtype, sparse):
    X, y, number = make(2, loss=loss)
    if sparse:
        X = np.where(np.abs(X) > 1, X, 0.0)
    X = X.astype(dtype)
    result = fastl1.path(
        sp.csc_array(X) if sparse else X, y, loss=loss, n_alphas=8,
        alpha_min_ratio=0.02, penalty=fastl1.GroupL1(number),
    )  # fmt: skip
    assert result.converged.all()
    for k in range(8):
        there = oracle.gap(
            X.astype(float), y, result.coefs[:, [k]].toarray()[:, 0].astype(float),
            result.intercepts[k], result.alphas[k], number, weights_of(number),
            loss=loss,
        )  # fmt: skip
        assert there + 1e-12 >= 0
        assert there <= 3e-6 * result.info["null_objective"]


@LOSSES
def test_groups_of_one_are_the_lasso(loss):
    X, y, _ = make(3, loss=loss)
    p = X.shape[1]
    lasso = fastl1.path(X, y, loss=loss, **{**ROOMY, "tol": 1e-12})
    group = fastl1.path(
        X, y, loss=loss, penalty=fastl1.GroupL1(np.arange(p)), alphas=lasso.alphas,
        tol=1e-12,
    )  # fmt: skip
    assert group.info["alpha_max"] == pytest.approx(lasso.info["alpha_max"], rel=1e-13)
    difference = np.abs((group.coefs - lasso.coefs).toarray()).max()
    assert difference <= 1e-10 if loss == "squared" else difference <= 1e-6
    assert (group.n_nonzero == lasso.n_nonzero).all()


@LOSSES
def test_groups_are_whole_or_zero(loss):
    X, y, number = make(4, loss=loss)
    penalty = fastl1.GroupL1(number)
    coefs = fastl1.path(X, y, loss=loss, penalty=penalty, **ROOMY).coefs.toarray()
    entered = 0
    for g in range(len(SIZES)):
        nonzero = (coefs[number == g] != 0).sum(axis=0)
        assert set(nonzero.tolist()) <= {0, SIZES[g]}
        entered += nonzero.any()
    assert entered > 2


@LOSSES
def test_alpha_max_is_where_the_first_group_enters(loss):
    X, y, number = make(5, loss=loss)
    penalty = fastl1.GroupL1(number)
    top = fastl1.alpha_max(X, y, loss=loss, penalty=penalty)
    alphas = [1.0000001 * top, 0.999 * top]
    result = fastl1.path(X, y, loss=loss, penalty=penalty, alphas=alphas, tol=1e-12)
    assert result.n_nonzero[0] == 0
    entered = np.unique(number[result.coefs[:, [1]].toarray()[:, 0] != 0])
    assert len(entered) == 1


@LOSSES
def test_order_of_columns_and_groups_is_irrelevant(loss):
    X, y, number = make(6, loss=loss)
    rng = np.random.default_rng(0)
    columns = rng.permutation(X.shape[1])
    other = rng.permutation(len(SIZES))[number]
    solve = partial(fastl1.path, y=y, loss=loss, **{**ROOMY, "tol": 1e-11})
    a = solve(X, penalty=fastl1.GroupL1(number))
    b = solve(X[:, columns], penalty=fastl1.GroupL1(other[columns]))
    back = np.empty_like(a.coefs.toarray())
    back[columns] = b.coefs.toarray()
    np.testing.assert_allclose(back, a.coefs.toarray(), atol=2e-5)


def test_labels_lists_and_names_are_the_same_groups():
    pd = pytest.importorskip("pandas")
    X, y, number = make(7)
    names = [f"x{j}" for j in range(X.shape[1])]
    lists = [np.flatnonzero(number == g) for g in range(len(SIZES))]
    by_label = fastl1.path(X, y, penalty=fastl1.GroupL1(number), n_alphas=4)
    by_list = fastl1.path(X, y, penalty=fastl1.GroupL1(lists), n_alphas=4)
    by_name = fastl1.path(
        pd.DataFrame(X, columns=names), y, n_alphas=4,
        penalty=fastl1.GroupL1([[names[j] for j in part] for part in lists]),
    )  # fmt: skip
    words = np.array(["a", "b", "c", "d", "e", "f", "g"])[number]
    by_word = fastl1.path(X, y, penalty=fastl1.GroupL1(words.tolist()), n_alphas=4)
    for other in (by_list, by_name, by_word):
        assert (other.coefs != by_label.coefs).nnz == 0


@LOSSES
def test_weight_is_a_row_repeated(loss):
    X, y, number = make(8, loss=loss)
    times = np.random.default_rng(0).integers(0, 4, len(y))
    penalty = fastl1.GroupL1(number)
    solve = partial(fastl1.path, loss=loss, penalty=penalty, tol=1e-11)
    a = solve(X, y, sample_weight=times, n_alphas=5, alpha_min_ratio=0.05)
    b = solve(np.repeat(X, times, axis=0), np.repeat(y, times), alphas=a.alphas)
    np.testing.assert_allclose(b.coefs.toarray(), a.coefs.toarray(), atol=2e-5)


@LOSSES
def test_bits_do_not_depend_on_threads(loss):
    X, y, number = make(9, n=3000, loss=loss)
    solve = partial(
        fastl1.path, X, y, loss=loss, penalty=fastl1.GroupL1(number), **ROOMY
    )
    a, b = solve(n_threads=1), solve(n_threads=2)
    assert a.coefs.toarray().tobytes() == b.coefs.toarray().tobytes()
    assert a.dual_gaps.tobytes() == b.dual_gaps.tobytes()


@LOSSES
def test_singular_groups(loss):
    """More columns than rows, twice the same column, constant columns, zeros."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 70))
    X[:, 1] = X[:, 0]
    X[:, 2] = 3.0
    X[:, 65:] = 0.0
    y = X[:, 0] + X[:, 60] + 0.1 * rng.standard_normal(40)
    y = y if loss == "squared" else (y > 0).astype(float)
    number = np.repeat([0, 1, 2], [50, 15, 5])
    result = fastl1.path(
        X, y, loss=loss, penalty=fastl1.GroupL1(number), n_alphas=6,
        alpha_min_ratio=0.05,
    )  # fmt: skip
    assert result.converged.all()
    coefs = result.coefs.toarray()
    assert not coefs[2].any()
    assert not coefs[65:].any()
    np.testing.assert_allclose(coefs[0], coefs[1], atol=1e-6)


def test_standardize_scales_columns_alone():
    X, y, number = make(10)
    scale = X.std(axis=0)
    penalty = fastl1.GroupL1(number)
    a = fastl1.path(X, y, penalty=penalty, standardize=True, **ROOMY)
    b = fastl1.path(X / scale, y, penalty=penalty, **ROOMY)
    np.testing.assert_allclose(
        a.coefs.toarray() * scale[:, None], b.coefs.toarray(), atol=1e-5
    )


@LOSSES
def test_cross_validation_predictions_and_pickles(loss):
    X, y, number = make(11, n=200, loss=loss)
    penalty = fastl1.GroupL1(number)
    found = fastl1.cross_validate_path(
        X, y, loss=loss, penalty=penalty, cv=3, n_alphas=6, random_state=0
    )
    assert np.isfinite(found.scores).all()
    splits = [(train, test) for train, test in found.splits]
    train, _ = splits[0]
    alone = fastl1.path(
        X[train], y[train], loss=loss, penalty=penalty, alphas=found.alphas[0],
        tol=1e-9,
    )  # fmt: skip
    np.testing.assert_allclose(
        found.paths[0][0].coefs.toarray(), alone.coefs.toarray(), atol=5e-3
    )
    again = pickle.loads(pickle.dumps(alone))
    assert isinstance(again.info["penalty"], fastl1.GroupL1)
    link = alone.predict(X, type="link")
    np.testing.assert_array_equal(again.predict(X, type="link"), link)
    coef, b = alone.coef_at(alone.alphas[-1], exact=True)
    np.testing.assert_allclose(X @ coef + b, link[:, -1], atol=1e-3)
    model = alone.model(-1)
    np.testing.assert_allclose(X @ model.coef_.ravel() + model.intercept, link[:, -1])


def test_l1_is_the_long_form_of_l1_ratio():
    X, y, _ = make(12)
    for loss, target in (("squared", y), ("logistic", (y > 0).astype(float))):
        a = fastl1.path(X, target, loss=loss, l1_ratio=0.5, n_alphas=5)
        b = fastl1.path(X, target, loss=loss, penalty=fastl1.L1(0.5), n_alphas=5)
        assert a.coefs.toarray().tobytes() == b.coefs.toarray().tobytes()
        assert b.info["l1_ratio"] == 0.5
    a = fastl1.cross_validate_path(X, y, penalty=fastl1.L1(0.5), cv=3, n_alphas=4)
    b = fastl1.cross_validate_path(X, y, l1_ratios=[0.5], cv=3, n_alphas=4)
    np.testing.assert_array_equal(a.scores, b.scores)
    Y = np.column_stack([y, -y])
    a = fastl1.fit_many(X, Y, penalty=fastl1.L1(0.5), alpha_ratio=0.2)
    b = fastl1.fit_many(X, Y, l1_ratio=0.5, alpha_ratio=0.2)
    assert (a.coefs != b.coefs).nnz == 0
    w = np.array([1.0, -2.0])
    assert fastl1.L1(0.5).value(w) == pytest.approx(0.5 * 3 + 0.25 * 5)
    assert fastl1.GroupL1([0, 0], l2=2.0).value(w) == pytest.approx(
        np.sqrt(2) * np.sqrt(5) + 5
    )


def test_penalty_and_its_short_form_are_refused_together():
    X, y, number = make()
    for penalty in (fastl1.L1(), fastl1.GroupL1(number)):
        for function in (fastl1.path, fastl1.alpha_max):
            with pytest.raises(ValueError, match="penalty and l1_ratio"):
                function(X, y, penalty=penalty, l1_ratio=1.0)
    with pytest.raises(ValueError, match="penalty and l1_ratios"):
        fastl1.cross_validate_path(X, y, penalty=fastl1.L1(), l1_ratios=[0.5, 1])


@pytest.mark.parametrize("penalty", ["l1", 1.0, fastl1.L1, fastl1.Penalty()])
def test_what_is_no_penalty_is_refused(penalty):
    X, y, _ = make()
    with pytest.raises(TypeError, match="penalty must be an object"):
        fastl1.path(X, y, penalty=penalty)


@pytest.mark.parametrize(
    ("groups", "error", "words"),
    [
        ([[0, 1], [1, 2]], ValueError, "column 1 is in group 0 and in group 1"),
        ([[0, 0], [1, 2]], ValueError, "column 0 is twice in group 0"),
        ([[0, 1]], ValueError, "column 2 is in no group"),
        ([[0, 1], [2], []], ValueError, "group 2 is empty"),
        ([[0, 1], [2, 7]], ValueError, "group 1 has the column 7, X has 3"),
        ([[0, 1], ["b"]], ValueError, "have no names"),
        ([[0, 1], [2.0]], TypeError, "indices or names"),
        ([[0, 1], 2], TypeError, "group 1 must list its columns"),
        ([0, 1], ValueError, "2 labels, X has 3 columns"),
        ([0, 1, np.nan], ValueError, "no label for column 2"),
        (["a", None, "b"], ValueError, "no label for column 1"),
        (["a", 1, "b"], TypeError, "mixes words and numbers"),
        ("abc", TypeError, "label for every column"),
        ([], ValueError, "groups is empty"),
    ],
)
def test_bad_groups_are_refused_by_name(groups, error, words):
    X, y = np.eye(3), np.arange(3.0)
    with pytest.raises(error, match=words):
        fastl1.path(X, y, penalty=fastl1.GroupL1(groups))


def test_unknown_names_are_refused():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.eye(3), columns=["a", "b", "c"])
    with pytest.raises(ValueError, match="column 'd', which X has not"):
        fastl1.path(X, [0.0, 1.0, 2.0], penalty=fastl1.GroupL1([["a"], ["b", "d"]]))
    with pytest.raises(ValueError, match=r"column 1 \('b'\) is in no group"):
        fastl1.path(X, [0.0, 1.0, 2.0], penalty=fastl1.GroupL1([["a"], ["c"]]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": [1.0, -1.0]}, "at least 0, but that of group 1"),
        ({"weights": [1.0, np.nan]}, "at least 0, but that of group 1"),
        ({"weights": [1.0]}, "1 numbers for 2 groups"),
        ({"weights": "size"}, "must be 'sqrt' or an array"),
        ({"l2": -1.0}, "l2 of GroupL1"),
    ],
)
def test_bad_weights_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        fastl1.path(
            np.eye(3), np.arange(3.0), penalty=fastl1.GroupL1([0, 1, 1], **options)
        )


def test_what_does_not_go_with_groups_is_refused_with_the_way_out():
    X, y, number = make()
    penalty = fastl1.GroupL1(number)
    result = fastl1.path(X, y, penalty=penalty, n_alphas=3)
    for call, words in (
        (partial(fastl1.path, X, y, lower=0.0), "GroupL1 takes no bounds"),
        (partial(fastl1.path, X, y, penalty_factor=2.0), "takes no penalty_factor"),
        (partial(fastl1.path, X, y, loss="quantile"), "not 'quantile'; fastl1.L1"),
        (partial(fastl1.path, X, y, loss="huber"), "not 'huber'"),
        (partial(fastl1.fit_many, X, y[:, None], alpha=1.0), "call fastl1.path"),
        (
            partial(fastl1.fit_ragged, X, y, [0, len(y)], alpha=1.0),
            "call fastl1.path",
        ),
        (partial(fastl1.bootstrap_path, X, y), "cross_validate_path"),
        (partial(fastl1.stability_selection, X, y), "cross_validate_path"),
        (partial(fastl1.adaptive_path, X, y), "weights that a first fit"),
        (partial(fastl1.information_criterion, result, X, y), "cross_validate_path"),
        (partial(fastl1.relaxed_path, result, X, y), "by path with alphas"),
    ):
        with pytest.raises(ValueError, match=words):
            call(penalty=penalty)
    for function in (fastl1.information_criterion, fastl1.relaxed_path):
        with pytest.raises(ValueError, match="GroupL1"):
            function(result, X, y)
