"""A model as an ONNX graph of the size of its kept features.

    x (n, n_features) → the kept columns → their products → link → prediction
                                                             └ label of a classifier

or, with the column treatment, from one input a raw column (`_onnx_columns`).  Sparse
initializers and LinearClassifier are not used: the first is made dense when it is
loaded, the second is dense and float32.
"""

import os
from collections.abc import Collection
from typing import Any, Literal

import numpy as np

from fastl1._atomic import write_atomic
from fastl1._extras import require
from fastl1.data.columns import ColumnTreatment
from fastl1.data.table import prepare
from fastl1.export import onnx_columns
from fastl1.export.onnx_graph import (
    ML,
    Graph,
    coefficients,
    fit,
    kept_columns,
    label_table,
    place_of_label,
    product,
    response,
)

DType = Literal["float32", "float64"]


def export_onnx(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    dtype: DType | None = None,
    columns: bool = False,
    portable: bool = False,
) -> bytes:
    """The bytes of the file; see `SparseModel.to_onnx`."""
    kind = _dtype(dtype, columns)
    treatment = _treatment(model) if columns else None
    onnx = require("onnx", extra="onnx")
    tell = onnx.helper.make_tensor_value_info
    if treatment is None:
        graph = Graph(onnx, kind, portable=portable)
        inputs = [tell("x", graph.kind, ["n", model.n_features])]
        eta = linear(graph, model, "x")
    else:
        used = treatment.in_use(model.features)
        prefix = "/"
        while any(column.name.startswith(prefix) for column, *_ in used):
            prefix += "/"
        graph = Graph(onnx, kind, prefix, portable)
        inputs = onnx_columns.declare(graph, used)
        constant = _intercept(graph, model)
        eta = onnx_columns.linear(graph, used, model.weights, constant)
    taken = {value.name for value in inputs}
    n_outputs = model.n_outputs
    predicted = response(graph, model.link, eta)
    out = _free("prediction", taken)
    if n_outputs > 1:
        graph.result("Identity", predicted, out=out)
    else:
        graph.result("Squeeze", predicted, graph.axes(1), out=out)
    shape = ["n"] if n_outputs == 1 else ["n", n_outputs]
    told = [tell(out, graph.kind, shape)]
    if model.classes is not None:
        table = label_table(model.classes)
        place = place_of_label(graph, model.link, n_outputs, eta)
        name = graph.constant("classes", table)
        out = _free("label", taken)
        graph.result("Gather", name, place, out=out, axis=0)
        told.append(tell(out, graph.constants[name].data_type, ["n"]))
    data = serialize(graph, inputs, told)
    if path is not None:
        write_atomic(path, data)
    return data


def linear(graph: Graph, model: Any, x: str) -> str:
    """x (n, n_features) → eta (n, n_outputs)."""
    features = model.features if model.nnz else np.zeros(1, np.int64)
    kept = kept_columns(graph, x, features, model.n_features)
    coef = coefficients(graph, model.weights)
    total = product(graph, kept, coef, model.n_outputs)
    return graph.add("Add", total, _intercept(graph, model), out="eta")


def onnx_inputs(
    model: Any, table: Any, *, dtype: DType = "float64"
) -> dict[str, np.ndarray]:
    """What an ONNX graph with the column treatment takes, of a table.

    Cells are read as the treatment reads them: text is stripped, markers of missing
    numbers become NaN, numbers in a column of categories become text.

    Parameters
    ----------
    model : SparseModel
        With a column treatment.
    table : dict of arrays, pandas or polars frame, pyarrow table
        Must have the columns behind the kept features.
    dtype : {"float64", "float32"}, default="float64"
        That of the graph.

    Returns
    -------
    dict of str to ndarray (n, 1)

    Raises
    ------
    ValueError
        The model has no column treatment; a column is missing or holds what it should
        not.

    Examples
    --------
    >>> session.run(None, onnx_inputs(model, frame))  # doctest: +SKIP
    """
    kind = _dtype(dtype, True)
    treatment = _treatment(model)
    used = treatment.in_use(model.features)
    raw = prepare(table, [column.name for column, *_ in used])
    return {
        column.name: onnx_columns.cells(column, treatment.settled(raw, column), kind)
        for column, *_ in used
    }


def _dtype(dtype, columns):
    if dtype is None:
        dtype = "float64" if columns else "float32"
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}")
    return np.dtype(dtype)


def _treatment(model) -> ColumnTreatment:
    if model.columns is None:
        raise ValueError("the model has no column treatment to include")
    return model.columns


def _intercept(graph, model):
    intercept = fit(model.intercepts, graph.dtype, "the intercept")
    return graph.constant("intercept", intercept)


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


def serialize(graph: Graph, inputs: list[Any], outputs: list[Any]) -> bytes:
    """The bytes of the file, checked; equal graphs give equal bytes."""
    onnx, helper = graph.onnx, graph.onnx.helper
    opsets = [helper.make_opsetid("", graph.opset)]
    if any(node.domain == ML for node in graph.nodes):
        opsets.append(helper.make_opsetid(ML, 2))
    stored = list(graph.constants.values())
    made = helper.make_model(
        helper.make_graph(graph.nodes, "fastl1", inputs, outputs, stored),
        opset_imports=opsets,
        ir_version=graph.ir_version,
        producer_name="fastl1",
    )
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString(deterministic=True)
