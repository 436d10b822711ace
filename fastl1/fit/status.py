"""How a solve ended, and what is the same for every kind of fit."""

from collections.abc import Callable
from typing import Any

MAX_ITER = 500

# the kernels' numbers, see kernels/solver/_state.pxd
CONVERGED, UNCONVERGED, NOT_SOLVED, FAILED = range(4)
Callback = Callable[[int, dict[str, Any]], Any]


# What a status means; 4 and above concern problems of `fit_ragged`.
STATUS = {
    0: "converged",
    1: "the gap is above tol, after max_iter iterations or at a standstill",
    2: "not solved: the fit was stopped before",
    3: "a numerical failure",
    4: "NaN, infinity or a value beyond 1e140, or a negative weight",
    5: "no rows of positive weight",
    6: "one class only",
    7: "values of y that the loss is not defined for",
}
OUTSIDE_DOMAIN = 7
