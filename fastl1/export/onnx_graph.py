"""Parts of ONNX graphs: stored coefficients, links, labels.

Operators were chosen by what ONNX Runtime (tried: 1.32) makes of them.  It has no Erf
for float64, and its Sigmoid for float64 is 0 below -37: float64 graphs are made of Exp
and Tanh, which are accurate.  `kept_columns` and `product` say what is fast.

Coefficients are stored as in the model (int4 packed, int8, float16, …) and widened by
Cast and Mul, which runtimes do once, as they load the file.  DequantizeLinear would be
done at every call, or be merged with MatMul into products that round x to 8 bits too.
"""

import math
from typing import Any

import numpy as np

from fastl1.artifact.packing import pack_nibbles
from fastl1.artifact.weights import LARGEST_CODE, STORED, Weights
from fastl1.loss.links import LINKS

ML = "ai.onnx.ml"

# the largest eta whose exponential is taken, as in the kernels where the type allows it
CAP = {"float32": 88.0, "float64": 708.0}

# (1 + 2 z) exp(z^2) erfc(z) for z >= 0 as a polynomial in t = (z - 3.75) / (z + 3.75):
# its interpolation in 25 Chebyshev nodes of (-1, 1), computed with 60 digits.  The
# relative error is at most 6e-16 for any z.
_ERFC_CENTRE = 3.75
_ERFC = (
    *(1.2375126308378275, -0.14024059858554697, 0.003585415485463775),
    *(0.08227673849014516, -0.10880393014171785, 0.09230432116037876),
    *(-0.058693398590212366, 0.028362277418940665, -0.009746579552504244),
    *(0.0017556258530017257, 0.0002937136342850081, -0.0002901540809795271),
    *(5.1649211390702855e-05, 2.2384240314224437e-05, -1.1444412439171722e-05),
    *(-9.735619015182663e-07, 1.752057970166318e-06, -5.721597255990987e-08),
    *(-2.591069687796658e-07, 2.3261913276696566e-08, 3.8965452548985966e-08),
    *(-3.743568033634583e-09, -5.28428697963142e-09, 3.110310719839165e-10),
    4.434959070009628e-10,
)


