"""fit_many of the losses that are solved one by one: cox and multinomial."""

import signal
import threading

import numpy as np
import pytest
from scipy import sparse

import fastl1

N, P, K = 60, 8, 3


def make(loss, seed=0):
    """X, Y of K targets and what makes the y of one of them."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((N, P)))
    if loss == "multinomial":
        eta = 2 * X[:, None, :4] + rng.gumbel(size=(N, K, 4))
        Y = np.array(["a", "b", "c", "d"])[eta.argmax(axis=2)]
        return X, Y, rng
    risk = np.stack([X[:, j] for j in range(K)], axis=1)
    time, end = rng.exponential(np.exp(-risk)), rng.exponential(2, (N, K))
    return X, np.stack([time <= end, np.ceil(5 * np.minimum(time, end))], axis=2), rng


def single(result, j):
    """Coefficients and intercepts of target j, as of a path of one alpha."""
    several = isinstance(result.coefs, tuple)
    coefs = result.coefs if several else (result.coefs,)
    return np.hstack([part[:, [j]].toarray() for part in coefs])


def of_path(path):
    coefs = path.coefs if isinstance(path.coefs, tuple) else (path.coefs,)
    return np.hstack([part.toarray() for part in coefs])


EACH = pytest.mark.parametrize("loss", ["cox", "multinomial"])


@EACH
@pytest.mark.parametrize("storage", [np.asarray, sparse.csc_array])
def test_targets_are_those_of_path(loss, storage):
    X, Y, rng = make(loss)
    weight = rng.uniform(0.5, 2, (N, K))
    options = {
        "l1_ratio": 0.8,
        "penalty_factor": np.r_[0.0, np.ones(P - 2), np.inf],
        "upper": np.r_[np.inf, np.full(P - 1, 0.5)],
        "standardize": True,
        "tol": 1e-8,
    }
    rows = {"offset": 0.2 * rng.standard_normal((N, 4))}
    if loss == "cox":
        rows = {"offset": 0.2 * rng.standard_normal((N, K)), "strata": np.arange(N) % 2}
    result = fastl1.fit_many(
        storage(X),
        Y,
        loss=loss,
        alpha_ratio=[0.5, 0.2, 0.1],
        sample_weight=weight,
        **options,
        **rows,
    )
    assert result.converged.all()
    assert result.info["regime"] == "each"
    for j in range(K):
        own = dict(rows)
        if loss == "cox":
            own["offset"] = rows["offset"][:, j]
        path = fastl1.path(
            X,
            Y[:, j],
            loss=loss,
            alphas=[result.alphas[j]],
            sample_weight=weight[:, j],
            **options,
            **own,
        )
        ratio = result.alphas[j] / path.info["alpha_max"]
        assert ratio == pytest.approx([0.5, 0.2, 0.1][j])
        assert result.alpha_max[j] == pytest.approx(path.info["alpha_max"])
        np.testing.assert_allclose(single(result, j), of_path(path), atol=1e-4)
        assert np.count_nonzero(single(result, j)) > 1
        if loss == "multinomial":
            intercept = result.intercepts[:, j]
            np.testing.assert_allclose(intercept, path.intercepts[:, 0], atol=1e-4)
    assert "3 targets, 8 features, 3 converged" in repr(result)


@EACH
def test_threads_float32_and_starts(loss):
    X, Y, _ = make(loss)
    options = {"loss": loss, "alpha_ratio": 0.2, "tol": 1e-6}
    one = fastl1.fit_many(X.astype(np.float32), Y, n_threads=1, **options)
    two = fastl1.fit_many(X.astype(np.float32), Y, n_threads=2, **options)
    for j in range(K):
        np.testing.assert_array_equal(single(one, j), single(two, j))
    assert single(one, 0).dtype == np.float32
    again = fastl1.fit_many(X, Y, coef_init=one, **options)
    assert again.n_iters.sum() < one.n_iters.sum()
    if loss == "cox":
        start = one.coefs.toarray()
        more = fastl1.fit_many(X, Y, coef_init=start, **options)
        np.testing.assert_allclose(
            more.coefs.toarray(), again.coefs.toarray(), atol=1e-3
        )
        named = np.empty((N, K), dtype=[("event", "?"), ("time", "f8")])
        named["event"], named["time"] = Y[..., 0] == 1, Y[..., 1]
        same = fastl1.fit_many(X.astype(np.float32), named, **options)
        np.testing.assert_array_equal(same.coefs.toarray(), start)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "multinomial"])
@pytest.mark.parametrize("class_weight", ["balanced", {"b": 4.0}])
def test_class_weights(loss, class_weight):
    X, Y, _ = make("multinomial")
    if loss != "multinomial":
        Y = np.where(Y < "c", "a", "b")
    options = {"loss": loss, "class_weight": class_weight, "tol": 1e-8}
    result = fastl1.fit_many(X, Y, alpha=0.02, **options)
    plain = fastl1.fit_many(X, Y, alpha=0.02, loss=loss, tol=1e-8)
    for j in range(K):
        path = fastl1.path(X, Y[:, j], alphas=[0.02], **options)
        np.testing.assert_allclose(single(result, j), of_path(path), atol=1e-4)
        assert np.abs(single(result, j) - single(plain, j)).max() > 1e-4


@EACH
def test_progress_and_early_stop(loss):
    X, Y, _ = make(loss)
    seen = []

    def stop(done, info):
        seen.append((done, info["n_problems"], info["worst_gap"]))
        return done == 2

    result = fastl1.fit_many(
        X, Y, loss=loss, alpha_ratio=0.3, callback=stop, n_threads=1
    )
    assert result.status.tolist() == [0, 0, 2]
    assert result.info["stopped"] == "callback"
    assert [s[:2] for s in seen] == [(1, 3), (2, 3)]
    assert np.isinf(result.dual_gaps[2])
    assert not single(result, 2).any()


def test_interruption_keeps_the_targets_done():
    X, Y, _ = make("cox")

    def interrupt(done, info):
        if done == 1:
            signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(fastl1.FitInterrupted) as caught:
        fastl1.fit_many(
            X, Y, loss="cox", alpha_ratio=0.3, callback=interrupt, n_threads=1
        )
    result = caught.value.result
    assert result.info["stopped"] == "interrupted"
    assert result.status.tolist()[1:] == [2, 2]


def test_missing_the_tolerance_warns():
    X, Y, _ = make("multinomial")
    with pytest.warns(fastl1.ConvergenceWarning, match="3 of 3 targets did not reach"):
        result = fastl1.fit_many(
            X, Y, loss="multinomial", alpha_ratio=0.01, tol=1e-12, max_iter=1
        )
    assert result.status.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("loss", "change", "options", "message"),
    [
        ("cox", lambda Y: Y[:, 0], {}, r"needs \(60, targets, 2 or 3\), or a struct"),
        ("multinomial", lambda Y: Y[:, 0], {}, r"needs \(60, targets\)"),
        ("cox", lambda Y: Y * [0, 1], {}, "target 0: y holds no event at all"),
        (
            "multinomial",
            lambda Y: np.where((np.arange(K) == 1) & (Y == "d"), "c", Y),
            {},
            r"target 1 has the labels \['a', 'b', 'c'\], target 0 has",
        ),
        ("cox", lambda Y: Y, {"strata": [1]}, r"target 0: strata has shape \(1,\)"),
        ("cox", lambda Y: Y, {"coef_init": np.ones((2, 2))}, "coef_init has 1 outputs"),
        ("cox", lambda Y: Y, {"class_weight": "balanced"}, "class_weight needs labels"),
        ("cox", lambda Y: Y, {"alpha": 1.0}, "give exactly one of alpha and"),
    ],
)
def test_bad_input(loss, change, options, message):
    X, Y, _ = make(loss)
    with pytest.raises(ValueError, match=message):
        fastl1.fit_many(X, change(Y), loss=loss, alpha_ratio=0.1, **options)


def test_bad_values_and_other_losses():
    X, Y, _ = make("cox")
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="X contains NaN at row 3, column 2"):
        fastl1.fit_many(X, Y, loss="cox", alpha=0.1)
    with pytest.raises(ValueError, match="strata go with loss='cox' only"):
        fastl1.fit_many(X, Y[..., 0], strata=np.ones(N), alpha=0.1)
    for loss in ("cox", "multinomial"):
        with pytest.raises(ValueError, match=r"call fastl1\.path for each problem"):
            fastl1.fit_ragged(X, Y[:, 0, 0], [0, N], loss=loss, alpha=0.1)
