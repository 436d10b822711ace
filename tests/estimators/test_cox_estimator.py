"""CoxPHRegressor, concordance, baselines and cross-validation of Cox models."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.exceptions
from oracles.cox import make, twin
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastl1
from fastl1 import CoxPHRegressor, PathCV, concordance_index

N = 60


def named(y):
    return np.array([(bool(e), t) for e, t in y], dtype=[("e", "?"), ("t", "f8")])


def data(seed=0, entry=False):
    """X, y, and weights, strata and offsets."""
    X, y, rng = make(seed)
    if entry:
        y = np.c_[y, y[:, 1] - rng.integers(1, 5, N)]
    rows = {
        "sample_weight": rng.integers(0, 4, N) * 0.5,
        "strata": np.array(["b", "a", "c"])[rng.integers(0, 3, N)],
        "offset": 0.5 * rng.standard_normal(N),
    }
    return X, y, rows


# Concordance


def slow_concordance(y, risk, s, strata):
    event, time, entry = y[:, 0] == 1, y[:, 1], np.full(len(y), -np.inf)
    if y.shape[1] == 3:
        entry = y[:, 2]
    right = pairs = 0.0
    for i in np.flatnonzero(event):
        for j in range(len(y)):
            later = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if later and strata[i] == strata[j] and entry[j] < time[i]:
                pairs += s[i] * s[j]
                equal = abs(risk[i] - risk[j]) <= 1e-8
                right += s[i] * s[j] * (0.5 if equal else risk[j] < risk[i])
    return right / pairs


@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("names", [(), ("sample_weight", "strata")])
def test_concordance_is_the_share_of_pairs_in_order(entry, names):
    for seed in range(8):
        X, y, rows = data(seed, entry)
        risk = np.round(2 * X[:, 0]) + np.arange(N) % 2 * 1e-9  # many equal ones
        given = {name: rows[name] for name in names}
        expected = slow_concordance(
            y,
            risk,
            given.get("sample_weight", np.ones(N)),
            given.get("strata", np.zeros(N)),
        )
        found = concordance_index(y, risk, **given)
        assert found == pytest.approx(expected, abs=1e-13)
        assert 0 < found < 1
        back = concordance_index(y, -risk, **given)
        assert back == pytest.approx(1 - found, abs=1e-13)


def test_concordance_by_hand():
    """Rows with events at one time are no pair; a censored one goes on."""
    y = named([(1, 2), (1, 3), (0, 3), (1, 7)])
    assert concordance_index(y, [3.0, 1.0, 1.0, 0.5]) == pytest.approx(4.5 / 5)
    assert concordance_index(y, np.zeros(4)) == 0.5
    # the last row is seen from 2 on only
    late = [[1, 2, 0], [1, 3, 0], [0, 3, 0], [1, 7, 2]]
    assert concordance_index(late, [3.0, 1.0, 1.0, 0.5]) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([[1, 2.0], [1, 2.0]], {}, "no two rows can be compared"),
        ([[1, 2.0], [1, 3.0]], {"strata": [0, 1]}, "no two rows can be compared"),
        ([[1, 2.0], [1, 3.0]], {"sample_weight": [1, -1]}, r"negative \(-1.0\) at row"),
        ([[1, 2.0], [1, 3.0], [0, 1.0]], {}, "risk has 2 values"),
        ([[1, 2.0], [1, 3.0]], {"tied": -1}, "tied must be in"),
    ],
)
def test_bad_input_of_concordance(y, options, message):
    with pytest.raises(ValueError, match=message):
        concordance_index(y, [1.0, 2.0], **options)


# The estimator


class Adapted(CoxPHRegressor):
    """Takes the numbers of scikit-learn's checks as times of events."""

    def fit(self, X, y=None, sample_weight=None):
        if y is not None:
            y = np.asarray(y)
            y = np.c_[np.ones(len(y)), y.astype(float) if y.dtype == object else y]
        return super().fit(X, y, sample_weight)

    def score(self, X, y, sample_weight=None):
        return super().score(X, np.c_[np.ones(len(y)), y], sample_weight)


