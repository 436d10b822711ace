"""A model with coefficients of fewer bits, judged by what that does to predictions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1.artifact import compress
from fastl1.artifact.weights import Weights
from fastl1.data.kinds import Boolean, Number
from fastl1.loss.links import LINKS
from fastl1.metrics.quality import deviance, fit_quality, loss_of
from fastl1.model.edit import replaced

WIDE = 4.0  # standard deviations around the mean that a bound without rows holds for
NAMED = 20  # features that a report names


def quantize(
    model: Any,
    precision: str,
    X: Any,
    ranges: ArrayLike | None,
    *,
    y: ArrayLike | None,
    offset: ArrayLike | None,
    max_error: float | None,
    max_increase: float,
) -> tuple[Weights, dict[str, Any]]:
    """The coefficients and the report of `SparseModel.quantize`."""
    if y is not None and X is None:
        raise ValueError("y without X")
    if not max_increase >= 0:
        raise ValueError(f"max_increase must be at least 0, got {max_increase}")
    used = None if X is None else model.slot_columns(X)
    std = spread(model, used)
    source, low, high = _ranges(model, used, ranges, std)
    before = model.weights
    after = compress.quantize(before, precision, std)
    link_bound = float(compress.link_bound(before, after, low, high).max())
    report = {
        "precision": precision,
        "before": model.precision,
        "dropped": model.nnz - after.nnz,
        "zeroed": _zeroed(model, after),
        "ranges": source,
        "bound": compress.response_bound(model.link, link_bound),
        "link_bound": link_bound,
    }
    if max_error is not None and not report["bound"] <= max_error:
        raise ValueError(
            f"{precision} may change a prediction by {report['bound']:.3g}, more "
            f"than max_error={max_error:g}"
        )
    if X is not None:
        report |= _on_rows(model, after, X, y, offset)
    elif std is not None and np.isfinite(std).all():
        centred = model.link == "softmax"
        report["judged_by"] = "std"
        report["increase"] = compress.lost_share(before, after, std, centred)
    else:
        report |= {"judged_by": None, "increase": None}
    _refuse_worse(report, max_increase)
    return after, report


def _refuse_worse(report, max_increase):
    increase = report["increase"]
    if increase is None or increase <= max_increase:
        return
    what = {
        "deviance": "the deviance of these rows grows by",
        "data": "on these rows the model loses, of what it explains,",
        "std": "the model loses, by the standard deviations of its features, of what "
        "it explains",
    }[report["judged_by"]]
    zeroed = report["zeroed"]
    lost = f"; {listed(zeroed)} would become zero" if zeroed["count"] else ""
    raise ValueError(
        f"with {report['precision']} {what} {100 * increase:.2g} %, more than "
        f"{100 * max_increase:g} %{lost}; take more bits, or allow it by max_increase"
    )


def listed(zeroed: dict[str, Any]) -> str:
    """Features that became zero, in words."""
    names = ", ".join(str(name) for name in zeroed["features"])
    more = zeroed["count"] - len(zeroed["features"])
    return f"{names} and {more:,} more" if more else names


def _zeroed(model, after):
    gone = np.flatnonzero(~np.isin(model.features, after.features)).tolist()
    names = model.kept_names() if model.has_names else model.features.tolist()
    return {"count": len(gone), "features": [names[k] for k in gone[:NAMED]]}


def _on_rows(model, after, X, y, offset):
    """What changes on rows: predictions, metrics, and by how much it is worse."""
    small = replaced(model, after, "quantization", {})
    eta, new = model.predict(X, "link"), small.predict(X, "link")
    response = model.predict(X)
    change = np.abs(small.predict(X) - response)
    if LINKS[model.link].slope is None:
        change = change / response
    report = {
        "rows": len(eta),
        "largest_change": float(change.max(initial=0.0)),
        "mean_change": float(change.mean()) if change.size else 0.0,
    }
    if y is not None:
        shift = 0.0 if offset is None else np.asarray(offset, np.float64)
        loss = loss_of(model.link, model.metadata)
        both = [
            fit_quality(loss, y, part + shift, model.classes) for part in (eta, new)
        ]
        report["quality_before"], report["quality_after"] = both
        if not loss.survival:
            old, worse = (
                deviance(loss, y, part + shift, model.classes) for part in (eta, new)
            )
            report["judged_by"] = "deviance"
            report["increase"] = _share(worse - old, old)
            return report
    moved = new - eta
    if model.link == "softmax":
        moved = moved - moved.mean(axis=1, keepdims=True)
        eta = eta - eta.mean(axis=1, keepdims=True)
    explained = float(np.mean((eta - eta.mean(axis=0)) ** 2)) if eta.size else 0.0
    report["judged_by"] = "data"
    report["increase"] = _share(
        float(np.mean(moved**2)) if eta.size else 0.0, explained
    )
    return report


def _share(part, whole):
    if part <= 0:
        return 0.0
    return part / whole if whole > 0 else float(np.finfo(np.float64).max)


def spread(model, used):
    """Standard deviation of each slot, NaN where unknown; None where nothing is.

    Of categories that a treatment tells nothing of, it is the largest that is possible.
    """
    if used is not None:
        return compress.spread(used)
    if model.columns is None:
        return None
    std = model.columns.std_of(model.features)
    if np.isnan(std).any():
        number = _numbers(model)
        std[np.isnan(std) & ~number] = 0.5
    return std


def _numbers(model):
    """Which slots are the values of columns of numbers."""
    out = np.zeros(len(model.features), bool)
    if model.nnz:
        for column, _, slots, _ in model.columns.in_use(model.features):
            if 0 in slots and isinstance(column, Number):
                out[slots[0]] = not isinstance(column, Boolean)
    return out


def _ranges(model, used, ranges, std):
    """Where the ranges are from, and the two ends for each slot."""
    count = len(model.features)
    if ranges is not None:
        ends = np.array(ranges, np.float64)
        if ends.ndim < 2:
            ends = np.stack([-ends, ends])
        if ends.ndim == 1:
            ends = np.repeat(ends[:, None], model.n_features, axis=1)
        if ends.shape != (2, model.n_features):
            raise ValueError(
                f"ranges has shape {np.shape(ranges)}; a number, "
                f"({model.n_features},) or (2, {model.n_features}) is expected"
            )
        low, high = ends[:, model.features]
        if not (low <= high).all() or not np.isfinite(ends).all():
            raise ValueError("ranges must be finite, the low end first")
        return "given", low, high
    if used is not None:
        return "data", *compress.ranges(used)
    if std is None or np.isnan(std).any():
        return "unit", np.full(count, -1.0), np.ones(count)
    low, high = np.zeros(count), np.ones(count)
    for slot in np.flatnonzero(_numbers(model)).tolist():
        mean = model.columns.source(int(model.features[slot])).mean
        low[slot], high[slot] = mean - WIDE * std[slot], mean + WIDE * std[slot]
    return "std", low, high
