"""Smaller models of a model: fewer bits, fewer coefficients, fewer columns.

Each is a method of `SparseModel`; a model does not change, they return another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastl1.artifact.content import Content
from fastl1.artifact.weights import Weights
from fastl1.infer.inputs import check_width, is_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastl1.data.columns import ColumnTreatment
    from fastl1.model.sparse_model import SparseModel


def quantize(
    model: SparseModel,
    precision: Literal["float32", "float16", "int8", "int4"],
    X: Any = None,
    *,
    ranges: ArrayLike | None = None,
    max_error: float | None = None,
    y: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    max_increase: float = 0.01,
) -> SparseModel:
    """The model with coefficients of fewer bits, and a bound on the change.

    Of int8 and int4, coefficients are told in units of one over the standard
    deviation of their feature where that is known, from `X` or from the column
    treatment, and where one unit for all features would not do: what counts is what
    a feature does to predictions, not how large its coefficient is.  Of a model
    that knows nothing of its features they are taken to be of like scale.
    Coefficients that round to zero are dropped.

    Parameters
    ----------
    precision : {"float32", "float16", "int8", "int4"}
    X : as in `predict`, optional
        Rows to take the ranges of the features from, and to report the change on.
    ranges : float, array (n_features,) or (2, n_features), optional
        Instead of those of `X`: the largest |x|, or the least and the largest x, of
        every feature.  With neither, those that the column treatment tells are
        taken, and for want of these |x| <= 1: the bound is then one per unit of the
        largest |x|.
    max_error : float, optional
        Largest bound that is acceptable.
    y : array (n,) or (n, n_outputs), optional
        With `X`: what should be predicted, to report and judge what the bits cost;
        of a Cox model (event, time[, entry]).
    offset : array (n,), optional
        Known part of the linear predictor of these rows, as the training had it.
    max_increase : float, default=0.01
        Largest increase of the deviance that is acceptable, as a share of it;
        without `y` (and of Cox models) the share of the variance of the linear
        predictor on `X` that changes, and without `X` the same by the standard
        deviations that the column treatment tells, for uncorrelated features.
        Where none of these is known, nothing is judged.

    Returns
    -------
    SparseModel
        Its ``metadata["quantization"]`` holds: ``precision``; ``before``, the
        precision there was; ``dropped``, the number of coefficients that became 0;
        ``zeroed``, the number ("count") and the first names ("features") of
        features that have no coefficient any more; ``ranges`` ("data", "given",
        "std": numbers within 4 standard deviations of their means; or "unit");
        ``bound``: no prediction (type "response") of a row within the ranges
        changes by more, relative to itself for the link "log"; ``link_bound``, the
        same for type "link"; ``increase``, what `max_increase` was held against,
        and ``judged_by`` ("deviance", "data", "std" or None); with `X` ``rows``,
        ``largest_change`` and ``mean_change`` of their predictions; and with `y`
        ``quality_before`` and ``quality_after``, the metrics that `prune` reports.

    Raises
    ------
    ValueError
        The bound exceeds `max_error`, or the increase `max_increase`; coefficients
        do not fit float16; bad input.
    """
    from fastl1.model.quantization import quantize

    weights, report = quantize(
        model,
        precision,
        X,
        ranges,
        y=y,
        offset=offset,
        max_error=max_error,
        max_increase=max_increase,
    )
    return replaced(model, weights, "quantization", report)


def prune(
    model: SparseModel,
    threshold: float | None = None,
    *,
    max_features: int | None = None,
    X: Any = None,
    y: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> SparseModel:
    """The model without its least important features.

    Importance of a feature is its largest absolute coefficient over the outputs,
    times its standard deviation over the rows of `X`, or without these over the
    rows of the training where the column treatment knows it.

    Parameters
    ----------
    threshold : float, optional
        Features of less importance go.
    max_features : int, optional
        At most so many stay, the most important ones (of equals the first).
    X : as in `predict`, optional
    y : array (n,) or (n, n_outputs), optional
        With `X`: what should be predicted, to report what the pruning costs; of a
        Cox model (event, time[, entry]).
    offset : array (n,), optional
        Known part of the linear predictor of these rows, as the training had it.

    Returns
    -------
    SparseModel
        Its ``metadata["pruning"]`` holds ``threshold`` and ``max_features`` as
        given, ``features`` and ``kept``, the numbers before and after; and with `X`
        and `y` ``rows``, ``before`` and ``after``, dicts of the metrics of the
        loss in ``metadata["loss"]`` (of models without, of the loss that goes with
        the link): rmse; huber_loss, quantile_loss; poisson_deviance and so on;
        error_rate, and log_loss where there are probabilities; concordance.

    Raises
    ------
    ValueError
        Neither or both of `threshold` and `max_features`, or bad input.
    """
    from fastl1.artifact import compress
    from fastl1.model.quantization import spread

    if (threshold is None) == (max_features is None):
        raise ValueError("give either threshold or max_features")
    size = compress.importance(model.weights)
    std = spread(model, None if X is None else slot_columns(model, X))
    if std is not None and np.isfinite(std).all():
        size = size * std
    if threshold is not None:
        stay = size >= threshold
    else:
        if max_features < 0:
            raise ValueError(f"max_features must be at least 0, got {max_features}")
        stay = np.zeros(len(size), bool)
        stay[np.argsort(-size, kind="stable")[:max_features]] = True
    kept = np.repeat(stay, np.diff(model.weights.indptr))
    weights = compress.select(model.weights, kept)
    report: dict[str, Any] = {
        "threshold": threshold,
        "max_features": max_features,
        "features": len(size),
        "kept": int(stay.sum()),
    }
    found = replaced(model, weights, "pruning", report)
    if y is not None:
        if X is None:
            raise ValueError("y without X")
        from fastl1.metrics.quality import fit_quality, loss_of

        loss = loss_of(model.link, model.metadata)
        for name, part in (("before", model), ("after", found)):
            eta = part.predict(X, "link")
            if offset is not None:
                eta = eta + np.asarray(offset, np.float64)
            report["rows"] = len(eta)
            report[name] = fit_quality(loss, y, eta, model.classes)
    return found


def trim(model: SparseModel, *, renumber: bool = True) -> SparseModel:
    """The model without what it does not need.

    Parameters
    ----------
    renumber : bool, default=True
        Whether to take matrices of the `required_features` only (with a column
        treatment: of all features of the kept columns).  False keeps the width of
        matrices, and leaves out the names of features that are not used.

    Returns
    -------
    SparseModel
        Takes tables as before.
    """
    features, columns = model.features, model.columns
    if columns is not None:
        columns, place = columns.select(features)
        n_features = columns.n_features
    else:
        place, n_features = np.arange(len(features)), max(1, len(features))
    if not renumber:
        columns, place, n_features = model.columns, features, model.n_features
    places = np.repeat(place, np.diff(model.weights.indptr)) * model.n_outputs
    weights = Weights(
        places + model.outputs,
        model.weights.codes,
        n_features,
        model.n_outputs,
        model.precision,
        model.weights.scales,
        model.weights.exponents,
    )
    names = {"kept_names": model.content.kept_names}
    if renumber and len(features) == n_features and names["kept_names"]:
        names = {"names": model.kept_names()}
    return _made_of(model, weights, model.metadata, columns, names)


def slot_columns(model: SparseModel, X: Any) -> Any:
    """The columns of `X` that the model uses, in the order of `features`.

    Parameters
    ----------
    X : as in `predict`

    Returns
    -------
    ndarray or SciPy csc (n, n_slots), float64

    Raises
    ------
    ValueError
        Wrong number of features, or a missing column.
    """
    if not is_table(X):
        check_width(X if hasattr(X, "shape") else np.asarray(X), model)
        if hasattr(X, "tocsc"):
            return X.tocsc()[:, model.features]
        return np.asarray(X, np.float64)[:, model.features]
    if model.columns is not None:
        chosen, place = model.columns.select(model.features)
        return chosen.encode(X)[:, place]
    from fastl1.data.kinds import numbers
    from fastl1.data.table import prepare

    kept = model.kept_names()
    raw = prepare(X, kept)
    return np.stack([numbers(raw[name]) for name in kept], axis=1)


def replaced(
    model: SparseModel, weights: Weights, key: str, report: dict[str, Any]
) -> SparseModel:
    """The model with fewer or coarser weights, and a report in its metadata."""
    content, lineage = model.content, {**model.metadata, key: report}
    names = {"names": content.names}
    if content.names is None and content.kept_names is not None:
        stay = np.searchsorted(model.features, weights.features).tolist()
        names = {"kept_names": [content.kept_names[k] for k in stay]}
    return _made_of(model, weights, lineage, model.columns, names)


def _made_of(
    model: SparseModel,
    weights: Weights,
    lineage: dict[str, Any],
    columns: ColumnTreatment | None,
    names: dict[str, Any],
) -> SparseModel:
    content = Content(
        weights,
        model.content.intercept,
        model.link,
        classes=model.classes,
        output_names=model.output_names,
        columns=None if columns is None else columns.to_dict(),
        lineage=lineage,
        **names,
    )
    kind = type(model)
    made = kind.__new__(kind)
    made._adopt(content, columns)
    return made