@parametrize_with_checks([Adapted()])
def test_check_estimator(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        check(estimator)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
def test_the_estimator_is_the_path_at_its_alpha(ties, storage):
    X, y, rows = data(entry=True)
    settings = {"penalty_factor": np.r_[0.0, np.ones(7)], "upper": 0.4, "tol": 1e-9}
    model = CoxPHRegressor(
        alpha=0.02, l1_ratio=0.7, ties=ties, standardize=True, **settings
    )
    model.fit(storage(X), named(y[:, :2]), entry=y[:, 2], **rows)
    path = fastl1.path(
        X,
        y,
        loss=fastl1.Cox(ties),
        alphas=[0.02],
        l1_ratio=0.7,
        standardize=True,
        **settings,
        **rows,
    )
    np.testing.assert_allclose(model.coef_, path.coefs.toarray()[:, 0], atol=1e-12)
    assert np.count_nonzero(model.coef_) > 2
    assert model.coef_.max() <= 0.4
    assert model.relative_gap_ <= 1e-9
    null = path.info["null_objective"]
    assert model.dual_gap_ == pytest.approx(null * model.relative_gap_)
    eta = X @ model.coef_
    np.testing.assert_allclose(model.predict(X), eta, atol=1e-12)
    shifted = model.predict(X, offset=rows["offset"])
    np.testing.assert_allclose(shifted, eta + rows["offset"])
    score = {k: rows[k] for k in ("sample_weight", "strata")}
    assert model.score(
        X, y[:, :2], entry=y[:, 2], offset=rows["offset"], **score
    ) == concordance_index(y, shifted, **score)
    assert model.score(X, y) == concordance_index(y, eta)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))


def test_float32_and_positive_and_warm_start():
    X, y, _ = data()
    model = CoxPHRegressor(positive=True, warm_start=True, tol=1e-6)
    model.fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    assert model.coef_.min() == 0 < model.coef_.max()
    assert model.fit(X.astype(np.float32), y).n_iter_ <= 1


def test_it_lives_in_pipelines_and_searches():
    X, y, _ = data()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), CoxPHRegressor()),
        {"coxphregressor__alpha": [1.0, 0.02]},
        cv=StratifiedKFold(3).split(X, y[:, 0]),
    ).fit(X, named(y))
    assert search.best_params_ == {"coxphregressor__alpha": 0.02}
    assert search.cv_results_["mean_test_score"][0] == 0.5  # no feature at all
    assert search.score(X, named(y)) > 0.7


def test_rows_are_routed():
    X, y, rows = data(entry=True)
    rows["entry"] = y[:, 2]
    with sklearn.config_context(enable_metadata_routing=True):
        model = CoxPHRegressor().set_fit_request(**dict.fromkeys(rows, True))
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), model
        ).fit(X, y[:, :2], **rows)
    direct = clone(model).fit(StandardScaler().fit_transform(X), y[:, :2], **rows)
    np.testing.assert_array_equal(pipeline[-1].coef_, direct.coef_)


# Hazards


def slow_hazard(model, X, y, times, s, strata, offset, ties):
    """Breslow's and Efron's sums, written from their definitions: (strata, times)."""
    event, time, entry = y[:, 0] == 1, y[:, 1], y[:, 2]
    e = s * np.exp(X @ model.coef_ + offset)
    out = np.zeros((len(np.unique(strata)), len(times)))
    for k, stratum in enumerate(np.unique(strata)):
        own = (strata == stratum) & (s > 0)
        for t in np.unique(time[event & own]):
            dead = own & event & (time == t)
            risk = e[own & (time >= t) & (entry < t)].sum()
            d = dead.sum()
            gone = np.arange(d) / d if ties == "efron" else np.zeros(d)
            step = np.sum(s[dead].sum() / d / (risk - gone * e[dead].sum()))
            out[k, times >= t] += step
    return out


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_hazards(ties):
    X, y, rows = data(entry=True)
    model = CoxPHRegressor(alpha=0.02, ties=ties, tol=1e-8).fit(X, y, **rows)
    times = np.r_[0.0, model.event_times_[2:6], 4.5, 1e6]
    s, strata, offset = (rows[k] for k in ("sample_weight", "strata", "offset"))
    base = slow_hazard(model, X, y, times, s, strata, offset, ties)
    new, kinds = X[:9], np.array(["a", "b", "c"] * 3)
    found = model.predict_cumulative_hazard_function(
        new, times, strata=kinds, offset=np.full(9, 0.3)
    )
    expected = np.exp(new @ model.coef_ + 0.3)[:, None] * base[[0, 1, 2] * 3]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    assert (found[:, 0] == 0).all()
    survival = model.predict_survival_function(new, strata=kinds)
    assert survival.shape == (9, len(model.event_times_))
    assert (np.diff(survival, axis=1) <= 0).all()
    assert model.strata_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="fitted with strata: give those of the rows"):
        model.predict_survival_function(new)
    with pytest.raises(ValueError, match="'x' at row 1 is no stratum of the fit"):
        model.predict_survival_function(X[:2], strata=["a", "x"])
    plain = model.fit(X, y)
    with pytest.raises(ValueError, match="strata were given, but the model has none"):
        plain.predict_survival_function(new, strata=kinds)


