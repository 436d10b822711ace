"""Explanations: the terms of each linear predictor, by size."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fastl1._public import public


class Term(NamedTuple):
    """One term of a linear predictor: ``term = coefficient * value``."""

    feature: int
    name: str
    value: float
    coefficient: float
    term: float


@public
class Explanation:
    """The largest terms of the linear predictor of each row, largest first.

    For every row, ``terms.sum() + rest + intercept`` is the decision function, up to
    rounding.  An explanation is a sequence: ``explanation[i]`` is the list of the
    `Term` of row i.

    Attributes
    ----------
    features : ndarray of int64, shape (n, top)
        Features of the terms; -1 where a row has fewer.
    values, coefficients, terms : ndarray of float64, shape (n, top)
        ``x_j``, ``w_j`` and ``w_j x_j``; 0 where a row has fewer.
    rest : ndarray of float64, shape (n,)
        Sum of the terms that are not listed.
    intercept : ndarray of float64, shape (n,)
    output : ndarray of int64, shape (n,)
        The output that is explained.
    decision : ndarray of float64, shape (n,)
        Its decision function.
    """

    __slots__ = (
        "_names",
        "coefficients",
        "decision",
        "features",
        "intercept",
        "output",
        "rest",
        "terms",
        "values",
    )

    features: np.ndarray
    values: np.ndarray
    coefficients: np.ndarray
    terms: np.ndarray
    rest: np.ndarray
    intercept: np.ndarray
    output: np.ndarray
    decision: np.ndarray

    def __init__(self, n: int, top: int, names: dict[int, str]) -> None:
        self._names = names
        self.features = np.full((n, top), -1, np.int64)
        self.values, self.coefficients, self.terms = np.zeros((3, n, top))
        self.rest = np.zeros(n)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, row: int) -> list[Term]:
        count = int((self.features[row] >= 0).sum())
        parts = self.features, self.values, self.coefficients, self.terms
        return [
            Term(feature, self._names[feature], *numbers)
            for feature, *numbers in zip(
                *(part[row, :count].tolist() for part in parts), strict=True
            )
        ]

    def __iter__(self) -> Iterator[list[Term]]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"<Explanation: {len(self)} rows, up to {self.terms.shape[1]} terms>"

    def to_dict(self) -> dict[str, Any]:
        """Columns of a tidy table, a line for each term (``DataFrame(...)`` takes it).

        Returns
        -------
        dict
            Lists ``row``, ``rank`` (from 1), ``feature``, ``name``, ``value``,
            ``coefficient``, ``term``.
        """
        row, rank = np.nonzero(self.features >= 0)
        feature = self.features[row, rank].tolist()
        return {
            "row": row.tolist(),
            "rank": (rank + 1).tolist(),
            "feature": feature,
            "name": [self._names[j] for j in feature],
            "value": self.values[row, rank].tolist(),
            "coefficient": self.coefficients[row, rank].tolist(),
            "term": self.terms[row, rank].tolist(),
        }


def explain(
    model: Any,
    entries: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    eta: np.ndarray,
    top: int,
    output: int | None,
) -> Explanation:
    """Rank the terms of every row; see `Inference.explain`.

    Parameters
    ----------
    model : Inference
    entries : rows, slots and values of the cells that are not 0, by blocks of rows
    eta : ndarray of shape (n, n_outputs)
    top, output : as there

    Returns
    -------
    Explanation
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    n, n_outputs = eta.shape
    if output is None:
        chosen = eta.argmax(axis=1)
    elif -n_outputs <= output < n_outputs:
        chosen = np.full(n, output % n_outputs)
    else:
        raise ValueError(f"output {output} of a model with {n_outputs}")
    weights = model.weights
    names = dict(zip(model.features.tolist(), model.kept_names(), strict=True))
    top = min(top, max(1, len(names)))
    result = Explanation(n, top, names)
    result.output = chosen
    result.intercept = model.intercepts[chosen]
    result.decision = eta[np.arange(n), chosen]
    for rows, slots, values in entries:
        coefs = _coefficients(weights, slots, chosen[rows])
        terms = coefs * values
        used = terms != 0
        rows, slots, values = rows[used], slots[used], values[used]
        coefs, terms = coefs[used], terms[used]
        order = np.lexsort((slots, -np.abs(terms), rows))
        rows = rows[order]
        # a block holds whole rows: rank within the row
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        listed = rank < top
        at = rows[listed], rank[listed]
        keep = order[listed]
        result.features[at] = weights.features[slots[keep]]
        result.values[at] = values[keep]
        result.coefficients[at] = coefs[keep]
        result.terms[at] = terms[keep]
        result.rest += np.bincount(rows[~listed], terms[order[~listed]], n)
    return result


def _coefficients(weights, slots, outputs):
    """Coefficient of each slot for an output; 0 where there is none."""
    if weights.n_outputs == 1:
        return weights.values[slots].astype(np.float64)
    places = weights.places
    wanted = weights.features[slots] * weights.n_outputs + outputs
    found = np.searchsorted(places, wanted)
    found[found == len(places)] = 0
    hit = places[found] == wanted if len(places) else np.zeros(len(found), bool)
    return np.where(hit, weights.values[found] if len(places) else 0.0, 0.0)
