"""Measurements of inference: latency, throughput, cold start, bytes; without printing.

A *contender* is one way to predict with a model; all get the same rows and must agree.
Latency is of single calls, cycling over different rows, less the cost of the clock.
Throughput is of the best of several calls on one batch.  Cold start is from the start
of a process to its first prediction, less that of one that only imports numpy, both
the least of interleaved runs, with compiled Python files at hand.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastl1 import _runtime
from fastl1._extras import require
from fastl1._version import __version__
from fastl1.cli.contenders import Contender, contenders

MAX_DISTINCT = 256  # rows that single calls cycle over
MAX_CALLS = 20_000
SYNTHETIC_ROWS = 1000
SYNTHETIC_NNZ = 50  # nonzeros of a synthetic row, where there are so many features
DENSE_LIMIT = 1 << 27  # bytes of the largest dense batch
QUANTILES = (50, 95, 99)


@dataclass
class Plan:
    """What to measure.

    Attributes
    ----------
    batches : tuple of int
        Sizes of the batches.
    threads : tuple of int
        Numbers of threads, for the contenders that have them.
    seconds : float
        Time for each number, about.
    cold_runs : int
        Fresh processes for each contender; 0 for none.
    """

    batches: tuple[int, ...] = (1, 10, 100, 1000, 10_000, 100_000)
    threads: tuple[int, ...] = field(
        default_factory=lambda: tuple(sorted({1, _runtime.resolve_threads(None)}))
    )
    seconds: float = 0.3
    cold_runs: int = 5


def synthetic_rows(n_features: int, seed: int = 0) -> Any:
    """Rows for a model without data: CSR with 50 nonzeros, or dense when narrow."""
    rng = np.random.default_rng(seed)
    if n_features <= 4 * SYNTHETIC_NNZ:
        return rng.standard_normal((SYNTHETIC_ROWS, n_features))
    sp = require("scipy.sparse", extra="cli")
    indices = rng.integers(0, n_features, (SYNTHETIC_ROWS, SYNTHETIC_NNZ))
    indices.sort(axis=1)
    indptr = np.arange(SYNTHETIC_ROWS + 1) * SYNTHETIC_NNZ
    values = rng.standard_normal(indices.size)
    rows = sp.csr_array(
        (values, indices.ravel().astype(np.int32), indptr.astype(np.int32)),
        shape=(SYNTHETIC_ROWS, n_features),
    )
    rows.sum_duplicates()
    return rows


def measure(
    model: Any,
    path: str | os.PathLike[str],
    rows: Any,
    plan: Plan | None = None,
    progress: Callable[[str], Any] = lambda step: None,
) -> dict[str, Any]:
    """Every measurement of a model, of its dense equivalent and of what is installed.

    Parameters
    ----------
    model : SparseModel
    path : path-like
        Its file.
    rows : ndarray or SciPy CSR array (n, n_features)
    plan : Plan, optional
    progress : callable
        Gets a word on each step.

    Returns
    -------
    dict
        JSON types: ``model``, ``rows``, ``machine``; ``latency_us``: by contender
        ``p50, p95, p99, calls``; ``throughput``: a list of ``contender, threads, batch,
        rows_per_second``; ``cold_start_ms`` (None where noise was larger),
        ``difference`` (largest, from fastl1's predictions) and ``bytes`` (``disk,
        memory``) by contender; ``skipped``: why a contender is missing.
    """
    plan = plan or Plan()
    out: dict[str, Any] = {
        "model": {
            "file": str(path),
            "link": model.link,
            "features": model.n_features,
            "kept": len(model.features),
            "outputs": model.n_outputs,
            "precision": model.precision,
        },
        "rows": describe_rows(rows),
        "machine": describe_machine(),
        "latency_us": {},
        "throughput": [],
        "cold_start_ms": {},
        "difference": {},
        "bytes": {},
    }
    with tempfile.TemporaryDirectory(prefix="fastl1-bench-") as folder:
        found, out["skipped"] = contenders(model, path, Path(folder), rows)
        expected = model.predict(rows[:MAX_DISTINCT])
        for one in found:
            progress(f"latency: {one.name}")
            few = min(one.row_limit(DENSE_LIMIT), MAX_DISTINCT, rows.shape[0])
            out["difference"][one.name] = _difference(one, rows[:few], expected[:few])
            calls = [one.single(rows, i) for i in range(few)]
            out["latency_us"][one.name] = latency(calls, plan.seconds)
            out["bytes"][one.name] = {"disk": one.disk, "memory": one.memory}
        for one in found:
            progress(f"throughput: {one.name}")
            for size in plan.batches:
                if size > one.row_limit(DENSE_LIMIT):
                    continue
                batch = one.prepare(repeat_rows(rows, size))
                for threads in plan.threads if one.threaded else (None,):
                    call = one.batch(batch, threads)
                    out["throughput"].append(
                        {
                            "contender": one.name,
                            "threads": threads,
                            "batch": size,
                            "rows_per_second": size / best_time(call, plan.seconds),
                        }
                    )
        if plan.cold_runs:
            programs = {one.name: one.program(rows, Path(folder)) for one in found}
            out["cold_start_ms"] = cold_starts(programs, plan.cold_runs, progress)
    return out


def _difference(one: Contender, rows: Any, expected: np.ndarray) -> float:
    got = np.asarray(one.batch(one.prepare(rows), 1)())
    return float(np.abs(got.reshape(expected.shape) - expected).max(initial=0.0))


def latency(calls: list[Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """Quantiles, in microseconds, of single calls, cycling over `calls`."""
    clock = time.perf_counter_ns
    for call in calls[:10]:
        call()
    idle = np.empty(1000)
    for i in range(len(idle)):
        start = clock()
        idle[i] = clock() - start
    spent, taken, end = np.empty(MAX_CALLS), 0, clock() + int(seconds * 1e9)
    while taken < MAX_CALLS:
        call = calls[taken % len(calls)]
        start = clock()
        call()
        stop = clock()
        spent[taken] = stop - start
        taken += 1
        if stop > end and taken >= 100:
            break
    spent = np.maximum(spent[:taken] - np.median(idle), 0.0) / 1e3
    values = np.percentile(spent, QUANTILES).tolist()
    named = {f"p{q}": value for q, value in zip(QUANTILES, values, strict=True)}
    return {**named, "calls": taken}


def best_time(call: Callable[[], Any], seconds: float) -> float:
    """Least seconds of a call, of at least three and for about `seconds`."""
    call()
    best, count, end = np.inf, 0, time.perf_counter() + seconds
    while count < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
        count += 1
    return best


def repeat_rows(rows: Any, size: int) -> Any:
    """`size` rows: the first ones, or all of them again and again."""
    n = rows.shape[0]
    if size <= n:
        return rows[:size]
    times = -(-size // n)
    if not hasattr(rows, "tocsr"):
        return np.tile(rows, (times, 1))[:size]
    sp = require("scipy.sparse", extra="cli")
    return sp.vstack([rows] * times, format="csr")[:size]


def cold_starts(
    programs: dict[str, str | None],
    runs: int,
    progress: Callable[[str], Any] = lambda step: None,
) -> dict[str, float | None]:
    """Milliseconds to the first prediction beyond ``import numpy``, by contender.

    Each is a difference of two least times.  It is None where it is not above what
    the two differ by among their own runs: there the noise is larger.
    """
    taken: dict[str, list[float]] = {}
    wanted = {"": "import numpy"}
    wanted |= {name: text for name, text in programs.items() if text is not None}
    with tempfile.TemporaryDirectory(prefix="fastl1-bench-") as cache:
        # as after an installation: Python files are compiled before, not in each run
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        for k in range(runs + 1):
            progress(f"cold start: run {k} of {runs}")
            for name, text in wanted.items():
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-c", text], env=environment, check=True
                )
                if k:  # the first one fills the cache
                    spent = time.perf_counter() - start
                    taken.setdefault(name, []).append(spent)
    bare = taken.pop("")
    return {name: beyond(spent, bare) for name, spent in taken.items()}


def beyond(spent: list[float], bare: list[float]) -> float | None:
    """Milliseconds between the least of two lists of seconds, None if that is noise."""
    more = min(spent) - min(bare)
    noise = max(sorted(part)[len(part) // 2] - min(part) for part in (spent, bare))
    return 1e3 * more if more > noise else None


def describe_rows(rows: Any) -> dict[str, Any]:
    """Shape and storage of the rows."""
    sparse = hasattr(rows, "tocsr")
    nnz = rows.nnz if sparse else int(np.count_nonzero(rows))
    return {
        "count": rows.shape[0],
        "features": rows.shape[1],
        "storage": "CSR" if sparse else "dense",
        "dtype": rows.dtype.name,
        "nonzeros_per_row": nnz / max(1, rows.shape[0]),
    }


def describe_machine() -> dict[str, Any]:
    """Processor, cores and versions."""
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": cpu,
        "cores": _runtime.resolve_threads(None),
        "isa": _runtime.isa,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "fastl1": __version__,
    }