def test_the_null_model_is_nelson_and_aalen():
    _, y, _ = data()
    y[:, 1] += np.arange(N) * 1e-3  # no ties
    model = CoxPHRegressor(alpha=9.0).fit(np.ones((N, 1)), y)
    times = np.sort(y[y[:, 0] == 1, 1])
    at_risk = (y[:, 1] >= times[:, None]).sum(axis=1)
    (hazard,) = model.predict_cumulative_hazard_function([[1.0]])
    np.testing.assert_array_equal(model.event_times_, times)
    np.testing.assert_allclose(hazard, np.cumsum(1 / at_risk))


def test_hazards_of_rows_far_below_the_others():
    X, y, _ = data()
    offset = np.zeros(N)
    offset[y[:, 1].argmin()] = 800.0
    model = CoxPHRegressor(alpha=0.05).fit(X, y, offset=offset)
    hazards = model.predict_cumulative_hazard_function(X)
    assert np.isfinite(hazards).all()
    assert (np.diff(hazards) >= 0.0).all()


def test_a_missing_stratum_and_a_refit_that_fails():
    X, y, rows = data()
    model = CoxPHRegressor(alpha=0.05).fit(X, y, strata=rows["strata"])
    strata = np.zeros(N)
    strata[3] = np.nan
    with pytest.raises(ValueError, match="strata is NaN at row 3"):
        model.fit(X, y, strata=strata)
    assert list(model.strata_) == ["a", "b", "c"]


def test_hazards_of_huge_predictors():
    X, y, _ = data()
    model = CoxPHRegressor().fit(X, y, offset=np.full(N, 800.0))
    small = model.predict_cumulative_hazard_function(X, offset=np.full(N, 800.0))
    expected = CoxPHRegressor().fit(X, y).predict_cumulative_hazard_function(X)
    np.testing.assert_allclose(small, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "fit", "message"),
    [
        ({"ties": "exact"}, {}, "ties of Cox must be"),
        ({"positive": True, "lower": -1.0}, {}, "positive=True is lower=0"),
        ({"alpha": -1.0}, {}, "alpha == -1.0, must be >= 0"),
        ({"penalty_factor": [1.0]}, {}, "penalty_factor has 1 values"),
        ({}, {"entry": np.full(N, 99.0)}, "entry must be before time"),
        ({}, {"strata": [1, 2]}, r"strata has shape \(2,\)"),
        ({}, {"offset": [1, 2]}, "offset has 2 values"),
        ({}, {"sample_weight": np.zeros(N)}, "sample_weight is 0 at every row"),
    ],
)
def test_bad_input(settings, fit, message):
    X, y, _ = data()
    with pytest.raises(ValueError, match=message):
        CoxPHRegressor(**settings).fit(X, y, **fit)


def test_bad_targets():
    X, y, _ = data(entry=True)
    with pytest.raises(ValueError, match="entry is given, and y has it too"):
        CoxPHRegressor().fit(X, y, entry=y[:, 2])
    with pytest.raises(ValueError, match="as 2 or 3 columns in that order"):
        CoxPHRegressor().fit(X, y[:, 1])


# Cross-validation


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("entry", [False, True])
def test_held_out_partial_likelihood(ties, entry):
    """Deviance of training and held-out rows, less that of the training rows."""
    X, y, rows = data(entry=entry)
    result = fastl1.cross_validate_path(
        sp.csc_array(X) if entry else X,
        y,
        loss=fastl1.Cox(ties),
        cv=3,
        n_alphas=4,
        tol=1e-8,
        return_oof=entry,
        **rows,
    )
    assert (result.scoring, result.greater_is_better) == ("deviance", False)
    s, strata, offset = (rows[k] for k in ("sample_weight", "strata", "offset"))
    for f, (train, test) in enumerate(result.splits):
        path = result.paths[0][f]
        direct = fastl1.path(
            X[train],
            y[train],
            loss=fastl1.Cox(ties),
            alphas=path.alphas,
            tol=1e-8,
            **{name: value[train] for name, value in rows.items()},
        )
        np.testing.assert_allclose(
            path.coefs.toarray(), direct.coefs.toarray(), atol=1e-5
        )
        both = np.sort(np.r_[train, test])
        for k in range(4):
            eta = X @ path.coefs[:, [k]].toarray()[:, 0] + offset
            if entry:
                np.testing.assert_allclose(result.oof[0, test, k], np.exp(eta[test]))
            total = [
                2 * s[r].sum() * twin(eta[r], y[r], ties, s[r], strata[r])
                for r in (both, train)
            ]
            expected = (total[0] - total[1]) / (s[test] @ y[test, 0])
            assert result.scores[0, k, f] == pytest.approx(expected, rel=1e-8)
    events = [y[test, 0].sum() for _, test in result.splits]
    assert max(events) - min(events) <= 1  # in every fold in proportion


