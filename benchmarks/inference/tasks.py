"""The figures, each beside its peers and the bytes that have to move.

A task is a function of (threads, quick) that yields figures: dicts with ``figure``,
``unit``, ``ours``, ``peers`` (name -> value), ``bytes`` a unit of work by the model of
its docstring, ``GBs`` that this makes, and ``must``: (what is compared, the bound, the
value, the sign).  `quick` shrinks everything, for a trial.
"""

import compileall
import ctypes
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import fastl1

from . import peers
from .measure import fresh, interleaved, latencies

NNZ = 50


def sparse_model(p, kept):
    rng = np.random.default_rng(1)
    w = np.zeros(p)
    w[rng.choice(p, kept, replace=False)] = rng.standard_normal(kept)
    return w, fastl1.SparseModel.from_coef(w)


def csr_rows(n, p, seed=2):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, p, (n, NNZ), dtype=np.int32)
    indices.sort(axis=1)
    indptr = np.arange(n + 1, dtype=np.int32) * NNZ
    data = rng.standard_normal(n * NNZ)
    return sp.csr_matrix((data, indices.ravel(), indptr), shape=(n, p))


def present(calls):
    return {name: call for name, call in calls.items() if call is not None}


def check(expected, got, tolerance=1e-9):
    """A figure for a wrong answer would be no figure."""
    np.testing.assert_allclose(np.ravel(got), expected, rtol=tolerance, atol=tolerance)


