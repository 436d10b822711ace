"""Ways to predict with one model, to be measured against each other.

Each is what somebody would write who has the model and that library: SciPy multiplies
CSR rows by a dense vector, NumPy takes dense rows and all coefficients, and so does
ONNX Runtime, which also runs the graph of `SparseModel.to_onnx`: dense rows, of which
it reads the kept columns.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fastl1._extras import require
from fastl1.export.onnx import serialize
from fastl1.export.onnx_graph import Graph, response
from fastl1.loss.links import LINKS


class Contender:
    """A way to predict.

    Attributes
    ----------
    name : str
    disk, memory : int
        Bytes of what it loads, on disk and in memory.
    threaded : bool
        Whether it takes a number of threads.
    dense : bool
        Whether it needs dense rows.
    """

    threaded = False
    dense = False

    def __init__(self, name: str, disk: int, memory: int, n_features: int) -> None:
        self.name = name
        self.disk = disk
        self.memory = memory
        self.n_features = n_features

    def row_limit(self, limit: int) -> int:
        """Largest batch for which dense rows stay within `limit` bytes."""
        return limit // (8 * self.n_features) or 1 if self.dense else 2**62

    def single(self, rows: Any, i: int) -> Callable[[], Any]:
        """Call that predicts row i."""
        raise NotImplementedError

    def prepare(self, rows: Any) -> Any:
        """Rows in the form that `batch` takes."""
        return rows

    def batch(self, rows: Any, threads: int | None) -> Callable[[], Any]:
        """Call that predicts prepared rows."""
        raise NotImplementedError

    def program(self, rows: Any, folder: Path) -> str | None:
        """Python program that loads the model and predicts one row."""
        return None


def contenders(
    model: Any, path: str | os.PathLike[str], folder: Path, rows: Any
) -> tuple[list[Contender], dict[str, str]]:
    """What can be measured here, and why the rest cannot.

    Parameters
    ----------
    model : SparseModel
    path : path-like
        Its file.
    folder : Path
        For files of the others.
    rows : ndarray or SciPy CSR array
        What will be predicted.
    """
    found: list[Contender] = [Fastl1(model, path)]
    skipped: dict[str, str] = {}
    if hasattr(rows, "tocsr"):
        found.append(SciPy(model, folder))
    else:
        skipped["SciPy"] = "the rows are dense"
    found.append(NumPy(model, folder))
    try:
        found += onnx_contenders(model, folder)
    except ImportError as error:
        skipped["ONNX Runtime"] = str(error).partition(",")[0]
    return found, skipped


def _row_arrays(rows, i):
    """(indices, values) of row i of CSR rows."""
    span = slice(rows.indptr[i], rows.indptr[i + 1])
    return rows.indices[span], rows.data[span]


def _dense_row(rows, i):
    return np.ascontiguousarray(rows[[i]].toarray() if _sparse(rows) else rows[[i]])


def _sparse(rows):
    return hasattr(rows, "tocsr")


def _dense(rows):
    return rows.toarray() if _sparse(rows) else np.ascontiguousarray(rows)


class Fastl1(Contender):
    """The artifact and fastl1's own kernels."""

    threaded = True

    def __init__(self, model: Any, path: str | os.PathLike[str]) -> None:
        disk = os.path.getsize(path)
        super().__init__("fastl1", disk, model.nbytes, model.n_features)
        self.model = model
        self.predictor = model.predictor()
        self.path = Path(path)

    def single(self, rows: Any, i: int) -> Callable[[], Any]:
        if _sparse(rows):
            return partial(self.predictor, *_row_arrays(rows, i))
        return partial(self.predictor, np.ascontiguousarray(rows[i]))

    def batch(self, rows: Any, threads: int | None) -> Callable[[], Any]:
        return partial(self.model.predict, rows, n_threads=threads)

    def program(self, rows: Any, folder: Path) -> str:
        parts = _row_arrays(rows, 0) if _sparse(rows) else (rows[0],)
        files = [folder / f"fastl1_{k}.npy" for k in range(len(parts))]
        for file, part in zip(files, parts, strict=True):
            np.save(file, part)
        given = ", ".join(f"numpy.load({str(file)!r})" for file in files)
        return (
            "import numpy\n"
            "from fastl1.infer.runtime import load\n"
            f"load({str(self.path)!r}).predictor()({given})\n"
        )


class SciPy(Contender):
    """CSR rows times a dense vector of all coefficients."""

    def __init__(self, model: Any, folder: Path) -> None:
        coef = model.coef_.T.astype(np.float64)
        super().__init__("SciPy", 0, coef.nbytes, model.n_features)
        self.file = folder / "scipy.npy"
        np.save(self.file, coef)
        self.disk = os.path.getsize(self.file)
        self.coef, self.intercept = coef, model.intercept
        self.inverse = LINKS[model.link].inverse

    def _predict(self, rows):
        return self.inverse(rows @ self.coef + self.intercept)

    def single(self, rows: Any, i: int) -> Callable[[], Any]:
        return partial(self._predict, rows[[i]])

    def batch(self, rows: Any, threads: int | None) -> Callable[[], Any]:
        return partial(self._predict, rows)

    def program(self, rows: Any, folder: Path) -> str:
        sp = require("scipy.sparse", extra="cli")
        row = folder / "row.npz"
        sp.save_npz(row, rows[[0]])
        return (
            "import numpy\n"
            "import scipy.sparse\n"
            f"coef = numpy.load({str(self.file)!r})\n"
            f"scipy.sparse.load_npz({str(row)!r}) @ coef\n"
        )


