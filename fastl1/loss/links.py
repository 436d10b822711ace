"""Links: from the linear predictor eta to the response, in NumPy alone.

One row a link, shared by the losses, the artifact and prediction.  `inverse` maps eta
of shape (n,) or (n, n_outputs) to the response of the same shape; only softmax mixes
the outputs of a row.  A link that `classifies` belongs to a model with labels: two, of
which the second is predicted where ``eta > cut``, when there is one output; else one
label an output, and the largest eta wins.  `slope` bounds the response's change by that
of eta (in the maximum norm over outputs); None where no constant does.  Of a
`symmetric` link of two labels either is as likely at eta as the other at -eta.  `title`
is a model with the link in words, where nothing says what loss it is from.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Link(NamedTuple):
    """How the linear predictor becomes a response; see the module."""

    inverse: Callable[[np.ndarray], np.ndarray]
    title: str
    slope: float | None = 1.0
    classifies: bool = False
    probability: bool = False
    cut: float = 0.0
    symmetric: bool = False


def _identity(eta):
    return eta


def logistic(eta: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-eta)) without overflow."""
    small = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0, small) / (1.0 + small)


def normal_cdf(eta: np.ndarray) -> np.ndarray:
    """Standard normal distribution function, accurate in both tails."""
    # erfc keeps its relative accuracy where the probability is tiny
    values = [0.5 * math.erfc(z) for z in (eta * -math.sqrt(0.5)).ravel().tolist()]
    return np.array(values, np.float64).reshape(np.shape(eta))


def clipped_exp(eta: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """exp(eta), and e^708 beyond, as the kernels have it."""
    return np.exp(np.minimum(eta, 708.0, out=out), out=out)


def _cloglog(eta):
    return -np.expm1(-clipped_exp(eta))


def softmax(eta: np.ndarray) -> np.ndarray:
    """exp(eta_k) / sum_l exp(eta_l) over the last axis, without overflow."""
    e = np.exp(eta - eta.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


LINKS = {
    "identity": Link(_identity, "linear regression"),
    "log": Link(clipped_exp, "regression with a log link", slope=None),
    "logit": Link(
        logistic,
        "logistic regression",
        slope=0.25,
        classifies=True,
        probability=True,
        symmetric=True,
    ),
    "probit": Link(
        normal_cdf,
        "probit regression",
        slope=1 / math.sqrt(2 * math.pi),
        classifies=True,
        probability=True,
        symmetric=True,
    ),
    "cloglog": Link(
        _cloglog,
        "complementary log-log regression",
        slope=math.exp(-1),
        classifies=True,
        probability=True,
        cut=math.log(math.log(2)),
    ),
    # sum over outputs of |d p_k / d eta_l| is 2 p_k (1 - p_k)
    "softmax": Link(
        softmax, "multinomial regression", slope=0.5, classifies=True, probability=True
    ),
    # labels by the sign, as of hinge losses; the response is eta itself
    "decision": Link(_identity, "linear classifier", classifies=True),
}


def labels(link: str, eta: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The label that `link` gives each row of `eta`, (n,) or (n, n_outputs)."""
    if eta.ndim == 2:
        return classes[eta.argmax(axis=1)]
    return classes[(eta > LINKS[link].cut).astype(np.intp)]
