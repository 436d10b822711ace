"""How well a risk orders times to an event, and hazards from it.

Both take time (n log n): rows are sorted once, and pairs counted without listing them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.problem.scalars import check_real
from fastl1.problem.survival import Survival, check_survival
from fastl1.problem.vectors import check_vector

Array = np.ndarray

# Risks as close as this are equal, as in scikit-survival.
TIED = 1e-8


@public
def concordance_index(
    y: Any,
    risk: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    tied: float = TIED,
) -> float:
    """Harrell's concordance: how often the row of higher risk has its event first.

    Two rows can be compared where one has its event while the other is under
    observation and goes on without one: its time is later, or the same and censored.
    The index is the share of such pairs in which the first to have its event has the
    higher risk; equal risks count one half [1]_.

    Parameters
    ----------
    y : structured array of shape (n_samples,), or array-like of 2 or 3 columns
        (event, time[, entry]), as for ``loss="cox"``.  With entries, a pair needs the
        later row to be under observation at the event of the other.
    risk : array-like of shape (n_samples,)
        Higher means an earlier event, such as the linear predictor of a Cox model.
    sample_weight : array-like of shape (n_samples,), optional
        >= 0; a pair counts the product of its weights.
    strata : array-like of shape (n_samples,), optional
        Pairs are of the same stratum only.
    tied : float, default 1e-8
        Risks that differ by no more are equal.

    Returns
    -------
    float
        1 for the right order throughout, 0.5 for a constant risk.

    Raises
    ------
    ValueError, TypeError
        On bad input, and if no two rows can be compared.

    References
    ----------
    .. [1] Harrell, F. E., Lee, K. L., & Mark, D. B. (1996). Multivariable prognostic
       models. Statistics in Medicine, 15(4), 361-387.

    Examples
    --------
    >>> from fastl1 import concordance_index
    >>> y = [[1, 2.0], [1, 3.0], [0, 3.0], [1, 7.0]]
    >>> concordance_index(y, [3.0, 1.0, 1.0, 0.5])
    0.9
    """
    survival = check_survival(y, len(y), strata)
    n = len(survival.time)
    risk = check_vector("risk", risk, n)
    weight = None
    if sample_weight is not None:
        weight = check_vector("sample_weight", sample_weight, n)
        if (weight < 0).any():
            i = int(np.argmax(weight < 0))
            raise ValueError(f"sample_weight is negative ({weight[i]}) at row {i}")
    tied = check_real("tied", tied, 0.0)
    return float(concordances(survival, risk[:, None], weight, tied)[0])


def structured(survival: Survival) -> Array:
    """Rows as scikit-survival has them: fields event (bool), time[, entry]."""
    times = {"time": survival.time, "entry": survival.entry}
    fields = {name: part for name, part in times.items() if part is not None}
    kinds = [("event", bool), *((name, np.float64) for name in fields)]
    out = np.empty(len(survival.event), dtype=kinds)
    for name, part in {"event": survival.event, **fields}.items():
        out[name] = part
    return out


def concordances(
    survival: Survival, risks: Array, weight: Array | None, tied: float = TIED
) -> Array:
    """`concordance_index` of each column of `risks`, (n, K): (K,)."""
    n = len(survival.time)
    s = np.ones(n) if weight is None else weight
    cases = np.flatnonzero(survival.event & (s > 0))
    spans = _who_goes_on(survival, cases)
    ours = s[cases]
    comparable = sum(sign * (ours @ span.sums(s)) for sign, span in spans)
    if not comparable > 0:
        raise ValueError(
            "no two rows can be compared: none has an event while another is under "
            "observation and goes on without one"
        )
    out = np.empty(risks.shape[1])
    for k, risk in enumerate(risks.T):
        order = np.argsort(risk, kind="stable")
        rank = np.empty(n, np.intp)
        rank[order] = np.arange(n)
        lower = np.searchsorted(risk[order], risk[cases] - tied, side="left")
        equal = np.searchsorted(risk[order], risk[cases] + tied, side="right")
        # a lower risk counts once, an equal one half: the mean of the two counts
        total = sum(
            sign * (ours @ span.sums_below(rank, s, bound))
            for sign, span in spans
            for bound in (lower, equal)
        )
        out[k] = 0.5 * total / comparable
    return out


def _who_goes_on(survival: Survival, cases: Array) -> list[tuple[float, "_Span"]]:
    """Of each case, those that can be compared with it: rows of its stratum whose time
    is later, or the same and censored, less those that enter at its time or later."""
    times = [survival.time] + ([] if survival.entry is None else [survival.entry])
    codes = np.unique(np.concatenate(times), return_inverse=True)[1].reshape(
        len(times), -1
    )
    time, size = 2 * codes[0], 2 * int(codes.max()) + 2
    base = np.zeros(1, np.intp) if survival.strata is None else size * survival.strata
    base = np.broadcast_to(base, time.shape)
    low, high = base[cases] + time[cases], base[cases] + size
    spans = [(1.0, _Span.of(base + time + ~survival.event, low + 1, high))]
    if survival.entry is not None:
        spans.append((-1.0, _Span.of(base + 2 * codes[1], low, high)))
    return spans


@dataclass(frozen=True)
class _Span:
    """Ranges of the rows in some order: ``order[first_q:last_q]`` for each query q."""

    order: Array
    first: Array
    last: Array

    @classmethod
    def of(cls, keys: Array, low: Array, high: Array) -> "_Span":
        """The rows with low_q <= key < high_q."""
        order = np.argsort(keys, kind="stable")
        return cls(order, *(np.searchsorted(keys[order], end) for end in (low, high)))

    def sums(self, s: Array) -> Array:
        """Of s over each range."""
        upto = np.concatenate([[0.0], np.cumsum(s[self.order])])
        return upto[self.last] - upto[self.first]

    def sums_below(self, rank: Array, s: Array, bound: Array) -> Array:
        """Of s over the rows of each range with rank < bound_q.

        Digit by digit, from the highest: the rows whose digit is 0 move to the front,
        in order, and so a range stays a range; where the bound's digit is 1 they are
        below it, and the search goes on among the others (a wavelet matrix).
        """
        values, s = rank[self.order], s[self.order]
        first, last = self.first, self.last
        total = np.zeros(len(bound))
        for digit in reversed(range(int(len(rank)).bit_length())):
            ones = (values >> digit) & 1 == 1
            zeros = np.concatenate([[0], np.cumsum(~ones)])
            weights = np.concatenate([[0.0], np.cumsum(np.where(ones, 0.0, s))])
            above = (bound >> digit) & 1 == 1
            total += np.where(above, weights[last] - weights[first], 0.0)
            first, last = (
                np.where(above, zeros[-1] + end - zeros[end], zeros[end])
                for end in (first, last)
            )
            values = np.concatenate([values[~ones], values[ones]])
            s = np.concatenate([s[~ones], s[ones]])
        return total


@dataclass(frozen=True)
class Baseline:
    """Cumulative hazard of each stratum at a linear predictor of `shift`: steps up to
    `cumulative[g]` at `times[g]`, for ``start[k] <= g < start[k + 1]`` in stratum k."""

    times: Array
    cumulative: Array
    start: Array
    shift: Array  # (strata,)

    @classmethod
    def of(
        cls, survival: Survival, eta: Array, weight: Array | None, ties: str
    ) -> "Baseline":
        """Breslow's estimate from the linear predictors (n,), or Efron's, which removes
        the deaths of one time from those at risk one by one."""
        n = len(survival.time)
        s = np.ones(n) if weight is None else weight
        code = np.zeros(n, np.intp) if survival.strata is None else survival.strata
        shift = np.full(int(code.max()) + 1, -np.inf)
        np.maximum.at(shift, code[s > 0], eta[s > 0])
        shift[np.isinf(shift)] = 0.0
        # lower ones count as that low, so that no set at risk vanishes
        e = s * np.exp(np.clip(eta - shift[code], -700.0, 0.0))
        dead = survival.event & (s > 0)
        start, parts = [0], []
        for own in _rows_by_code(code, len(shift)):
            cases = own[dead[own]]
            times, group = np.unique(survival.time[cases], return_inverse=True)
            at_risk = _sums_from(survival.time[own], e[own], times)
            if survival.entry is not None:
                at_risk -= _sums_from(survival.entry[own], e[own], times)
            count = np.bincount(group, minlength=len(times))
            lost = np.bincount(group, e[cases], minlength=len(times))
            deaths = np.bincount(group, s[cases], minlength=len(times))
            at_risk = np.maximum(at_risk, lost)  # but for rounding
            steps = deaths / at_risk
            if ties == "efron":
                each = np.sort(group)
                gone = np.arange(len(each)) - np.searchsorted(each, each)
                left = at_risk[each] - gone / count[each] * lost[each]
                steps = np.bincount(each, (deaths / count)[each] / left)
            parts.append((times, np.cumsum(steps)))
            start.append(start[-1] + len(times))
        times, cumulative = (np.concatenate(part) for part in zip(*parts, strict=True))
        return cls(times, cumulative, np.array(start), shift)

    def at(self, times: Array, eta: Array, code: Array) -> Array:
        """Cumulative hazards (n, m) at m times of rows of linear predictors (n,) and
        strata (n,)."""
        out = np.empty((len(eta), len(times)))
        for stratum, own in enumerate(_rows_by_code(code, len(self.shift))):
            span = slice(*self.start[stratum : stratum + 2])
            with np.errstate(divide="ignore"):
                steps = np.log(np.concatenate([[0.0], self.cumulative[span]]))
            base = steps[np.searchsorted(self.times[span], times, side="right")]
            log_hazard = eta[own, None] - self.shift[stratum] + base
            out[own] = np.exp(np.minimum(log_hazard, 709.0))
        return out


def _rows_by_code(code: Array, count: int) -> list[Array]:
    """Row numbers of each code below `count`."""
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(1, count))
    return np.split(order, ends)


def _sums_from(keys: Array, values: Array, bounds: Array) -> Array:
    """Sums of the values whose keys are at each bound or above it."""
    order = np.argsort(keys, kind="stable")
    upto = np.concatenate([np.cumsum(values[order][::-1])[::-1], [0.0]])
    return upto[np.searchsorted(keys[order], bounds)]
