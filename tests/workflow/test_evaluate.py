"""Metrics and calibration of reports."""

import numpy as np
import pytest

import fastl1
from fastl1.loss.losses import as_loss
from fastl1.workflow.evaluate import evaluate, tenths
from fastl1.workflow.prepare import Rows


def test_a_row_twice_is_a_weight_of_two():
    """Weights reach all metrics, also those of the calibration."""
    rng = np.random.default_rng(0)
    a, years = rng.standard_normal(300), rng.uniform(0.2, 2, 300)
    weight = 1.0 + (np.arange(300) % 3 == 0)
    twice = np.repeat(np.arange(300), weight.astype(int))
    claims = rng.poisson(years * np.exp(0.8 * a)).astype(float)
    rows = Rows(None, claims, weight, np.log(years))
    again = Rows(None, rows.y[twice], None, rows.offset[twice])
    eta, null = 0.5 * a + rows.offset, rows.offset
    got = evaluate(as_loss("poisson"), rows, eta, null)
    assert got == pytest.approx(
        evaluate(as_loss("poisson"), again, eta[twice], null[twice])
    )
    y = (0.8 * a + rng.logistic(size=300) > 0).astype(float)
    got = evaluate(as_loss("logistic"), Rows(None, y, rows.weight), eta, null)
    assert got == pytest.approx(
        evaluate(as_loss("logistic"), Rows(None, y[twice]), eta[twice], null[twice])
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_match_scikit_learn(weighted):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    w = rng.random(200) if weighted else None
    s = {"sample_weight": w}
    eta = rng.normal(size=200).round(1)  # with ties
    null = np.zeros(200)

    def got(loss, y, eta=eta, null=null):
        return evaluate(as_loss(loss), Rows(None, y, w), eta, null)

    y = (rng.random(200) < 0.3).astype(float)
    p = 1 / (1 + np.exp(-eta))
    loss = metrics.log_loss(y, p, **s)
    assert got("logistic", y) == pytest.approx(
        {
            "deviance": 2 * loss,
            "log_loss": loss,
            "explained": 1 - loss / np.log(2),
            "auc": metrics.roc_auc_score(y, eta, **s),
            "brier": metrics.brier_score_loss(y, p, **s),
            "accuracy": metrics.accuracy_score(y, eta > 0, **s),
        }
    )
    t = rng.normal(size=200) + eta
    found = got("squared", t)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(t, eta, **s))
    assert found["r2"] == pytest.approx(metrics.r2_score(t, eta, **s))
    found = evaluate(fastl1.Quantile(0.8), Rows(None, t, w), eta, null)
    pinball = metrics.mean_pinball_loss(t, eta, alpha=0.8, **s)
    assert found["pinball"] == pytest.approx(pinball)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(t, eta, **s))
    assert found["coverage"] == pytest.approx(np.average(t <= eta, weights=w))
    for loss, power in (("poisson", 1), ("gamma", 2), ("tweedie", 1.5)):
        y = rng.gamma(2, np.exp(eta))
        found = got(loss, y)
        mean = np.exp(eta)
        deviance = metrics.mean_tweedie_deviance(y, mean, power=power, **s)
        assert found["deviance"] == pytest.approx(deviance)
        ratio = np.average(mean, weights=w) / np.average(y, weights=w)
        assert found["ratio"] == pytest.approx(ratio)
    y = rng.integers(0, 3, 200).astype(float)
    etas = rng.normal(size=(200, 3))
    share = np.exp(etas) / np.exp(etas).sum(axis=1, keepdims=True)
    found = got("multinomial", y, etas, 0 * etas)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, share, **s))
    assert found["accuracy"] == pytest.approx(
        metrics.accuracy_score(y, etas.argmax(axis=1), **s)
    )
    each = [metrics.roc_auc_score(y == k, share[:, k], **s) for k in range(3)]
    assert found["auc"] == pytest.approx(np.mean(each))


def test_metrics_without_a_meaning_are_none():
    ones = Rows(None, np.ones(3))
    assert evaluate(as_loss("logistic"), ones, np.ones(3), np.zeros(3))["auc"] is None
    assert evaluate(as_loss("squared"), ones, np.ones(3), np.ones(3))["r2"] is None
    alone = Rows(None, np.array([[1.0, 1.0], [0.0, 0.5]]))
    found = evaluate(as_loss("cox"), alone, np.ones(2), np.zeros(2))
    assert found["concordance"] is None


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_cox_deviance_is_that_of_the_partial_likelihood(ties):
    rng = np.random.default_rng(1)
    time = rng.integers(1, 9, 40).astype(float)  # with ties
    event, eta = rng.random(40) < 0.7, rng.normal(size=40)
    value = 0.0
    for t in np.unique(time[event]):
        dead, at_risk = event & (time == t), np.exp(eta[time >= t]).sum()
        ours, m = np.exp(eta[dead]).sum(), dead.sum()
        share = np.arange(m) / m if ties == "efron" else np.zeros(m)
        value += eta[dead].sum() - np.log(at_risk - share * ours).sum()
    rows = Rows(None, np.column_stack([event, time]))
    loss = fastl1.Cox(ties)
    differ = evaluate(loss, rows, eta, 0 * eta)
    zero = evaluate(loss, rows, 0 * eta, 0 * eta)
    null = 0.0
    for t in np.unique(time[event]):
        m, k = (event & (time == t)).sum(), (time >= t).sum()
        share = np.arange(m) if ties == "efron" else np.zeros(m)
        null -= np.log(k - share).sum()
    change = (differ["deviance"] - zero["deviance"]) * event.sum()
    assert change == pytest.approx(2 * (null - value))


def test_tenths_never_split_equal_values():
    rng = np.random.default_rng(0)
    values, weight = rng.integers(0, 25, 500).astype(float), rng.random(500)
    parts = tenths(values, weight)
    assert sorted(np.concatenate(parts).tolist()) == list(range(500))
    ends = [(values[part].min(), values[part].max()) for part in parts]
    assert all(a[1] < b[0] for a, b in zip(ends, ends[1:], strict=False))
    assert len(tenths(np.zeros(50), np.ones(50))) == 1
    even = tenths(np.arange(100.0), np.ones(100))
    assert [len(part) for part in even] == [10] * 10
