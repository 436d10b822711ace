"""Stability selection: bounds against published numbers, counts against loops."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import fastl1
from fastl1.problem.problem import check_problem
from fastl1.select.random_state import seed_sequence, stream
from fastl1.select.resampling import Groups, subsample_weights
from fastl1.select.stability_bounds import (
    _tail,
    error_bound,
    largest_q,
    smallest_threshold,
)


def make(n=60, p=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, 2 * X[:, 3] - 2 * X[:, 7] + rng.standard_normal(n)


def stability(X, y, **options):
    options = {"n_subsamples": 20, "n_alphas": 30, "n_threads": 1} | options
    return fastl1.stability_selection(X, y, **options)


# Printed by the tests of the R package stabs 0.6 (p=100, cutoff 0.6, B=50 pairs).
STABS = {
    "unimodal": [
        *(0.02631579, 0.1052632, 0.2368421, 0.4210526, 0.6578947, 0.9473684),
        *(1.289474, 1.684211, 2.131579, 2.631579),
    ],
    "r-concave": [
        *(0.006971364, 0.03342845, 0.08691176, 0.1637231, 0.2605329, 0.3820466),
        *(0.5295188, 0.7042719, 0.9077127, 1.141338),
    ],
    "none": [0.05, 0.2, 0.45, 0.8, 1.25, 1.8, 2.45, 3.2, 4.05, 5.0],
}


@pytest.mark.parametrize("assumption", STABS)
@pytest.mark.parametrize("q", range(1, 11))
def test_bounds_are_those_of_stabs(assumption, q):
    bound = error_bound(q, 100, 0.6, 50, assumption)
    published = STABS[assumption][q - 1]
    # its search for the r-concave maximum ends a little below it
    assert published * (1 - 1e-6) <= bound <= published + 3e-5


def test_parameters_are_those_of_stabs():
    """The same package: the third of cutoff, q and PFER from the two others."""
    assert largest_q(0.6, 200, 0.2, 50, "r-concave") == 6
    assert largest_q(0.6, 200, 0.2, 50, "unimodal") == 3
    assert smallest_threshold(7, 200, 0.2, 100, "r-concave") == 0.62
    assert smallest_threshold(7, 200, 0.2, 100, "unimodal") == 0.81


@pytest.mark.parametrize("r", [-0.5, -0.25])
@pytest.mark.parametrize("theta", [0.02, 0.1, 0.3])
def test_no_r_concave_distribution_has_a_larger_tail(theta, r):
    """D by brute force: f = g^(1/r), g convex and positive, of mean at most theta."""
    rng = np.random.default_rng(0)
    size, i = 20, np.arange(21)
    for count in (9, 12, 16):
        bound = _tail(theta, count, size, r)
        largest = 0.0
        for _ in range(300):
            k = rng.integers(count, size + 1)  # f = 0 beyond
            slopes = np.sort(rng.exponential(1.0, k)) * rng.integers(0, 2, k)
            g = 10 ** rng.uniform(-3, 1) + np.r_[0.0, np.cumsum(np.sort(slopes))]
            f = np.r_[g ** (1 / r), np.zeros(size - k)]
            f /= f.sum()
            if f @ i <= theta * size:
                largest = max(largest, f[count:].sum())
        assert largest <= bound * (1 + 1e-9)


def test_bounds_order():
    for tau in (0.6, 0.75, 0.9):
        bounds = [error_bound(12, 500, tau, 50, a) for a in ("r-concave", "unimodal")]
        assert bounds[0] < bounds[1] < error_bound(12, 500, tau, 50, "none")


@pytest.mark.parametrize("method", ["complementary_pairs", "subsample"])
def test_probabilities_are_shares_of_the_subsamples(method):
    """The counts, against a loop over copies of the rows."""
    X, y = make()
    alphas = np.geomspace(1.5, 0.2, 8)
    result = stability(X, y, method=method, alphas=alphas, random_state=5)
    problem = check_problem(X, y)
    groups, root = Groups.of(problem), seed_sequence(5)
    supports = []
    for b in range(20):
        pair, part = divmod(b, 2) if method == "complementary_pairs" else (b, 0)
        weight = subsample_weights(problem, groups, [30], stream(root, 0, pair), part)
        rows = weight > 0
        path = fastl1.path(X[rows], y[rows], alphas=alphas, n_threads=1)
        supports.append(path.coefs.toarray() != 0)
    supports = np.array(supports)
    np.testing.assert_array_equal(result.probabilities.toarray(), supports.mean(axis=0))
    np.testing.assert_array_equal(result.scores, supports.any(axis=2).mean(axis=0))
    np.testing.assert_array_equal(result.n_selected, supports.sum(axis=1))
    ever = supports.any(axis=2).sum(axis=1)
    np.testing.assert_array_equal(result.n_selected_ever, ever)
    assert result.q == ever.mean()
    tau = result.threshold
    assert result.pfer == pytest.approx(result.error_bound(tau))
    assert set(result.select(0.6)) >= set(result.selected) == {3, 7}


def test_pairs_are_disjoint_halves():
    X, y = make(n=31)
    problem = check_problem(X, y)
    groups = Groups.of(problem)
    sizes = groups.sizes(0.5, 2)
    one, two = (
        subsample_weights(problem, groups, sizes, stream(seed_sequence(1), 0, 4), part)
        for part in (0, 1)
    )
    assert one.sum() == two.sum() == 15
    assert not np.any(one * two)


def test_q_ends_the_paths():
    X, y = make()
    result = stability(X, y, q=3)
    assert result.q == 3
    assert result.n_selected_ever.max() <= 3
    assert result.n_selected.max() <= 3
    assert result.scores.sum() == pytest.approx(result.n_selected_ever.mean())
    assert np.all(result.probabilities.max(axis=1).toarray().ravel() <= result.scores)
    assert result.pfer == error_bound(3, 40, 0.75, 10, "unimodal")
    assert result.error_bounds["none"] == pytest.approx(9 / 20)


def test_two_of_threshold_pfer_and_q_give_the_third():
    X, y = make()
    by_q = stability(X, y, q=4, pfer=0.5)
    assert by_q.pfer <= 0.5 < error_bound(4, 40, by_q.threshold - 0.05, 10, "unimodal")
    by_threshold = stability(X, y, threshold=0.9, pfer=0.5)
    assert by_threshold.pfer <= 0.5
    assert error_bound(by_threshold.q + 1, 40, 0.9, 10, "unimodal") > 0.5
    default = stability(X, y)
    assert (default.threshold, default.assumption) == (0.75, "unimodal")
    assert default.pfer <= 1.0


def test_weights_are_repeated_rows_and_zeros_are_absent():
    X, y = make()
    weight = np.ones(60)
    weight[50:] = 0.0
    one = stability(X, y, sample_weight=weight, q=3)
    two = stability(X[:50], y[:50], q=3, alphas=one.alphas)
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.info["n_rows"] == 25


def test_storages_agree():
    X, y = make()
    X[np.abs(X) < 0.5] = 0.0
    dense, csc = (stability(A, y, q=3) for A in (X, sparse.csc_array(X)))
    np.testing.assert_array_equal(dense.scores, csc.scores)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber"])
def test_other_losses(loss):
    X, y = make(n=100)
    y = {"logistic": y > 0, "poisson": np.floor(np.exp(y / 2)), "huber": y}[loss]
    result = stability(X, y, loss=loss, pfer=1.0)
    assert set(np.argsort(result.scores)[-2:]) == {3, 7} <= set(result.selected)


@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_cox(storage):
    X, _ = make(n=120)
    rng = np.random.default_rng(1)
    time, censored = rng.exponential(np.exp(X[:, 3] - X[:, 7])), rng.exponential(2, 120)
    y = np.c_[time <= censored, np.minimum(time, censored)]
    block = np.arange(120) % 3
    given = sparse.csc_array(X) if storage == "csc" else X
    result = stability(given, y, loss="cox", strata=block, q=5)
    assert set(np.argsort(result.scores)[-2:]) == {3, 7}
    problem = check_problem(X, y, loss="cox")
    groups = Groups.of(problem)
    assert sum(groups.sizes(0.5, 2)) in (59, 60)
    options = {"n_alphas": 5, "alpha_min_ratio": 0.1, "n_threads": 1}
    bootstrap = fastl1.bootstrap_path(
        given, y, loss="cox", strata=block, n_bootstraps=4, **options
    )
    assert bootstrap.mean.toarray()[3, -1] < 0 < bootstrap.mean.toarray()[7, -1]
    y[1:, 0] = 0.0  # a single event
    y[0, 0] = 1.0
    with pytest.raises(ValueError, match=r"y is 'an event' at 1 row\(s\)"):
        stability(given, y, loss="cox")
    y[:, 0] = 1.0
    y[5, 0] = 0.0  # a single censored row may be left out
    assert stability(given, y, loss="cox", q=3, n_subsamples=4).info["n_rows"] == 59


def test_rare_classes_are_in_every_subsample():
    X, y = make(n=80)
    label = np.zeros(80, dtype=int)
    label[[5, 60]] = 1
    problem = check_problem(X, label, loss="logistic")
    groups = Groups.of(problem)
    for b in range(20):
        for part in (0, 1):
            rng = stream(seed_sequence(0), 0, b)
            w = subsample_weights(problem, groups, groups.sizes(0.5, 2), rng, part)
            assert label[w > 0].sum() == 1
    result = stability(X, label, loss="logistic", n_subsamples=6, n_alphas=5)
    assert result.info["n_subsamples"] == 6
    label[60] = 0
    with pytest.raises(ValueError, match=r"y is 1 at 1 row\(s\).*method='subsample'"):
        stability(X, label, loss="logistic")
    one = stability(X, label, loss="logistic", method="subsample", n_subsamples=4)
    assert one.info["n_subsamples"] == 4


def test_unpenalized_columns_are_no_candidates():
    X, y = make()
    factor = np.ones(40)
    factor[3], factor[20] = 0.0, np.inf
    result = stability(X, y, penalty_factor=factor, q=3)
    assert result.n_candidates == 38
    assert result.scores[3] == result.scores[20] == 0.0
    assert 7 in result.selected


def test_weakness_finds_both_of_two_correlated_columns():
    X, y = make(n=200)
    X[:, 8] = X[:, 7] + 0.1 * np.random.default_rng(1).standard_normal(200)
    y = X[:, 7] + X[:, 8] + y
    plain, weak = (stability(X, y, q=4, weakness=w) for w in (1.0, 0.2))
    assert weak.scores[8] > 0
    assert not np.array_equal(plain.scores, weak.scores)


def test_same_bits_for_any_number_of_threads():
    X, y = make()
    one, two, three = (stability(X, y, weakness=0.5, n_threads=n) for n in (1, 2, 3))
    for other in (two, three):
        np.testing.assert_array_equal(one.probabilities.data, other.probabilities.data)
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.n_selected, other.n_selected)


def test_seeds():
    X, y = make()
    scores = [
        stability(X, y, q=5, random_state=seed).scores.tolist()
        for seed in (0, 0, 1, np.random.default_rng(0), np.random.default_rng(0))
    ]
    assert scores[0] == scores[1] != scores[2]
    assert scores[3] == scores[4]
    # the first draws are the same, however many there are
    few, many = (
        stability(X, y, alphas=[0.5], n_subsamples=n).n_selected for n in (4, 10)
    )
    np.testing.assert_array_equal(few, many[:4])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_callback_stops_with_whole_pairs(n_threads):
    X, y = make()
    calls = []

    def callback(done, info):
        calls.append((done, info["total"]))
        return done == 5

    result = stability(X, y, callback=callback, n_threads=n_threads)
    assert calls[:5] == [(k, 20) for k in range(1, 6)]
    assert result.info["stopped"] == "callback"
    assert len(result.n_selected) == result.info["n_subsamples"]
    assert result.info["n_subsamples"] in (4, 6)


def test_ctrl_c_leaves_what_is_done():
    X, y = make()

    def callback(done, info):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted, match="6 of 20") as caught:
        stability(X, y, callback=callback)
    partial = caught.value.result
    assert partial.info == partial.info | {"n_subsamples": 6, "stopped": "interrupted"}
    assert partial.pfer == partial.error_bound(partial.threshold)


def test_signal_interrupts_the_pool():
    X, y = make(n=400, p=2000)
    reports = []

    def callback(done, info):
        reports.append(done)
        if len(reports) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(fastl1.FitInterrupted) as caught:
        stability(
            X, y, n_subsamples=200, alphas=[0.1, 0.05], n_threads=2, callback=callback
        )
    assert caught.value.result is not None


def test_nothing_done_leaves_no_result():
    X, y = make()

    def callback(done, info):
        raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted) as caught:
        stability(X, y, callback=callback)
    assert caught.value.result is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_subsamples": 5}, ValueError, "even"),
        ({"fraction": 0.6}, ValueError, "fraction"),
        ({"method": "pairs"}, ValueError, "method must be"),
        ({"method": "subsample", "assumption": "unimodal"}, ValueError, "needs method"),
        ({"assumption": "convex"}, ValueError, "assumption must be"),
        ({"threshold": 0.5}, ValueError, "threshold must be"),
        ({"threshold": 0.9, "pfer": 1, "q": 3}, ValueError, "not all three"),
        ({"q": 41}, ValueError, "only 40 columns"),
        ({"q": 30, "pfer": 1e-3}, ValueError, "lower q or raise pfer"),
        ({"pfer": 1e-9}, ValueError, "raise one of them"),
        ({"weakness": 0}, ValueError, "weakness"),
        ({"random_state": "x"}, TypeError, "random_state"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"coef_init": np.zeros(40)}, TypeError, "unexpected keyword.*coef_init"),
        ({"n_alpha": 3}, TypeError, "unexpected keyword.*'n_alpha'"),
        ({"callback": 3}, TypeError, "callback"),
        ({"penalty_factor": 0.0}, ValueError, "no column has a penalty"),
    ],
)
def test_bad_input(options, error, message):
    X, y = make()
    with pytest.raises(error, match=message):
        stability(X, y, **options)


def test_unconverged_models_are_reported_once():
    X, y = make()
    with pytest.warns(fastl1.ConvergenceWarning, match="models of the resampling"):
        result = stability(X, y, tol=0.0, alphas=[0.1], n_subsamples=4)
    assert result.info["n_failed"] == 4


def test_riboflavin():
    """LYSC, YOAB and YXLD are the stable genes of Bühlmann, Kalisch & Meier (2014)."""
    folder = os.environ.get("FASTL1_BENCH_DATA")
    if not folder or not (Path(folder) / "riboflavin.npz").exists():
        pytest.skip("FASTL1_BENCH_DATA has no riboflavin.npz")
    with np.load(Path(folder) / "riboflavin.npz") as data:
        X, y = data["X"].astype(np.float64), data["y"]
    # one false selection expected at most, at threshold 0.75: q = sqrt(p / 2), as there
    result = stability(
        X, y, method="subsample", n_subsamples=100, n_alphas=60, standardize=True
    )
    assert result.q == 45
    order = np.argsort(-result.scores, kind="stable")
    assert set(order[:2]) == {2563, 4002}
    assert 1277 in order[:10]


def test_leukemia():
    folder = os.environ.get("FASTL1_BENCH_DATA")
    if not folder or not (Path(folder) / "golub_leukemia.npz").exists():
        pytest.skip("FASTL1_BENCH_DATA has no golub_leukemia.npz")
    with np.load(Path(folder) / "golub_leukemia.npz") as data:
        X, y = data["X"].astype(np.float64), data["y"]
    options = {"loss": "logistic", "standardize": True, "n_subsamples": 20, "q": 10}
    one, two = (stability(X, y, n_threads=n, **options) for n in (1, 2))
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.info["n_failed"] == 0
    # zyxin, X95735, the gene by which most classifiers of these data begin
    assert np.argmax(one.scores) == 4846
