"""The column treatment as a part of an ONNX graph: raw columns → linear predictor.

Each raw column behind a kept feature is an input (n, 1), named as the column:

- number, boolean: a number of the graph's dtype; NaN is missing.  All of them are
  joined, IsNaN and Where put the means in place, and the kept ones among the values and
  the indicators of missing cells are gathered and multiplied.
- category: text; LabelEncoder finds the row of the coefficients.  What is no level with
  a coefficient finds a row of zeros.
- hashed: ONNX has no operator for CRC-32, so its input is that of the text, int64, and
  -1 is missing.

Cells are compared as they are.  `cells` prepares them as the treatment does, on the
terms of `columns`: stripped, numbers as text the shortest way, markers as missing.
"""

from typing import Any

import numpy as np

from fastl1.artifact.weights import Weights
from fastl1.data.columns import ColumnInUse
from fastl1.data.kinds import MISSING, Category, Hashed, text_hash
from fastl1.export.onnx_graph import ML, Graph, coefficients, fit


def declare(graph: Graph, used: list[ColumnInUse]) -> list[Any]:
    """The inputs of the graph.

    Raises
    ------
    ValueError
        A column has no name, or is text and the graph is to be portable.
    """
    kinds = graph.onnx.TensorProto
    out = []
    for column in (one.column for one in used):
        if not column.name:
            raise ValueError("a column without a name cannot be an input in ONNX")
        if graph.portable and isinstance(column, Category | Hashed):
            raise ValueError(
                f"column {column.name!r} holds text, which takes operators of {ML}; a "
                "portable graph has numbers only"
            )
        if isinstance(column, Category):
            gap = _gap(column)
            told = f"text without blanks around it; {gap!r} is missing"
            kind = kinds.STRING
        elif isinstance(column, Hashed):
            kind, told = kinds.INT64, "CRC-32 of the text in UTF-8; -1 is missing"
        else:
            kind, told = graph.kind, f"{column.kind}; NaN is missing"
        out.append(
            graph.onnx.helper.make_tensor_value_info(column.name, kind, ["n", 1], told)
        )
    return out


def linear(
    graph: Graph, used: list[ColumnInUse], weights: Weights, intercept: str
) -> str:
    """Raw columns → eta, (n, n_outputs)."""
    zeros = graph.constant("no_coef_row", np.zeros((1, weights.n_outputs), graph.dtype))
    coef = coefficients(graph, weights)
    table = graph.add("Concat", coef, zeros, out="coef_and_zeros", axis=0)
    none = max(1, len(weights.features))  # the row of zeros
    eta = intercept
    numbers = [u for u in used if not isinstance(u.column, Category | Hashed)]
    texts = [u for u in used if isinstance(u.column, Category | Hashed)]
    if numbers:
        product = _numbers(graph, numbers, table, none)
        eta = graph.add("Add", product, eta, out="eta_of_numbers")
    if texts:
        rows = [
            (_category if isinstance(u.column, Category) else _hashed)(
                graph, k, u, none
            )
            for k, u in enumerate(texts)
        ]
        every = graph.add("Concat", *rows, out="rows", axis=1)
        found = graph.add("Gather", table, every, out="row_coef", axis=0)
        total = graph.add("ReduceSum", found, graph.axes(1), out="text", keepdims=0)
        eta = graph.add("Add", total, eta, out="eta")
    return eta


def _numbers(graph, used, table, none):
    """Filled values and indicators of gaps, as far as they are kept, times coef."""
    names = [column.name for column, *_ in used]
    raw = graph.add("Concat", *names, out="numbers", axis=1)
    gaps = graph.add("IsNaN", raw, out="gaps")
    means = fit([column.mean for column, *_ in used], graph.dtype, "a mean")
    filled = graph.add("Where", gaps, graph.constant("means", means), raw, out="filled")
    ones = graph.cast(gaps, graph.dtype, "indicators")
    both = graph.add("Concat", filled, ones, out="encoded", axis=1)
    places, slots = [], []
    for offset in (0, 1):
        for k, one in enumerate(used):
            if offset in one.slots:
                places.append(k + offset * len(used))
                slots.append(one.slots[offset])
    if not slots:
        places, slots = [0], [none]
    places = graph.constant("number_places", np.array(places, np.int64))
    slots = graph.constant("number_rows", np.array(slots, np.int64))
    kept = graph.add("Gather", both, places, out="kept_numbers", axis=1)
    coef = graph.add("Gather", table, slots, out="number_coef", axis=0)
    return graph.add("MatMul", kept, coef, out="product")


def _category(graph, k, used, none):
    """Row of the coefficients for each cell, int64 (n, 1)."""
    column, _, slots, na = used
    keys = {level: slots[j] for j, level in enumerate(column.levels) if j in slots} or {
        _gap(column): none
    }
    if len(column.levels) in slots:
        texts = sorted({*na, _gap(column)})
        keys |= dict.fromkeys(texts, slots[len(column.levels)])
    return graph.add(
        "LabelEncoder",
        column.name,
        out=f"row_{k}",
        domain=ML,
        keys_strings=list(keys),
        values_int64s=list(keys.values()),
        default_int64=none,
    )


def _hashed(graph, k, used, none):
    """As `_category`, of CRC-32 in place of text."""
    column, _, slots, _ = used
    size = graph.constant(f"size_{k}", np.array(column.size, np.int64))
    least = graph.constant("least", np.array(0, np.int64))
    missing = graph.add("Less", column.name, least, out=f"missing_{k}")
    bucket = graph.add("Mod", column.name, size, out=f"bucket_{k}")
    place = graph.add("Where", missing, size, bucket, out=f"place_{k}")
    keys = slots or {0: none}
    return graph.add(
        "LabelEncoder",
        place,
        out=f"row_{k}",
        domain=ML,
        keys_int64s=list(keys),
        values_int64s=list(keys.values()),
        default_int64=none,
    )


def cells(column: Any, raw: Any, dtype: Any) -> np.ndarray:
    """Cells of a raw column as the graph takes them, (n, 1)."""
    if not isinstance(column, Category | Hashed):
        return column.read(raw).astype(dtype)[:, None]
    text = raw.as_text()
    if isinstance(column, Hashed):
        known = np.array([*map(text_hash, text.labels), -1])
        return known.astype(np.int64)[text.codes][:, None]
    return np.array([*text.labels, _gap(column)], object)[text.codes][:, None]


def _gap(column):
    """The text of a missing cell of a category."""
    return MISSING if "" in column.known else ""