class NumPy(Contender):
    """The dense equivalent: dense rows times all coefficients."""

    dense = True

    def __init__(self, model: Any, folder: Path) -> None:
        coef = np.ascontiguousarray(model.coef_.T, np.float64)
        super().__init__("NumPy, dense", 0, coef.nbytes, model.n_features)
        self.file = folder / "dense.npy"
        np.save(self.file, coef)
        self.disk = os.path.getsize(self.file)
        self.coef, self.intercept = coef, model.intercept
        self.inverse = LINKS[model.link].inverse

    def prepare(self, rows: Any) -> Any:
        return _dense(rows)

    def _predict(self, rows):
        return self.inverse(rows @ self.coef + self.intercept)

    def single(self, rows: Any, i: int) -> Callable[[], Any]:
        return partial(self._predict, _dense_row(rows, i))

    def batch(self, rows: Any, threads: int | None) -> Callable[[], Any]:
        return partial(self._predict, rows)

    def program(self, rows: Any, folder: Path) -> str:
        row = folder / "dense_row.npy"
        np.save(row, _dense_row(rows, 0))
        return (
            f"import numpy\nnumpy.load({str(row)!r}) @ numpy.load({str(self.file)!r})\n"
        )


class OnnxRuntime(Contender):
    """A graph in ONNX Runtime, float32: dense rows x → its first output."""

    dense = True
    threaded = True

    def __init__(
        self, name: str, data: bytes, memory: int, n_features: int, file: Path
    ) -> None:
        super().__init__(name, len(data), memory, n_features)
        self.runtime = require("onnxruntime", extra="onnx")
        self.file = file
        self.file.write_bytes(data)
        self.sessions = {1: self._session(1)}
        self.output = [self.sessions[1].get_outputs()[0].name]

    def _session(self, threads):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        return self.runtime.InferenceSession(
            os.fspath(self.file), options, providers=providers
        )

    def prepare(self, rows: Any) -> Any:
        return _dense(rows).astype(np.float32)

    def single(self, rows: Any, i: int) -> Callable[[], Any]:
        feed = {"x": _dense_row(rows, i).astype(np.float32)}
        return partial(self.sessions[1].run, self.output, feed)

    def batch(self, rows: Any, threads: int | None) -> Callable[[], Any]:
        if threads not in self.sessions:
            self.sessions[threads] = self._session(threads)
        return partial(self.sessions[threads].run, self.output, {"x": rows})

    def program(self, rows: Any, folder: Path) -> str:
        row = folder / f"{self.file.stem}_row.npy"
        np.save(row, _dense_row(rows, 0).astype(np.float32))
        return (
            "import numpy\n"
            "import onnxruntime\n"
            f"session = onnxruntime.InferenceSession({str(self.file)!r}, "
            'providers=["CPUExecutionProvider"])\n'
            f'session.run({self.output}, {{"x": numpy.load({str(row)!r})}})\n'
        )


def onnx_contenders(model: Any, folder: Path) -> list[Contender]:
    """The graph of the kept columns, and the dense equivalent."""
    p, n_outputs, kept = model.n_features, model.n_outputs, len(model.features)
    sparse, dense = model.to_onnx(), dense_graph(model)
    index = 4 if p <= 2**31 - 1 else 8
    memory = {"kept": kept * (index + 4 * n_outputs), "dense": p * 4 * n_outputs}
    return [
        OnnxRuntime(
            f"ONNX Runtime, {name}", data, memory[name], p, folder / f"{name}.onnx"
        )
        for name, data in (("kept", sparse), ("dense", dense))
    ]


def dense_graph(model: Any) -> bytes:
    """ONNX file of the model with all its coefficients, as converters write it."""
    onnx = require("onnx", extra="onnx")
    tell = onnx.helper.make_tensor_value_info
    graph = Graph(onnx, np.float32)
    coef = graph.constant("coef", np.atleast_2d(model.coef_).T.astype(np.float32))
    intercept = np.atleast_1d(np.asarray(model.intercept, np.float32))
    product = graph.add("MatMul", "x", coef, out="product")
    eta = graph.add("Add", product, graph.constant("intercept", intercept), out="eta")
    out = response(graph, model.link, eta)
    inputs = [tell("x", graph.kind, ["n", model.n_features])]
    return serialize(graph, inputs, [tell(out, graph.kind, ["n", model.n_outputs])])