class Graph:
    """Nodes and constants of a graph in the making; names begin with `prefix`.

    Parameters
    ----------
    onnx : module
    dtype : dtype
        float32 or float64, of everything that is computed.
    prefix : str
        Names of tensors begin with it.
    portable : bool
        Whether only operators of ai.onnx are wanted.

    Attributes
    ----------
    opset, ir_version : int
        The least that has all operators and types in use.
    """

    def __init__(
        self, onnx: Any, dtype: Any, prefix: str = "", portable: bool = False
    ) -> None:
        self.onnx = onnx
        self.dtype = np.dtype(dtype)
        self.kind = onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        self.prefix = prefix
        self.portable = portable
        self.opset, self.ir_version = 17, 8
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, array: Any) -> str:
        """A stored array."""
        name = self.prefix + name
        if name not in self.constants:
            array = np.ascontiguousarray(array)
            self.constants[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def number(self, name: str, value: float) -> str:
        """A stored number of the graph's dtype."""
        return self.constant(name, np.array(value, self.dtype))

    def packed(self, name: str, codes: np.ndarray) -> str:
        """Stored integers of 4 bits, of int8 `codes`."""
        self.opset, self.ir_version = 21, 10
        name, kind = self.prefix + name, self.onnx.TensorProto.INT4
        data = pack_nibbles(codes.ravel()).tobytes()
        self.constants[name] = self.onnx.helper.make_tensor(
            name, kind, codes.shape, data, raw=True
        )
        return name

    def add(self, op: str, *inputs: str, out: str, **attributes: Any) -> str:
        """A node with one output, whose name (without the prefix) is `out`."""
        return self.result(op, *inputs, out=self.prefix + out, **attributes)

    def result(self, op: str, *inputs: str, out: str, **attributes: Any) -> str:
        """As `add`; the name is taken as it is."""
        node = self.onnx.helper.make_node(op, inputs, [out], name=out, **attributes)
        self.nodes.append(node)
        return out

    def cast(self, value: str, dtype: Any, out: str) -> str:
        """`value` in another type."""
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", value, out=out, to=to)

    def axes(self, *axes: int) -> str:
        """Stored numbers of axes."""
        return self.constant(f"axes{axes}", np.array(axes, np.int64))


def fit(array: Any, dtype: np.dtype, what: str) -> np.ndarray:
    """`array` in a dtype; an error where it does not fit."""
    with np.errstate(over="ignore"):
        out = np.asarray(array).astype(dtype)
    if not np.isfinite(out).all():
        raise ValueError(f"{what} exceeds the range of float32; use dtype='float64'")
    return out


def coefficients(graph: Graph, weights: Weights) -> str:
    """Coefficients of the slots, (n_slots, n_outputs) of the graph's dtype.

    Without any there is a row of zeros: products over no columns are not portable.
    """
    if not weights.nnz:
        return graph.constant("coef", np.zeros((1, weights.n_outputs), graph.dtype))
    stored, integer = weights.precision, weights.precision in LARGEST_CODE
    codes = weights.codes
    if not integer and STORED[stored].itemsize > graph.dtype.itemsize:
        stored, codes = graph.dtype.name, fit(codes, graph.dtype, "a coefficient")
    matrix = _matrix(graph, weights, codes, stored)
    if integer:
        wide = graph.cast(matrix, np.float32, "wide")
        scales = graph.constant("scales", weights.scales)
        matrix = graph.add("Mul", wide, scales, out="scaled_coef")
        if weights.exponents is not None:
            powers = weights.exponents[weights.indptr[:-1], None].astype(np.intc)
            powers = graph.constant("powers", np.ldexp(np.float32(1), powers))
            matrix = graph.add("Mul", matrix, powers, out="powered_coef")
        stored = "float32"
    if stored != graph.dtype.name:
        matrix = graph.cast(matrix, graph.dtype, "coef")
    return matrix


def kept_columns(graph: Graph, x: str, features: np.ndarray, n_features: int) -> str:
    """Columns `features` of x (n, n_features)."""
    small = n_features <= 2**31 - 1
    index = graph.constant("features", features.astype(np.int32 if small else np.int64))
    if graph.portable:
        return graph.add("Gather", x, index, out="kept", axis=1)
    # ONNX Runtime's Gather copies number by number with memcpy: three times as slow
    index = graph.cast(index, np.int64, "features64")
    return graph.add("ArrayFeatureExtractor", x, index, out="kept", domain=ML)


def product(graph: Graph, kept: str, coef: str, n_outputs: int) -> str:
    """kept (n, n_slots) times coef (n_slots, n_outputs)."""
    if n_outputs > 1:
        return graph.add("MatMul", kept, coef, out="product")
    # ONNX Runtime's MatMul pads one output to 16
    row = graph.add("Transpose", coef, out="coef_row")
    terms = graph.add("Mul", kept, row, out="terms")
    return graph.add("ReduceSum", terms, graph.axes(1), out="product", keepdims=1)


def _matrix(graph, weights, codes, stored):
    """The stored form of the coefficients as a matrix, the smaller of two."""
    n_slots, n_outputs = len(weights.features), weights.n_outputs
    size, width = n_slots * n_outputs, STORED[stored].itemsize
    slot = np.repeat(np.arange(n_slots), np.diff(weights.indptr))
    places = (slot * n_outputs + weights.outputs).astype(
        np.int32 if size < 2**31 else np.int64
    )
    if len(codes) * (width + 4) < size * (0.5 if stored == "int4" else width):
        length = graph.constant("n_coef", np.array([size]))
        zero = graph.onnx.numpy_helper.from_array(np.zeros(1, codes.dtype))
        empty = graph.add("ConstantOfShape", length, out="no_coef", value=zero)
        where, what = graph.constant("places", places), graph.constant("codes", codes)
        flat = graph.add("ScatterElements", empty, where, what, out="flat_coef", axis=0)
        shape = graph.constant("coef_shape", np.array([n_slots, n_outputs]))
        return graph.add("Reshape", flat, shape, out="coef_codes")
    matrix = np.zeros(size, codes.dtype)
    matrix[places] = codes
    matrix = matrix.reshape(n_slots, n_outputs)
    if stored == "int4":
        return graph.packed("codes", matrix)
    return graph.constant("codes", matrix)


def response(graph: Graph, link: str, eta: str) -> str:
    """What the link makes of eta, of the same shape (n, n_outputs)."""
    if link in ("identity", "decision"):
        return eta
    if link == "softmax":
        return graph.add("Softmax", eta, out="response", axis=1)
    if link == "logit" and graph.dtype == np.float32:
        return graph.add("Sigmoid", eta, out="response")
    one = graph.number("one", 1.0)
    if link == "logit":
        minus = graph.add("Neg", eta, out="minus_eta")
        odds = graph.add("Exp", minus, out="odds_against")
        whole = graph.add("Add", one, odds, out="one_and_odds")
        return graph.add("Div", one, whole, out="response")
    if link == "probit":
        return _probit(graph, eta, one)
    cap = graph.number("cap", CAP[graph.dtype.name])
    mean = graph.add("Exp", graph.add("Min", eta, cap, out="capped"), out="mean")
    if link == "log":
        return mean
    if link == "cloglog":
        # 1 - exp(-m) = 2 t / (1 + t) for t = tanh(m / 2), without cancellation
        half = graph.add("Mul", mean, graph.number("half", 0.5), out="half_mean")
        t = graph.add("Tanh", half, out="tanh")
        twice = graph.add("Add", t, t, out="two_tanh")
        whole = graph.add("Add", one, t, out="one_and_tanh")
        return graph.add("Div", twice, whole, out="response")
    raise ValueError(f"no ONNX form of link={link!r}")


def _probit(graph, eta, one):
    half = graph.number("half", 0.5)
    z = graph.add("Mul", eta, graph.number("root", math.sqrt(0.5)), out="z")
    if graph.dtype == np.float32:
        both = graph.add("Add", graph.add("Erf", z, out="erf"), one, out="one_and_erf")
        return graph.add("Mul", both, half, out="response")
    size = graph.add("Abs", z, out="abs_z")
    centre = graph.number("centre", _ERFC_CENTRE)
    below = graph.add("Sub", size, centre, out="z_below")
    above = graph.add("Add", size, centre, out="z_above")
    t = graph.add("Div", below, above, out="t")
    column = graph.add("Unsqueeze", t, graph.axes(2), out="t_column")
    powers = graph.constant("powers", np.arange(float(len(_ERFC))))
    table = graph.add("Pow", column, powers, out="t_powers")
    weights = graph.constant("erfc", np.array(_ERFC)[:, None])
    product = graph.add("MatMul", table, weights, out="erfc_column")
    scaled = graph.add("Squeeze", product, graph.axes(2), out="erfc_scaled")
    square = graph.add("Mul", z, z, out="z_square")
    small = graph.add("Exp", graph.add("Neg", square, out="minus_square"), out="gauss")
    numerator = graph.add("Mul", scaled, small, out="erfc_numerator")
    twice = graph.add("Add", size, size, out="two_z")
    divisor = graph.add("Add", twice, one, out="erfc_divisor")
    erfc = graph.add("Div", numerator, divisor, out="erfc_z")
    tail = graph.add("Mul", erfc, half, out="tail")
    other = graph.add("Sub", one, tail, out="other_tail")
    negative = graph.add("Less", z, graph.number("zero", 0.0), out="negative")
    return graph.add("Where", negative, tail, other, out="response")


def place_of_label(graph: Graph, link: str, n_outputs: int, eta: str) -> str:
    """Number of the class that is predicted, int64 (n,)."""
    if n_outputs > 1:
        return graph.add("ArgMax", eta, out="place", axis=1, keepdims=0)
    flat = graph.add("Squeeze", eta, graph.axes(1), out="eta_flat")
    cut = graph.number("cut", LINKS[link].cut)
    above = graph.add("Greater", flat, cut, out="above")
    return graph.cast(above, np.int64, "place")


def label_table(classes: np.ndarray) -> np.ndarray:
    """Labels in a type that ONNX has."""
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind == "f":
        return classes.astype(np.float64)
    return classes.astype(object) if classes.dtype.kind == "U" else classes
