"""One solver on one task, in its own process: ``python -P worker.py JSON``.

Prints JSON lines: an ``event`` named after what begins ("warm-up", "fit", "judge"), so
that the driver can bound each, and ``{"event": "result", ...}`` for every tolerance.
"""

import importlib
import json
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # at the end: installed packages come first

import numpy as np  # noqa: E402

from benchmarks.peers.certificate import Certificate, alpha_max, certify  # noqa: E402
from benchmarks.peers.data import as_labels, load  # noqa: E402
from benchmarks.peers.solvers import (  # noqa: E402
    PEERS,
    Problem,
    Timed,
    build_folds,
    build_parts,
)
from benchmarks.peers.tasks import TASKS  # noqa: E402

HOMOTOPY_ALPHAS = 20
STALL = 8  # tolerances in a row without a smaller gap end the sweep


def make_problem(task, peer, folder, n_threads):
    """``(problem, judge)``: what the solver gets, and the certificate of its answer."""
    X, y = load(folder)
    if task.loss == "logistic":
        y = as_labels(y)
    if task.parts:
        return make_parts(task, X, y, n_threads)
    top = alpha_max(task.loss, X, y, task.l1_ratio)
    alphas = task.alphas(top)
    problem = Problem(X, y, alphas, task.loss, task.l1_ratio, n_threads, folder)
    if task.folds:
        rows = task.training_rows(len(y))
        return replace(problem, folds=tuple(rows)), judge_of_folds(problem, rows)
    if peer.homotopy:
        down = replace(task, n_alphas=HOMOTOPY_ALPHAS).alphas(top)
        problem = replace(problem, alphas=down)

    def judge(coefs):
        coefs = coefs.toarray() if hasattr(coefs, "toarray") else np.asarray(coefs)
        outputs = len(np.unique(y)) if task.loss == "multinomial" else 1
        coefs = coefs.reshape(X.shape[1] * outputs, -1)
        if coefs.shape[1] != problem.alphas.size:
            return None  # a path that ended early answers another question
        wanted = coefs[:, -1:] if task.single else coefs
        return certify(task.loss, X, y, wanted, alphas, task.l1_ratio)

    return problem, judge


def make_parts(task, X, y, n_threads):
    """`make_problem` for many targets or many stacks of rows."""
    if task.rows:
        X = np.ascontiguousarray(X)
        ends = range(task.rows, len(y) + 1, task.rows)
        parts = [(X[end - task.rows : end], y[end - task.rows : end]) for end in ends]
    else:
        parts = [(X, np.ascontiguousarray(target)) for target in y.T]
    tops = [alpha_max(task.loss, *part, task.l1_ratio) for part in parts]
    alphas = np.concatenate([task.alphas(top) for top in tops])
    problem = Problem(X, y, alphas, task.loss, task.l1_ratio, n_threads, None)

    def judge(coefs):
        coefs = coefs.toarray() if hasattr(coefs, "toarray") else np.asarray(coefs)
        return join(
            certify(task.loss, *part, coefs[:, b], alphas[b], task.l1_ratio)
            for b, part in enumerate(parts)
        )

    return replace(problem, parts=tuple(parts)), judge


def join(certificates):
    """Certificates of several problems as one."""
    found = list(certificates)
    gap, primal, nnz = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("gap", "primal", "nnz")
    )
    return Certificate(primal, gap, nnz, float(np.mean([c.null for c in found])))


def judge_of_folds(problem, folds):
    """The certificate of a path for each fold, on its training rows, as one."""
    X = problem.X.tocsr() if hasattr(problem.X, "tocsr") else problem.X

    def judge(paths):
        found = []
        for rows, coefs in zip(folds, paths, strict=True):
            if coefs.shape[1] != problem.alphas.size:
                return None
            y = problem.y[rows]
            part = problem.loss, X[rows], y, coefs, problem.alphas, problem.l1_ratio
            found.append(certify(*part))
        return join(found)

    return judge


def sweep(fit, tols, judge, emit, gaps, budget):
    """Time ``fit`` at every tolerance until the least gap is reached or time is up.

    A fit that first reaches a gap is repeated and its median counts.  The budget is of
    timed fits: the first fit, which pays for imports and compilation, is outside it.
    """

    def timed(tol, event="fit"):
        emit(event=event, tol=tol)
        start = time.perf_counter(), time.process_time()
        coefs = fit(tol)
        stop = time.perf_counter(), time.process_time()
        emit(event="judge")
        if isinstance(coefs, Timed):
            return coefs
        return Timed(coefs, stop[0] - start[0], stop[1] - start[1])

    timed(float(tols[0]), event="warm-up")
    spent, best, stalled, k = 0.0, np.inf, 0, 0
    while k < len(tols) and spent < budget and stalled < STALL:
        tol = float(tols[k])
        coefs, first, cpu = timed(tol)
        certificate = judge(coefs)
        gap = certificate.worst if certificate else np.inf
        times = [first]
        spent += first
        if first < 0.02 or any(gap <= g < best for g in gaps):
            while len(times) < (3 if sum(times) > 0.5 else 5) and sum(times) < 3:
                times.append(timed(tol).seconds)
        if certificate:
            emit(
                event="result",
                tol=tol,
                seconds=median(times),
                cpu=cpu,
                repeats=len(times),
                gap=gap,
                primal=float(certificate.primal.sum()),
                nnz=int(certificate.nnz.max()),
            )
        if gap <= min(gaps):
            return
        stalled = 0 if gap < 0.7 * best else stalled + 1
        best = min(best, gap)
        k += 1 + (decades_to_skip(gap, gaps) if first > 0.25 else 0)


def decades_to_skip(gap, gaps):
    """Tolerances to jump over while the gap is far above the next one wanted."""
    ahead = [g for g in gaps if g < gap]
    if not np.isfinite(gap) or not ahead:
        return 0
    return max(0, int(np.log10(gap / max(ahead)) - 0.3))


def main(argument):
    config = json.loads(argument)
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a solver prints goes to the log

    def emit(**record):
        channel.write(json.dumps(record) + "\n")

    peer = PEERS[config["peer"]]
    task = TASKS[config["task"]]
    module = importlib.import_module(f"benchmarks.peers.solvers.{peer.module}")
    problem, judge = make_problem(
        task, peer, Path(config["folder"]), config["n_threads"]
    )
    build = partial(module.build, **peer.options)
    if task.folds and peer.cv != "own":
        fit, tols = build_folds(build, problem, peer.cv == "threads")
    elif task.parts and not hasattr(module, "build_many"):
        fit, tols = build_parts(build, problem)
    elif task.parts:
        fit, tols = module.build_many(problem, **peer.options)
    else:
        fit, tols = build(problem)
    sweep(fit, tols, judge, emit, config["gaps"], config["budget"])


if __name__ == "__main__":
    main(sys.argv[1])
