"""Seconds of two builds on tasks of README's table, one thread.

The builds take turns, a process each, and who begins alternates; what counts is the
median over the rounds of a process's best of three. As a module this file is that
process: ``python -m benchmarks.gate.wall NAME...`` prints seconds as JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

import fastl1

from . import workloads as data
from .counts import environment, stage_package

TIMES = 3
TASKS = {}


def task(make):
    """Enter `make` under its name, with dashes."""
    TASKS[make.__name__.replace("_", "-")] = make
    return make


def path(X, y, **settings):
    settings = {"alpha_min_ratio": 0.01, "fit_intercept": False} | settings
    return partial(fastl1.path, X, y, n_threads=1, **settings)


@task
def lasso_path_wide():
    X = data.correlated(500, 20_000)
    return path(X, data.real(X))


@task
def lasso_path_tall():
    X = data.correlated(50_000, 300)
    return path(X, data.real(X))


@task
def lasso_path_text():
    X = data.text(20_000, 50_000, 30)
    return path(X, data.real(X))


@task
def logistic_path_wide():
    X = data.correlated(500, 20_000)
    return path(X, data.labels(X), loss="logistic", n_alphas=50)


@task
def poisson_path():
    X = data.correlated(20_000, 100)
    return path(X, data.counts(X), loss="poisson", n_alphas=20)


@task
def cox_path():
    X = data.correlated(500, 1000)
    return path(X, data.lifetimes(X), loss="cox", n_alphas=30)


@task
def multinomial_path():
    X = data.correlated(1000, 300)
    noise = np.random.default_rng(5).gumbel(size=(1000, 5))
    y = (noise + X[:, :5]).argmax(axis=1)
    return path(X, y, loss="multinomial", n_alphas=10, alpha_min_ratio=0.1)


@task
def fit_many():
    X = data.correlated(2000, 500)
    Y = X[:, :100] + np.random.default_rng(5).standard_normal((2000, 100))
    return partial(fastl1.fit_many, X, Y, alpha_ratio=0.05, n_threads=1)


@task
def fit_ragged():
    n, k = 100, 5000
    X = data.correlated(n * k, 20)
    indptr = np.arange(k + 1) * n
    y = data.real(X)
    return partial(fastl1.fit_ragged, X, y, indptr, alpha_ratio=0.1, n_threads=1)


@task
def cross_validation():
    X = data.correlated(500, 4000)
    y = data.real(X)
    return partial(fastl1.cross_validate_path, X, y, cv=5, n_threads=1)


@task
def predict_sparse():
    rng = np.random.default_rng(0)
    X = data.text(100_000, 200_000, 50).tocsr()
    coef = np.where(rng.random(200_000) < 0.01, rng.standard_normal(200_000), 0.0)
    model = fastl1.SparseModel.from_coef(coef)

    def run():
        for _ in range(5):
            model.predict(X, n_threads=1)

    return run


@task
def predict_dense():
    rng = np.random.default_rng(0)
    coef = np.where(rng.random(2000) < 0.02, rng.standard_normal(2000), 0.0)
    model = fastl1.SparseModel.from_coef(coef)
    X = rng.standard_normal((10_000, 2000))

    def run():
        for _ in range(20):
            model.predict(X, n_threads=1)

    return run


@task
def predict_row():
    rows = data.WORKLOADS["predict-row"]()

    def run():
        for _ in range(20):
            rows()

    return run


def compare_seconds(args):
    """The command ``wall``: a table of medians, always with status 0."""
    if args.rounds < 1:
        raise SystemExit("--rounds must be positive")
    seconds = {name: {"base": [], "head": []} for name in args.tasks}
    with tempfile.TemporaryDirectory() as folder:
        stages = {
            "base": stage_package(args.base, Path(folder, "base")),
            "head": stage_package(args.head, Path(folder, "head")),
        }
        for turn in range(args.rounds):
            for side in sorted(stages, reverse=turn % 2 == 1):
                for name, pair in measure(stages[side], args.tasks, folder).items():
                    seconds[name][side].append(pair)
    print(*table(seconds), sep="\n")
    return 0


def measure(stage, names, folder):
    """{name: [wall, processor] seconds} of one build, from a process of its own."""
    command = [sys.executable, "-P", "-m", "benchmarks.gate.wall", *names]
    done = subprocess.run(
        command, cwd=folder, env=environment(stage), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"the tasks ended early:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def table(seconds):
    """Lines: medians and least of both builds, in ms, by the wall and by the CPU."""
    lines = [f"{'task':<20}{'clock':<7}{'base':>9}{'head':>9}{'ratio':>8}{'least':>16}"]
    for name, sides in seconds.items():
        for clock, unit in enumerate(("wall", "cpu")):
            base, head = (
                [1000 * pair[clock] for pair in sides[side]]
                for side in ("base", "head")
            )
            ratio = median(head) / median(base)
            lines.append(
                f"{name:<20}{unit:<7}{median(base):>9.2f}{median(head):>9.2f}"
                f"{ratio:>8.3f}{min(base):>8.2f}{min(head):>8.2f}"
            )
    return lines


def best_of_process(name):
    """[wall, processor] seconds of the task, each the least of several runs."""
    run = TASKS[name]()
    run()  # imports, the first touch of memory
    least = [float("inf")] * 2
    for _ in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        passed = time.perf_counter() - wall, time.process_time() - cpu
        least = [min(pair) for pair in zip(least, passed, strict=True)]
    return least


if __name__ == "__main__":
    print(json.dumps({name: best_of_process(name) for name in sys.argv[1:]}))
