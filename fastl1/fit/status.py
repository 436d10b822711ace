"""How a solve ended, and what is the same for every kind of fit."""

from collections.abc import Callable
from typing import Any

from fastl1._runtime import MAX_ABS
from fastl1.kernels.solver._solver import STATUS_CODES

MAX_ITER = 500

# How a solve ended ...
CONVERGED, UNCONVERGED = STATUS_CODES["converged"], STATUS_CODES["unconverged"]
NOT_SOLVED, FAILED = STATUS_CODES["not_solved"], STATUS_CODES["failed"]
# ... and why a problem of `fit_ragged` was not solved.
BAD_VALUE, NO_ROWS = STATUS_CODES["bad_value"], STATUS_CODES["no_rows"]
ONE_CLASS, OUTSIDE_DOMAIN = STATUS_CODES["one_class"], STATUS_CODES["outside_domain"]

Callback = Callable[[int, dict[str, Any]], Any]

# What a status means.
STATUS = {
    CONVERGED: "converged",
    UNCONVERGED: "the gap is above tol, after max_iter iterations or at a standstill",
    NOT_SOLVED: "not solved: the fit was stopped before",
    FAILED: "a numerical failure",
    BAD_VALUE: f"NaN, infinity or a value beyond {MAX_ABS:g}, or a negative weight",
    NO_ROWS: "no rows of positive weight",
    ONE_CLASS: "one class only",
    OUTSIDE_DOMAIN: "values of y that the loss is not defined for",
}
