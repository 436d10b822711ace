"""Metrics: their definitions, their weights, and that all who judge take them."""

import numpy as np
import pytest
from oracles.cox import twin

import fastl1
from fastl1.loss.losses import LOSSES, Multinomial, as_loss
from fastl1.metrics import metrics
from fastl1.metrics.metrics import METRICS
from fastl1.metrics.quality import fit_quality
from fastl1.problem.survival import check_survival
from fastl1.select.scoring import OWN, SCORERS, Scoring
from fastl1.workflow.evaluate import evaluate
from fastl1.workflow.prepare import Rows

N, K = 50, 3
ALL = [as_loss(name) for name in LOSSES]
by_name = {"ids": lambda loss: loss.name}


def make(loss, weighted=True, seed=0):
    """y as metrics take it, y as a user has it, eta (N, K), weights 0 to 2."""
    rng = np.random.default_rng(seed)
    eta = rng.standard_normal((N, K)).round(1)  # with ties
    weight = rng.integers(0, 3, N).astype(float) if weighted else None
    y = rng.gamma(2.0, 1.0, N)
    if loss.labels:
        y = rng.integers(0, 2, N).astype(float)
    if isinstance(loss, Multinomial):
        y, eta = rng.integers(0, 4, N).astype(float), rng.standard_normal((N, K, 4))
    if loss.name == "cox":
        table = np.column_stack([rng.random(N) < 0.7, y.round(1)])
        return check_survival(table, N, None), table, eta, weight
    return y, y, eta, weight


def suiting(loss):
    return {n: m for n, m in METRICS.items() if m.compute and m.suits(loss)}


@pytest.mark.parametrize("loss", ALL, **by_name)
def test_a_weight_of_two_is_a_row_twice(loss):
    y, raw, eta, weight = make(loss)
    rows = np.repeat(np.arange(N), weight.astype(int))
    twice = y.take(rows) if loss.name == "cox" else y[rows]
    assert suiting(loss)
    for name, metric in suiting(loss).items():
        ours = metric.compute(loss, y, eta, weight)
        assert ours.shape == (K,)
        assert np.isfinite(ours).all(), name
        expected = metric.compute(loss, twice, eta[rows], None)
        np.testing.assert_allclose(ours, expected, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("loss", ALL, **by_name)
def test_one_model_of_many_is_judged_as_alone(loss):
    y, _, eta, weight = make(loss)
    for name, metric in suiting(loss).items():
        together = metric.compute(loss, y, eta, weight)
        alone = [metric.compute(loss, y, eta[:, [k]], weight)[0] for k in range(K)]
        np.testing.assert_allclose(together, alone, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_definitions(weighted):
    loss = fastl1.Poisson()
    y, _, eta, weight = make(loss, weighted)
    s = np.ones(N) if weight is None else weight
    expected = {name: [] for name in suiting(loss)}
    for column in eta.T:
        mu = np.exp(column)
        mean = s @ y / s.sum()
        mse = s @ (y - mu) ** 2 / s.sum()
        half = s @ (y * np.log(y / mu) - y + mu) / s.sum()
        parts = {
            "mse": mse,
            "rmse": mse**0.5,
            "mae": s @ abs(y - mu) / s.sum(),
            "r2": 1 - mse / (s @ (y - mean) ** 2 / s.sum()),
            "deviance": 2 * half,
            "huber": half,
            "pinball": half,
            "coverage": s @ (y <= mu) / s.sum(),
            "ratio": s @ mu / (s @ y),
        }
        for name, value in parts.items():
            expected[name].append(value)
    for name, values in expected.items():
        got = METRICS[name].compute(loss, y, eta, weight)
        np.testing.assert_allclose(got, values, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_partial_deviance_has_its_definition(ties):
    loss = fastl1.Cox(ties)
    y, table, eta, _ = make(loss)
    strata = np.arange(N) % 2
    weight = np.ones(N)
    weight[::7] = 0.0
    kept = weight > 0
    got = metrics.partial_deviance(loss, check_survival(table, N, strata), eta, weight)
    expected = [
        2 * kept.sum() * twin(e[kept], table[kept], ties, weight[kept], strata[kept])
        for e in eta.T
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_where_a_metric_has_no_meaning_it_is_nan():
    one, eta = np.ones(3), np.zeros((3, 2))
    for name, loss, y in (
        ("r2", "squared", one),
        ("auc", "logistic", one),
        ("auc", "multinomial", one),
        ("ratio", "squared", -one),
    ):
        scores = np.zeros((3, 2, 2)) if loss == "multinomial" else eta
        assert np.isnan(METRICS[name].compute(as_loss(loss), y, scores, None)).all()
    table = np.array([[0, 1.0]] * 3)
    censored = check_survival(table, 3, None, need_event=False)
    assert np.isnan(metrics.mean_deviance(fastl1.Cox(), censored, eta, None)).all()
    report = evaluate(fastl1.Cox(), Rows(None, table), eta[:, 0], eta[:, 1])
    assert report == {"deviance": None, "explained": None, "concordance": None}
    assert np.isnan(metrics.deviance_explained(1.0, 0.0))


@pytest.mark.parametrize("loss", ALL, **by_name)
def test_cross_validation_reports_and_pruning_tell_the_same(loss):
    y, raw, eta, _ = make(loss)
    null = 0.0 * eta[:, 0]
    report = evaluate(loss, Rows(None, raw), eta[:, 1], null)
    assert {*loss.metrics} <= {*report} <= {*METRICS}
    classes = np.arange(4.0) if isinstance(loss, Multinomial) else np.arange(2.0)
    quality = fit_quality(loss, raw, eta[:, 1], classes if loss.labels else None)
    names = {
        f"{loss.name}_deviance": "deviance",
        "huber_loss": "huber",
        "quantile_loss": "pinball",
    }
    for name, value in quality.items():
        known = names.get(name, name)
        if known == "error_rate":
            assert value == pytest.approx(1 - report["accuracy"])
        else:
            assert value == pytest.approx(report[known], rel=1e-12)
    assert quality
    for name in (*OWN, *SCORERS):
        metric, sign = SCORERS.get(name, (name, 1))
        of_training = (metric, loss.name) == ("deviance", "cox")
        if of_training or not METRICS[metric].suits(loss):
            continue
        scoring = Scoring.resolve(name, loss)
        assert (scoring.metric, scoring.sign) == (metric, sign)
        if metric in report:
            ours = METRICS[metric].compute(loss, y, eta, None)[1]
            assert ours == pytest.approx(report[metric], rel=1e-12)


def test_titles_and_directions_are_complete():
    for name, metric in METRICS.items():
        assert metric.title, name
        assert metric.larger in (True, False, None)
    for kind in LOSSES.values():
        assert {*kind.metrics} <= {*METRICS}
