"""Other ways to predict with the same coefficients; None where a package is absent."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path


def environment(threads):
    """Environment of a process that measures: pool sizes, and where MKL is."""
    pools = ("OMP", "OPENBLAS", "MKL")
    env = os.environ | {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    for library in Path(sys.prefix, "lib").glob("libmkl_rt.so*"):
        paths = [str(library.parent), env.get("LD_LIBRARY_PATH", "")]
        env |= {
            "MKL_RT": str(library),
            "LD_LIBRARY_PATH": ":".join(filter(None, paths)),
        }
    return env


def absent(*packages):
    """Those of the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def mkl():
    """Product of a CSR matrix with a vector, by MKL."""
    if absent("sparse_dot_mkl"):
        return None
    try:
        return importlib.import_module("sparse_dot_mkl").dot_product_mkl
    except ImportError:  # the package is there, the library is not
        return None


def sklearn(w):
    """Prediction of a scikit-learn Lasso with these coefficients."""
    if absent("sklearn"):
        return None
    model = importlib.import_module("sklearn.linear_model").Lasso()
    model.coef_, model.intercept_, model.n_features_in_ = w, 0.0, len(w)
    return model.predict


def session(data, threads):
    """An ONNX file of float32 in ONNX Runtime: rows (n, p) -> its first output."""
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    made = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    outputs = [made.get_outputs()[0].name]
    (x,) = (value.name for value in made.get_inputs())
    return lambda X: made.run(outputs, {x: X})[0]


def onnx(w, threads, form="MatMul"):
    """A dense export, float32, in ONNX Runtime: rows (n, p) -> (n, 1).

    `form` is the operator: MatMul, or LinearRegressor, which skl2onnx writes.
    """
    if absent("onnx", "onnxruntime"):
        return None
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    column = w.astype(np.float32)[:, None]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    if form == "MatMul":
        node = helper.make_node("MatMul", ["X", "w"], ["y"])
        stored = [numpy_helper.from_array(column, "w")]
    else:
        given = {"coefficients": column.ravel(), "intercepts": [0.0]}
        node = helper.make_node(form, ["X"], ["y"], domain="ai.onnx.ml", **given)
        stored = []
    graph = helper.make_graph(
        [node],
        "dense",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(w)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 10
    return session(model.SerializeToString(), threads)


def versions():
    """Those of the packages that are measured."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    names = ("fastl1", "numpy", "scipy", "scikit-learn", "sparse-dot-mkl", "mkl")
    for name in (*names, "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
