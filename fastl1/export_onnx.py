"""A model as an ONNX graph of the size of its kept features.

    x (n, n_features) → Gather of the kept columns → MatMul → Add → link → prediction
                                                               └ label of a classifier

Sparse initializers and LinearClassifier are not used: the first is made dense when it
is loaded, the second is dense and float32.
"""

import math
import os
from typing import Any, Literal

import numpy as np

from fastl1._artifact import LARGEST_CODE, STORED
from fastl1._atomic import write_atomic
from fastl1._extras import require
from fastl1._links import LINKS

OPSET = 17
IR_VERSION = 8


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self, onnx: Any, dtype: np.dtype) -> None:
        self.onnx = onnx
        self.dtype = dtype
        self.kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, array: Any) -> str:
        self.constants[name] = self.onnx.numpy_helper.from_array(
            np.ascontiguousarray(array), name
        )
        return name

    def number(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, self.dtype))

    def add(self, op: str, *inputs: str, out: str, **attributes: Any) -> str:
        node = self.onnx.helper.make_node(op, inputs, [out], name=out, **attributes)
        self.nodes.append(node)
        return out


def export_onnx(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    dtype: Literal["float32", "float64"] = "float32",
) -> bytes:
    """The bytes of the file; see `SparseModel.to_onnx`."""
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}")
    onnx = require("onnx", extra="onnx")
    helper = onnx.helper
    graph = _Graph(onnx, np.dtype(dtype))
    eta = _linear(graph, model)
    response = _response(graph, model.link, eta)
    n_outputs = model.n_outputs
    shape = ["n"] if n_outputs == 1 else ["n", n_outputs]
    outputs = [_flat(graph, response, "prediction", n_outputs)]
    told = [helper.make_tensor_value_info(outputs[0], graph.kind, shape)]
    if model.classes is not None:
        kind = _label(graph, model, eta)
        told.append(helper.make_tensor_value_info("label", kind, ["n"]))
    x = helper.make_tensor_value_info("x", graph.kind, ["n", model.n_features])
    made = helper.make_model(
        helper.make_graph(
            graph.nodes, "fastl1", [x], told, list(graph.constants.values())
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="fastl1",
    )
    onnx.checker.check_model(made, full_check=True)
    data = made.SerializeToString(deterministic=True)
    if path is not None:
        write_atomic(path, data)
    return data


def _linear(graph, model):
    """x → eta, (n, n_outputs)."""
    weights = model.weights
    features, matrix = weights.features, _matrix(weights)
    if not len(features):
        # products over no columns are not portable
        features, matrix = np.zeros(1, np.int64), np.zeros((1, model.n_outputs))
    small = model.n_features <= 2**31 - 1
    index = graph.constant("features", features.astype(np.int32 if small else np.int64))
    kept = graph.add("Gather", "x", index, out="kept", axis=1)
    if weights.precision in LARGEST_CODE:
        # transposed: runtimes replace DequantizeLinear before MatMul by products that
        # round x to 8 bits as well
        codes = graph.constant("codes", matrix.T)
        scales = graph.constant("scales", weights.scales)
        rows = graph.add("DequantizeLinear", codes, scales, out="rows", axis=0)
        if graph.dtype == np.float64:
            rows = graph.add("Cast", rows, out="rows64", to=graph.kind)
        coef = graph.add("Transpose", rows, out="coef")
    else:
        coef = graph.constant("coef", _fit(matrix, graph.dtype, "a coefficient"))
    product = graph.add("MatMul", kept, coef, out="product")
    intercept = _fit(model._content.intercept, graph.dtype, "the intercept")
    return graph.add("Add", product, graph.constant("intercept", intercept), out="eta")


def _matrix(weights):
    if weights.precision not in LARGEST_CODE:
        return weights.matrix()
    slot = np.repeat(np.arange(len(weights.features)), np.diff(weights.indptr))
    out = np.zeros((len(weights.features), weights.n_outputs), STORED["int8"])
    out[slot, weights.outputs] = weights.codes
    return out


def _fit(array, dtype, what):
    with np.errstate(over="ignore"):
        out = np.asarray(array).astype(dtype)
    if not np.isfinite(out).all():
        raise ValueError(f"{what} exceeds the range of float32; use dtype='float64'")
    return out


def _response(graph, link, eta):
    """What the link makes of eta, of the same shape."""
    if link in ("identity", "decision"):
        return eta
    if link == "logit":
        return graph.add("Sigmoid", eta, out="response")
    if link == "softmax":
        return graph.add("Softmax", eta, out="response", axis=1)
    if link == "log":
        return graph.add("Exp", eta, out="response")
    one = graph.number("one", 1.0)
    if link == "cloglog":
        mean = graph.add("Exp", eta, out="mean")
        minus = graph.add("Neg", mean, out="minus_mean")
        other = graph.add("Exp", minus, out="other")
        return graph.add("Sub", one, other, out="response")
    if link == "probit" and graph.dtype == np.float32:
        root = graph.number("root_half", math.sqrt(0.5))
        scaled = graph.add("Mul", eta, root, out="scaled")
        both = graph.add("Add", graph.add("Erf", scaled, out="erf"), one, out="twice")
        return graph.add("Mul", both, graph.number("half", 0.5), out="response")
    raise ValueError(
        f"ONNX runtimes have no {graph.dtype} operator for link={link!r}; use "
        "dtype='float32'"
    )


def _flat(graph, value, out, n_outputs):
    if n_outputs > 1:
        return graph.add("Identity", value, out=out)
    axis = graph.constant("last", np.array([1], np.int64))
    return graph.add("Squeeze", value, axis, out=out)


def _label(graph, model, eta):
    """Adds the output "label"; returns its type."""
    classes = model.classes
    if classes.dtype.kind in "iu":
        classes = classes.astype(np.int64)
    if classes.dtype.kind == "f":
        classes = classes.astype(np.float64)
    if classes.dtype.kind == "U":
        classes = classes.astype(object)
    table = graph.constant("classes", classes)
    if model.n_outputs > 1:
        place = graph.add("ArgMax", eta, out="place", axis=1, keepdims=0)
    else:
        flat = _flat(graph, eta, "eta_flat", 1)
        cut = graph.number("cut", LINKS[model.link].cut)
        above = graph.add("Greater", flat, cut, out="above")
        integer = graph.onnx.TensorProto.INT64
        place = graph.add("Cast", above, out="place", to=integer)
    graph.add("Gather", table, place, out="label", axis=0)
    return graph.constants["classes"].data_type
