"""Primitives against their NumPy equivalents."""

import numpy as np
import pytest

from fastl1 import _runtime


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64, 1001])
def test_soft_threshold(n):
    x = np.random.default_rng(n).standard_normal(n)
    out = np.empty(n)
    _runtime.soft_threshold(x, 0.5, out)
    np.testing.assert_allclose(out, np.sign(x) * np.maximum(np.abs(x) - 0.5, 0))


def long_logistic(y, eta):
    """Loss, minus its derivative and curvature in extended precision."""
    m = np.where(y > 0.5, eta, -eta).astype(np.longdouble)
    e = np.exp(-np.abs(m))
    loss = np.log1p(e) + np.maximum(-m, 0)
    miss = np.where(m >= 0, e / (1 + e), 1 / (1 + e))
    return loss, np.where(y > 0.5, miss, -miss), e / (1 + e) ** 2


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_logistic_kernel_is_within_a_few_ulp(y):
    edge = [0.0, 1e-300, 1e-16, 0.5, 1.0, 36.7, 700.0, 707.0]
    grid = np.concatenate([np.linspace(-707, 707, 40001), np.linspace(-3, 3, 20001)])
    eta = np.concatenate([grid, edge, np.negative(edge)])
    expected = long_logistic(y, eta)
    n = len(eta)
    target, ones = np.full(n, y), np.ones(n)
    _, v, h, young = _runtime.evaluate_loss(1, target, eta, ones)
    for got, want in zip((v, h), expected[1:], strict=True):
        assert np.max(np.abs(got - want) / np.abs(want)) < 8e-16
    # the value is a sum: one sample at a time
    for i in range(0, n, 97):
        one = slice(i, i + 1)
        value = _runtime.evaluate_loss(1, target[one], eta[one], ones[one])[0]
        assert abs(value - expected[0][i]) <= 5e-16 * expected[0][i]
    assert 0 <= young < 1e-15 * n


def test_logistic_kernel_saturates_without_overflow():
    eta = np.array([1e4, -1e4, 1e308, -1e308])
    y = np.array([1.0, 0.0, 0.0, 1.0])
    value, v, h, _ = _runtime.evaluate_loss(1, y, eta, np.full(4, 0.25))
    assert value == pytest.approx(0.5e308)
    np.testing.assert_allclose(v, [0, 0, -0.25, 0.25], atol=1e-300)
    assert np.all(np.isfinite(h))
    assert np.all(h >= 0)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000])
def test_squared_kernel(n):
    rng = np.random.default_rng(n)
    y, eta, s = rng.standard_normal((3, n))
    s = np.abs(s)
    value, v, h, young = _runtime.evaluate_loss(0, y, eta, s)
    assert value == pytest.approx(np.sum(s * (y - eta) ** 2) / 2)
    np.testing.assert_allclose(v, s * (y - eta))
    np.testing.assert_array_equal(h, s)
    assert young == pytest.approx(0, abs=1e-14)