def row(threads, quick):
    """One CSR row.  Bytes: 50 indices of 4; a line of 64 of the filter for each at
    worst; a value and a coefficient for one in a hundred."""
    p = 10_000 if quick else 1_000_000
    w, model = sparse_model(p, p // 100)
    X = csr_rows(200 if quick else 4000, p)
    one = model.predictor()
    parts = [
        (X.indices[i : i + NNZ], X.data[i : i + NNZ]) for i in range(0, X.nnz, NNZ)
    ]
    single = [X[i] for i in range(X.shape[0])]
    check(X @ w, [one(*part) for part in parts])
    calls = {
        "fastl1 p(indices, values)": [partial(one, *part) for part in parts],
        "fastl1 p(row)": [partial(one, x) for x in single],
        "scipy": [partial(x.__matmul__, w) for x in single],
    }
    if peers.sklearn(w):
        calls["scikit-learn"] = [partial(peers.sklearn(w), x) for x in single[:500]]
    if peers.mkl():
        calls["MKL"] = [partial(peers.mkl(), x, w) for x in single[:500]]
    dense = peers.onnx(w, threads)
    if dense:
        x = np.zeros((1, p), np.float32)
        calls["ONNX Runtime, dense row"] = [partial(dense, x)] * 20
    times = latencies(calls)
    ours = times["fastl1 p(indices, values)"]
    p50 = {name: value[0] for name, value in times.items()}
    moved = NNZ * (4 + 64) + NNZ / 100 * 16
    yield {
        "figure": "one CSR row of 50 nonzeros, 1 % kept: p50 (p99)",
        "unit": "µs",
        "ours": ours[0],
        "p99": {name: value[1] for name, value in times.items()},
        "peers": {name: p50[name] for name in list(p50)[1:]},
        "bytes": moved,
        "GBs": moved / ours[0] / 1e3,
        "must": [
            ("µs at most", 0.6, ours[0], "<="),
            ("times scipy", 5.0, p50["scipy"] / ours[0], ">="),
        ],
    }


def batch(share, threads, quick):
    """CSR rows.  Bytes of a row: 4 of indptr, 50 indices of 4, 8 of the result; with
    1 % kept a line of 64 of the values for each entry that counts, else 50 values of 8
    and as many coefficients (4 each if floats hold them exactly), in the last cache."""
    p = 10_000 if quick else 1_000_000
    n = 20_000 if quick else 1_000_000
    kept = p if share == 1 else p // 100
    w, model = sparse_model(p, kept)
    X = csr_rows(n, p, 3)
    out = np.empty(n)
    multiply = peers.mkl()
    calls = {
        "fastl1": partial(model.predict, X, out=out, n_threads=threads),
        "fastl1, 1 thread": partial(model.predict, X, out=out, n_threads=1),
    }
    w32 = w.astype(np.float32).astype(np.float64)
    if share == 1:
        narrow = fastl1.SparseModel.from_coef(w32.astype(np.float32))
        calls["fastl1, float32 artifact"] = partial(
            narrow.predict, X, out=out, n_threads=threads
        )
    ours = len(calls)
    calls |= {
        "scipy": partial(X.__matmul__, w),
        "scikit-learn": peers.sklearn(w) and partial(peers.sklearn(w), X),
        "MKL": multiply and partial(multiply, X, w),
    }
    calls = present(calls)
    expected, rounded = X @ w, X @ w32
    for name, call in calls.items():
        check(rounded if "float32" in name else expected, call())
    times = interleaved(calls, 3 if quick else 7)
    rate = {name: n / seconds / 1e6 for name, seconds in times.items()}
    others = {name: rate[name] for name in list(rate)[ours:]}
    for name in ("fastl1", "fastl1, float32 artifact")[: ours - 1]:
        coefs = NNZ * (12 if "float32" in name else 16) if share == 1 else NNZ * 0.64
        moved = 12 + NNZ * 4 + coefs
        what = ", float32 artifact" if "float32" in name else ""
        yield {
            "figure": f"CSR rows of 50 nonzeros, {share:.0%} kept{what}, "
            f"{threads} threads",
            "unit": "million rows/s",
            "ours": rate[name],
            "peers": {**others, "fastl1, 1 thread": rate["fastl1, 1 thread"]},
            "bytes": moved,
            "GBs": rate[name] * moved / 1e3,
            "must": [
                (
                    "times the best peer",
                    1.3 if share == 1 else 2.5,
                    rate[name] / max(others.values()),
                    ">=",
                )
            ],
        }


def dense(threads, quick):
    """Dense rows.  Bytes of a row: a line of 64 for each feature kept in C order, 8 in
    Fortran order; 8 of the result."""
    n, p = (500, 500) if quick else (10_000, 5_000)
    kept = p // 50
    w, model = sparse_model(p, kept)
    used, values = model.features, model.values
    C = np.random.default_rng(0).standard_normal((n, p))
    for order, bounds in (("C", (1.8, 2.8)), ("F", (None, None))):
        X = np.asarray(C, order=order)
        X32 = np.asarray(X, np.float32, order="C")
        runtime = peers.onnx(w, threads) if order == "C" else None
        out = np.empty(n)
        calls = present(
            {
                "fastl1": partial(model.predict, X, out=out, n_threads=threads),
                "X[:, kept] @ w": lambda X=X: X[:, used] @ values,
                "X @ w": lambda X=X: X @ w,
                "scikit-learn": peers.sklearn(w) and partial(peers.sklearn(w), X),
                "ONNX Runtime, float32": runtime and partial(runtime, X32),
            }
        )
        expected = X @ w
        for name, call in calls.items():
            check(expected, call(), 1e-3 if "float32" in name else 1e-9)
        times = interleaved(calls, 3 if quick else 15)
        ms = {name: 1e3 * seconds for name, seconds in times.items()}
        moved = n * ((64 if order == "C" else 8) * kept + 8)
        yield {
            "figure": f"dense {order} order, {n} × {p}, 2 % kept, {threads} threads",
            "unit": "ms",
            "ours": ms["fastl1"],
            "peers": {name: ms[name] for name in list(ms)[1:]},
            "bytes": moved,
            "GBs": moved / ms["fastl1"] / 1e6,
            "must": [
                (f"times {name}", bound, ms[name] / ms["fastl1"], ">=")
                for name, bound in zip(("X[:, kept] @ w", "X @ w"), bounds, strict=True)
            ],
        }


def triad(n, threads, folder):
    """The triad as a call, with arrays of its own; None without a compiler."""
    source = Path(__file__).with_name("triad.c")
    library = Path(folder, "triad.so")
    command = ["cc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    try:
        subprocess.run([*command, source, "-o", library], check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    function = ctypes.CDLL(str(library)).triad
    arrays = [np.full(n, float(k)) for k in range(3)]
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]

    def call():
        function(ctypes.c_ssize_t(n), *pointers, ctypes.c_int(threads))
        return arrays

    return call


def threshold(threads, quick):
    """Soft threshold of float64.  Bytes of an element: 8 read, 8 written; the triad's
    are counted as 24."""
    n = 100_000 if quick else 10_000_000
    x = np.random.default_rng(0).standard_normal(n)
    out, here = np.empty(n), x.copy()

    def clip():
        np.clip(x, -0.7, 0.7, out=out)
        np.subtract(x, out, out=out)

    shrink = partial(fastl1.soft_threshold, n_threads=threads)
    with tempfile.TemporaryDirectory() as folder:
        calls = present(
            {
                "fastl1": lambda: shrink(x, 0.7, out=out),
                # the threshold 0 writes what it reads, so that rounds are alike
                "fastl1 in place": lambda: shrink(here, 0.0, out=here),
                "np.clip with out=": clip,
                "triad": triad(n, threads, folder),
            }
        )
        times = interleaved(calls, 5 if quick else 25)
    check(np.sign(x) * np.maximum(np.abs(x) - 0.7, 0), shrink(x, 0.7, out=out))
    rate = {
        name: (24 if name == "triad" else 16) * n / seconds / 1e9
        for name, seconds in times.items()
    }
    for name, bound, clip_bound in (
        ("fastl1", 0.95, 2.5),
        ("fastl1 in place", 1.5, None),
    ):
        must = [
            ("times np.clip", clip_bound, rate[name] / rate["np.clip with out="], ">=")
        ]
        if "triad" in rate:
            must.insert(0, ("times the triad", bound, rate[name] / rate["triad"], ">="))
        where = "in place" if "place" in name else "out of place"
        yield {
            "figure": f"soft threshold of {n:.0e} float64 {where}, {threads} threads",
            "unit": "GB/s",
            "ours": rate[name],
            "peers": {k: v for k, v in rate.items() if not k.startswith("fastl1")},
            "bytes": 16,
            "GBs": rate[name],
            "must": must,
        }


def cold_start(threads, quick):
    """Process start to first prediction, less a process that imports numpy.  Bytes: of
    the file."""
    # as installers do; development environments may switch bytecode off
    compileall.compile_dir(Path(fastl1.__file__).parent, quiet=2)
    p = 10_000 if quick else 1_000_000
    w, _ = sparse_model(p, p // 100)
    model = fastl1.SparseModel.from_coef(w.astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.fl1")
        model.save(path)
        size = path.stat().st_size
        row = "numpy.array([1, 5, 9]), numpy.array([1.0, 2.0, 3.0])"
        load = "from fastl1.infer.runtime import load"
        start = "import numpy\n"
        times = fresh(
            {
                "numpy": f"{start}{row}",
                "fastl1": f"{start}{load}\nload({str(path)!r}).predictor()({row})",
                "scipy.sparse": f"{start}import scipy.sparse\n{row}",
            },
            3 if quick else 30,
        )
    over = {name: 1e3 * (times[name] - times["numpy"]) for name in times}
    yield {
        "figure": "cold start over import numpy, least",
        "unit": "ms",
        "ours": over["fastl1"],
        "peers": {
            "import scipy.sparse alone": over["scipy.sparse"],
            "(import numpy itself)": 1e3 * times["numpy"],
        },
        "bytes": size,
        "GBs": None,
        "must": [("ms at most", 10.0, over["fastl1"], "<=")],
    }
    each = (size - 4096) / (p // 100)
    yield {
        "figure": "artifact, float32, 1 % kept, no names",
        "unit": "bytes",
        "ours": size,
        "peers": {"dense float32": 4 * p},
        "bytes": size,
        "GBs": None,
        "must": [("bytes a coefficient beyond 4 KiB, at most", 6.0, each, "<=")],
    }


def onnx(threads, quick):
    """One dense row in ONNX Runtime: `to_onnx` and dense exports, all float32.  Bytes:
    a line of 64 of the row for each kept feature, its index of 8 and coefficient of 4;
    a dense export moves 8 for every feature."""
    p = 10_000 if quick else 1_000_000
    w, _ = sparse_model(p, p // 100)
    model = fastl1.SparseModel.from_coef(w.astype(np.float32))
    dense = {
        f"dense export, {form}": peers.onnx(w, threads, form)
        for form in ("MatMul", "LinearRegressor")
    }
    if None in dense.values():
        return
    data = model.to_onnx()
    contenders = {"fastl1, kept columns": peers.session(data, threads), **dense}
    rng = np.random.default_rng(2)
    rows = [rng.standard_normal((1, p)).astype(np.float32) for _ in range(8)]
    expected = model.predict(rows[0])
    for call in contenders.values():
        check(expected, call(rows[0]), 1e-2)
    calls = {
        name: [partial(call, x) for x in rows] for name, call in contenders.items()
    }
    times = latencies(calls, rounds=3 if quick else 20)
    p50 = {name: value[0] for name, value in times.items()}
    ours = p50[next(iter(calls))]
    moved = p // 100 * (64 + 12)
    yield {
        "figure": f"one dense row in ONNX Runtime, {threads} threads: p50 (p99)",
        "unit": "µs",
        "ours": ours,
        "p99": {name: value[1] for name, value in times.items()},
        "peers": {name: p50[name] for name in dense},
        "bytes": moved,
        "GBs": moved / ours / 1e3,
        "must": [(f"times the {name}", 10.0, p50[name] / ours, ">=") for name in dense],
    }
    yield {
        "figure": "ONNX file, float32, 1 % kept, no names",
        "unit": "bytes",
        "ours": len(data),
        "peers": {"dense float32": 4 * p},
        "bytes": len(data),
        "GBs": None,
        "must": [("bytes at most", 12 * (p // 100) + 4096, len(data), "<=")],
    }


TASKS = {
    "row": row,
    "batch": partial(batch, 0.01),
    "batch-all": partial(batch, 1),
    "dense": dense,
    "threshold": threshold,
    "cold-start": cold_start,
    "onnx": onnx,
}
