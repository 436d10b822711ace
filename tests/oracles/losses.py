"""One row a loss: its object, its twin in NumPy, and targets that it fits.

A twin is f, f' and f'' in eta, and the interval of f' (at a y) where the conjugate is
finite; the conjugate itself is found by bisection, whatever the loss.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

import fastl1


class Twin(NamedTuple):
    """See the module."""

    loss: object
    value: Callable
    slope: Callable
    curve: Callable
    low: Callable
    high: Callable
    target: Callable

    def conjugate(self, y, t):
        """sup over eta of t eta - f(eta); inf outside of the interval."""
        low, high = self.low(y), self.high(y)
        out = np.full(np.shape(t), np.inf)
        ok = (t >= low) & (t <= high)
        y, t = np.broadcast_to(y, np.shape(t))[ok], t[ok]
        left, right = np.full(t.shape, -740.0), np.full(t.shape, 740.0)
        for _ in range(64):
            mid = 0.5 * (left + right)
            with np.errstate(over="ignore"):
                above = self.slope(y, mid) > t
            left, right = np.where(above, left, mid), np.where(above, mid, right)
        with np.errstate(divide="ignore", over="ignore"):
            best = t * left - self.value(y, left)
            out[ok] = np.maximum(best, t * right - self.value(y, right))
        return out


def forever(y):
    return np.full(np.shape(y), np.inf)


def minus_forever(y):
    return np.full(np.shape(y), -np.inf)


def signed(y):
    return 2.0 * y - 1.0


def margins(value, slope, curve, low, high):
    """f, f', f'' and the interval for labels 0 and 1, from functions of the margin."""
    return (
        lambda y, eta: value(signed(y) * eta),
        lambda y, eta: signed(y) * slope(signed(y) * eta),
        lambda y, eta: curve(signed(y) * eta),
        lambda y: np.where(y > 0.5, low, -high),
        lambda y: np.where(y > 0.5, high, -low),
    )


def xlogy(y):
    return special.xlogy(y, y)


def tweedie(power):
    a, b = power - 1.0, 2.0 - power
    return (
        lambda y, eta: y * np.exp(-a * eta) / a + np.exp(b * eta) / b - y**b / (a * b),
        lambda y, eta: np.exp(b * eta) - y * np.exp(-a * eta),
        lambda y, eta: b * np.exp(b * eta) + a * y * np.exp(-a * eta),
        lambda y: np.where(y > 0, -np.inf, 0.0),
        forever,
    )


def mills(m):
    """phi / Phi."""
    return np.exp(-0.5 * m * m - 0.5 * np.log(2 * np.pi) - special.log_ndtr(m))


def cloglog_slope(mu):
    return -mu / np.expm1(np.minimum(mu, 700.0))


def cloglog(eta):
    """-log(1 - exp(-exp(eta)))."""
    small = np.minimum(eta, -30.0)
    return np.where(
        eta < -30, -small, -np.log(-np.expm1(-np.exp(np.maximum(eta, -30))))
    )


def labels(signal, rng):
    y = (signal - np.median(signal) + rng.logistic(size=len(signal)) > 0).astype(float)
    y[:2] = 0, 1
    return y


def counts(signal, rng):
    return rng.poisson(np.exp(np.clip(0.4 * signal + 0.5, -3, 4))).astype(float)


def positive(signal, rng):
    return np.exp(0.4 * signal) * rng.gamma(2.0, 0.5, len(signal))


def claims(signal, rng):
    return np.where(rng.random(len(signal)) < 0.4, 0.0, positive(signal, rng))


def heavy(signal, rng):
    return signal + rng.standard_t(1.5, len(signal))


TWINS = {
    "poisson": Twin(
        fastl1.Poisson(),
        lambda y, eta: np.exp(eta) - y * eta + xlogy(y) - y,
        lambda y, eta: np.exp(eta) - y,
        lambda y, eta: np.exp(eta),
        lambda y: -y,
        forever,
        counts,
    ),
    "gamma": Twin(
        fastl1.Gamma(),
        lambda y, eta: y * np.exp(-eta) - 1 - np.log(y) + eta,
        lambda y, eta: 1 - y * np.exp(-eta),
        lambda y, eta: y * np.exp(-eta),
        minus_forever,
        np.ones_like,
        positive,
    ),
    "tweedie": Twin(fastl1.Tweedie(1.5), *tweedie(1.5), claims),
    "tweedie near gamma": Twin(fastl1.Tweedie(1.9), *tweedie(1.9), claims),
    "squared_hinge": Twin(
        fastl1.SquaredHinge(),
        *margins(
            lambda m: 0.5 * np.maximum(1 - m, 0) ** 2,
            lambda m: -np.maximum(1 - m, 0),
            lambda m: (m < 1).astype(float),
            -np.inf,
            0.0,
        ),
        labels,
    ),
    "huber": Twin(
        fastl1.Huber(0.8),
        lambda y, eta: special.huber(0.8, y - eta),
        lambda y, eta: np.clip(eta - y, -0.8, 0.8),
        lambda y, eta: (np.abs(y - eta) <= 0.8).astype(float),
        lambda y: np.full(np.shape(y), -0.8),
        lambda y: np.full(np.shape(y), 0.8),
        heavy,
    ),
    "probit": Twin(
        fastl1.Probit(),
        *margins(
            lambda m: -special.log_ndtr(m),
            lambda m: -mills(m),
            lambda m: mills(m) * (mills(m) + m),
            -np.inf,
            0.0,
        ),
        labels,
    ),
    "cloglog": Twin(
        fastl1.CLogLog(),
        lambda y, eta: np.where(y > 0.5, -np.log(-np.expm1(-np.exp(eta))), np.exp(eta)),
        lambda y, eta: np.where(y > 0.5, cloglog_slope(np.exp(eta)), np.exp(eta)),
        lambda y, eta: np.where(
            y > 0.5,
            cloglog_slope(np.exp(eta)) * (cloglog_slope(np.exp(eta)) - np.exp(eta) + 1),
            np.exp(eta),
        ),
        lambda y: np.where(y > 0.5, -1.0, 0.0),
        lambda y: np.where(y > 0.5, 0.0, np.inf),
        labels,
    ),
}


def target(loss, signal, rng):
    """y that `loss`, a name of TWINS or "logistic", fits with a signal in eta."""
    return (TWINS[loss].target if loss in TWINS else labels)(signal, rng)


def as_loss(loss):
    """What `fastl1.path` takes for a name of this table, or of the package's."""
    return TWINS[loss].loss if loss in TWINS else loss