def test_concordance_and_any_scorer_choose_alike():
    X, y, rows = data()
    options = {"loss": "cox", "cv": 3, "n_alphas": 5, **rows}
    ours = fastl1.cross_validate_path(X, y, scoring="concordance", **options)
    assert ours.greater_is_better

    def scorer(model, X, y, sample_weight=None):
        assert y.dtype.names == ("event", "time")
        assert hasattr(model, "coef_")
        return concordance_index(y, model.predict(X), sample_weight=sample_weight)

    del options["strata"]  # which a scorer does not see
    plain = fastl1.cross_validate_path(X, y, scoring="concordance", **options)
    theirs = fastl1.cross_validate_path(X, y, scoring=scorer, **options)
    np.testing.assert_array_equal(plain.scores, theirs.scores)
    assert not np.array_equal(ours.scores, plain.scores)
    for f, (train, test) in enumerate(ours.splits):
        eta = ours.paths[0][f].predict(X, type="link") + rows["offset"][:, None]
        expected = concordance_index(
            y[test],
            eta[test, -1],
            sample_weight=rows["sample_weight"][test],
            strata=rows["strata"][test],
        )
        assert ours.scores[0, -1, f] == pytest.approx(expected)
        assert len(train) + len(test) == N


def test_threads_do_not_change_the_scores():
    X, y, rows = data()
    for scoring in (None, "concordance"):
        one, two = (
            fastl1.cross_validate_path(
                X, y, loss="cox", n_alphas=5, n_threads=n, scoring=scoring, **rows
            )
            for n in (1, 2)
        )
        np.testing.assert_array_equal(one.scores, two.scores)


def test_folds_without_events_are_named():
    X, y, _ = data()
    order = np.argsort(y[:, 0], kind="stable")
    rows = order[:10], order[10:]
    with pytest.raises(ValueError, match="fold 0: no held-out row has an event"):
        fastl1.cross_validate_path(X, y, loss="cox", cv=[rows[::-1]])
    with pytest.raises(ValueError, match="fold 0: no training row has an event"):
        fastl1.cross_validate_path(X, y, loss="cox", cv=[rows])
    with pytest.raises(ValueError, match="scoring='mae' is not defined for loss='cox'"):
        fastl1.cross_validate_path(X, y, loss="cox", scoring="mae")


@pytest.mark.parametrize("scoring", [None, "concordance"])
def test_path_cv(scoring):
    X, y, rows = data(entry=True)
    grid = {"alphas": [0.2, 0.05, 0.01], "l1_ratios": [0.5, 1.0]}
    model = PathCV(
        CoxPHRegressor(ties="efron", tol=1e-6), cv=3, scoring=scoring, **grid
    )
    model.fit(X, y[:, :2], entry=y[:, 2], **rows)
    splits = StratifiedKFold(3).split(X, y[:, 0])
    result = fastl1.cross_validate_path(
        X,
        y,
        loss=fastl1.Cox("efron"),
        cv=list(splits),
        scoring=scoring,
        tol=1e-6,
        **grid,
        **rows,
    )
    assert np.array_equal(model.cv_result_.scores, result.scores)
    assert (model.alpha_, model.l1_ratio_) == (result.best.alpha, result.best.l1_ratio)
    assert np.ptp(result.mean_scores) > 0
    refit = CoxPHRegressor(
        alpha=model.alpha_, l1_ratio=model.l1_ratio_, ties="efron", tol=1e-6
    ).fit(X, y, **rows)
    np.testing.assert_allclose(model.coef_, refit.coef_, atol=1e-12)
    assert model.score(X, y) == refit.score(X, y)
    assert model.dual_gap_ == refit.dual_gap_
    hazards = (
        m.predict_cumulative_hazard_function(X, strata=rows["strata"])
        for m in (model.estimator_, refit)
    )
    np.testing.assert_allclose(*hazards)
    with pytest.raises(TypeError, match=r"CoxPHRegressor\.fit takes no exposure"):
        model.fit(X, y, exposure=np.ones(N))
    late = np.c_[np.arange(N) >= 45, y[:, 1]]
    with pytest.raises(ValueError, match="fold 0: no held-out row has an event"):
        PathCV(CoxPHRegressor(), cv=list(KFold(4).split(X))).fit(X, named(late))
