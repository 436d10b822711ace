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


def test_log1p_is_within_two_ulp():
    """The logistic loss of one row at a margin m >= 0 is the log1p of what exp(-m) is
    there, which the poisson loss has for a curvature at -m."""
    margins = np.r_[np.linspace(0, 40, 4001), np.geomspace(1e-8, 700, 2000)]
    one = np.ones(1)
    e = _runtime.evaluate_loss(2, np.ones(6001), -margins, np.ones(6001))[2]
    got = np.array(
        [
            _runtime.evaluate_loss(1, one, margins[i : i + 1], one)[0]
            for i in range(6001)
        ]
    )
    exact = np.log1p(e.astype(np.longdouble))
    assert np.max(np.abs(got - exact) / np.spacing(exact.astype(float))) <= 2.0
    exact = np.exp(-margins.astype(np.longdouble))
    assert np.max(np.abs(e - exact) / np.spacing(exact.astype(float))) <= 2.0


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


def test_exp_is_within_two_ulp_over_the_whole_range():
    """The curvature of the poisson loss is exp(eta)."""
    eta = np.concatenate(
        [np.linspace(-708, 708, 50001), np.linspace(-2, 2, 20001), [1e-300, -1e-300, 0]]
    )
    n = len(eta)
    _, _, mu, _ = _runtime.evaluate_loss(2, np.ones(n), eta, np.ones(n))
    want = np.exp(eta.astype(np.longdouble))
    assert np.max(np.abs(mu - want) / np.spacing(want.astype(np.float64))) <= 2
    for end in (np.inf, 1e308, 709.0, -709.0, -np.inf):
        with np.errstate(over="ignore"):
            _, v, mu, _ = _runtime.evaluate_loss(2, *np.array([[1.0], [end], [1.0]]))
        assert mu[0] == (np.exp(708.0) if end > 0 else np.exp(-708.0)) or (
            abs(mu[0] / np.exp(np.copysign(708.0, end)) - 1) < 1e-15
        )


def test_log_is_within_two_ulp_over_the_whole_range():
    """The poisson loss at eta = 0 is y log y - y + 1, one row at a time."""
    rng = np.random.default_rng(0)
    far = np.exp(rng.uniform(3, 320, 1500))
    for y in np.concatenate([far, 1 / far, [10.0, 1e300]]):
        one = np.ones(1)
        value = _runtime.evaluate_loss(2, y * one, 0 * one, one)[0]
        exact = np.longdouble(y)
        want = exact * np.log(exact) - exact + 1
        # log y, y log y, the difference and the sum: half an ulp each but the log's two
        assert abs(value - want) <= 2.5 * np.spacing(float(max(want, 1.0))) + 2 * (
            np.spacing(float(y * abs(np.log(y))))
        )


@pytest.mark.parametrize("y", [1.0, 37.0, 1e6])
def test_the_poisson_loss_keeps_its_digits_near_a_perfect_fit(y):
    one = np.ones(1)
    for step in 10.0 ** np.arange(-1.0, -12.0, -1):
        eta = np.log(y) + step
        value = _runtime.evaluate_loss(2, y * one, eta * one, one)[0]
        exact = np.longdouble(eta)
        d = exact - np.log(np.longdouble(y))
        want = np.longdouble(y) * (np.expm1(d) - d)
        # eta itself carries half an ulp, and so does exp(eta)
        assert abs(value - want) <= 1e-15 * (1 + abs(eta)) * y * (2 * step + 1e-15)


@pytest.mark.parametrize(("n", "K"), [(1, 2), (7, 3), (128, 5), (1001, 20)])
def test_softmax_kernel(n, K):
    rng = np.random.default_rng(n)
    eta = np.asfortranarray(rng.standard_normal((n, K)) * 20.0)
    label = rng.integers(0, K, n).astype(np.int32)
    s = rng.random(n)
    value, P, V, young = _runtime.evaluate_softmax(label, eta, s)
    z = eta.astype(np.longdouble)
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    own = np.arange(n), label
    # e^z carries the rounding of z, which is up to 200
    np.testing.assert_allclose(P, e / total, rtol=4e-14)
    expected = -e / total * s[:, None]
    rest = e.copy()
    rest[own] = 0.0
    expected[own] = s * rest.sum(axis=1) / total[:, 0]
    np.testing.assert_allclose(V, expected, rtol=4e-14)
    loss = np.log(total[:, 0]) - z[own]
    assert value == pytest.approx(float(s @ loss), rel=1e-14)
    assert 0 <= young < 1e-14 * n
    half = _runtime.evaluate_softmax(label, eta, s, 0.5)[3]
    q = 0.5 * np.eye(K)[label] + 0.5 * (e / total)
    entropy = (q * (np.log(q) - (z - np.log(total)))).sum(axis=1)
    assert half == pytest.approx(float(s @ entropy), rel=1e-12)


def test_softmax_kernel_saturates_without_overflow():
    eta = np.array([[1e4, -1e4, 0.0], [-1e308, 1e308, 0.0]], order="F")
    label = np.array([0, 0], dtype=np.int32)
    value, P, V, young = _runtime.evaluate_softmax(label, eta, np.array([0.5, 0.5]))
    assert np.isfinite(P).all()
    assert np.isfinite(V).all()
    np.testing.assert_allclose(V, [[0, 0, 0], [0.5, -0.5, 0]], atol=1e-300)
    assert value == np.inf or value > 1e307
    assert young >= 0
