"""The benchmark harness: its certificate against the oracle, and one tiny run."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from oracles import losses, reference
from oracles.multinomial import MultinomialReference
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.peers import certificate, data, run, tasks, worker
from benchmarks.peers.solvers import PEERS


def problem(loss, sparse, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 25))
    if sparse:
        X = sp.csc_matrix(X * (rng.random(X.shape) < 0.3))
    y = X @ rng.standard_normal(25) + rng.standard_normal(40)
    if loss in ("poisson", "tweedie"):
        return X, losses.target(loss, y, rng)
    return X, (data.as_labels(y) if loss == "logistic" else y)


CASES = [("squared", 1.0), ("squared", 0.4), ("logistic", 1.0)]
CASES += [("poisson", 1.0), ("tweedie", 1.0)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("loss", "l1_ratio"), CASES)
def test_certificate_agrees_with_the_oracle(loss, l1_ratio, sparse):
    X, y = problem(loss, sparse)
    oracle = {"loss": loss, "l1_ratio": l1_ratio, "fit_intercept": False}
    target = (y > 0).astype(float) if loss == "logistic" else y
    top = certificate.alpha_max(loss, X, y, l1_ratio)
    assert top == pytest.approx(reference.alpha_max(X, target, **oracle), rel=1e-12)
    alphas = top / np.array([2.0, 10.0, 50.0])
    exact = [reference.fit(X, target, alpha, **oracle)[0] for alpha in alphas]
    noise = np.random.default_rng(1).standard_normal((25, 3))
    tolerance = 0.02 if l1_ratio == 1.0 else 0.2  # with l2, other bounds are tried
    if loss in losses.TWINS:
        tolerance = 0.1  # the oracle searches along the ray, and coarsely
    for scale in (0.0, 1e-4, 1e-2):
        W = np.column_stack(exact) + scale * noise
        got = certificate.certify(loss, X, y, W, alphas, l1_ratio)
        for k, alpha in enumerate(alphas):
            primal, gap, null = reference.certificate(
                X, target, W[:, k], 0.0, alpha, **oracle
            )
            assert got.null == pytest.approx(null, rel=1e-12)
            assert got.primal[k] == pytest.approx(primal, rel=1e-12)
            best = reference.objective(X, target, exact[k], 0.0, alpha, **oracle)
            assert got.gap[k] * null >= primal - best - 1e-12
            assert got.gap[k] == pytest.approx(gap / null, rel=tolerance, abs=1e-10)


def test_multinomial_certificate_agrees_with_the_oracle():
    X, _ = problem("squared", False)
    y = np.arange(40) % 3 * 2.0
    top = certificate.alpha_max("multinomial", X, y)
    oracle = MultinomialReference(X, y / 2, 3, fit_intercept=False)
    W = 0.1 * np.random.default_rng(2).standard_normal((25, 3))
    for alpha in (top, top / 10):
        got = certificate.certify("multinomial", X, y, W.T.reshape(-1, 1), alpha)
        assert got.null == pytest.approx(np.log(3))
        assert got.primal[0] == pytest.approx(oracle.objective(W, np.zeros(3), alpha))
        gap = oracle.relative_gap(W, np.zeros(3), alpha)
        assert gap - 1e-12 <= got.gap[0] < 1.5 * gap + 0.05
    assert certificate.certify("multinomial", X, y, 0 * W, top).gap[0] < 1e-12


@pytest.mark.parametrize("tied", [False, True])
def test_cox_certificate(tied):
    """Against sums over risk sets, and an optimum found without derivatives of ours."""
    rng = np.random.default_rng(3)
    n, p = 30, 4
    X = rng.standard_normal((n, p))
    time = rng.exponential(np.exp(-X @ [1.0, -0.5, 0.0, 0.0]))
    y = np.c_[rng.random(n) < 0.6, np.ceil(4 * time) if tied else time]

    def loss(w):
        eta, total = X @ w, 0.0
        for t in np.unique(y[y[:, 0] == 1, 1]):
            dead = (y[:, 0] == 1) & (y[:, 1] == t)
            at_risk = np.log(np.exp(eta[y[:, 1] >= t]).sum())
            total += dead.sum() * (at_risk - np.log(dead.sum())) - eta[dead].sum()
        return total / n

    zero, step = np.zeros(p), 1e-6 * np.eye(p)
    top = certificate.alpha_max("cox", X, y)
    slopes = [(loss(e) - loss(-e)) / 2e-6 for e in step]
    assert top == pytest.approx(np.abs(slopes).max(), rel=1e-6)
    assert certificate.certify("cox", X, y, zero, top).worst < 1e-12
    alpha = top / 5
    ends = [(0, None)] * (2 * p)

    def objective(u):
        return loss(u[:p] - u[p:]) + alpha * u.sum()

    found = minimize(objective, np.zeros(2 * p), bounds=ends, options={"ftol": 1e-14})
    best = found.x[:p] - found.x[p:]
    at_best = certificate.certify("cox", X, y, best, alpha)
    assert at_best.null == pytest.approx(loss(zero), rel=1e-12)
    assert at_best.primal[0] == pytest.approx(found.fun, rel=1e-12)
    assert 0 <= at_best.worst < 1e-5
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        w = best + scale * rng.standard_normal(p)
        got = certificate.certify("cox", X, y, w, alpha)
        missing = got.primal[0] - found.fun
        assert missing - 1e-9 <= got.gap[0] * got.null <= 50 * missing + 1e-3 * scale


def test_certificate_of_a_sparse_path_counts_nonzeros():
    X, y = problem("squared", True)
    alphas = certificate.alpha_max("squared", X, y) * np.array([1.0, 0.5])
    W = np.zeros((25, 2))
    W[3, 1] = 0.1
    got = certificate.certify("squared", X, y, sp.csc_array(W), alphas)
    assert got.nnz.tolist() == [0, 1]
    assert got.gap[0] == pytest.approx(0.0, abs=1e-15)
    assert got.worst == got.gap[1] > 0
    with pytest.raises(ValueError, match="2 coefficient vectors for 1 alphas"):
        certificate.certify("squared", X, y, W, alphas[:1])


def test_real_data_needs_its_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("FASTL1_BENCH_DATA", raising=False)
    with pytest.raises(data.DataMissing, match="FASTL1_BENCH_DATA is not set"):
        data.prepare("leukemia", tmp_path)
    monkeypatch.setenv("FASTL1_BENCH_DATA", str(tmp_path))
    with pytest.raises(data.DataMissing, match="golub_leukemia"):
        data.prepare("leukemia", tmp_path)
    assert not list(tmp_path.iterdir())


def test_tasks_are_chosen_by_pattern():
    assert [t.name for t in tasks.select(["lassopath-w*", "lasso-wide-10"])] == [
        "lassopath-wide-100",
        "lasso-wide-10",
    ]
    assert not any("tiny" in t.name for t in tasks.select())
    with pytest.raises(SystemExit, match="no task matches lasso-nothing"):
        tasks.select(["lasso-nothing"])


def test_a_path_with_alphas_missing_is_not_judged(tmp_path):
    task = tasks.TASKS["lassopath-tinydense-10"]
    folder = data.prepare(task.data, tmp_path)
    problem, judge = worker.make_problem(task, PEERS["sklearn"], folder, 1)
    W = np.zeros((problem.X.shape[1], len(problem.alphas)))
    assert judge(W).worst > 0
    assert judge(W[:, :-1]) is None


def test_every_fold_of_a_cross_validation_is_judged(tmp_path):
    task = tasks.TASKS["cv-tinysparse-10"]
    folder = data.prepare(task.data, tmp_path)
    problem, judge = worker.make_problem(task, PEERS["sklearn"], folder, 1)
    n, K = len(problem.y), len(problem.alphas)
    assert len(problem.folds) == 3
    left_out = [np.setdiff1d(np.arange(n), rows) for rows in problem.folds]
    assert np.array_equal(np.concatenate(left_out), np.arange(n))
    from benchmarks.peers.solvers import build_folds, sklearn_enet

    assert all(np.diff(rows).max() == 1 for rows in left_out)
    fit, tols = build_folds(sklearn_enet.build, problem, threads=True)
    paths = fit(tols[-1])
    good = judge(paths)
    assert good.gap.shape == (3 * K,)
    assert good.worst <= 1e-8
    # a wrong path of one fold, or one that ended early
    assert judge([paths[0], paths[0], paths[2]]).worst > 1e-4
    assert judge([paths[0], paths[1][:, :-1], paths[2]]) is None
    for rows, path in zip(problem.folds, paths, strict=True):
        X, y = problem.X[rows], problem.y[rows]
        for k, alpha in enumerate(problem.alphas):
            options = {"fit_intercept": False}
            gap = reference.relative_gap(
                X.toarray(), y, path[:, k], 0.0, alpha, **options
            )
            assert gap <= 1e-7


@pytest.mark.parametrize("name", ["many-tinytargets-10", "ragged-tinystack-10"])
def test_every_one_of_many_problems_is_judged(name, tmp_path):
    from benchmarks.peers.solvers import fastl1, sklearn_enet

    task = tasks.TASKS[name]
    folder = data.prepare(task.data, tmp_path)
    problem, judge = worker.make_problem(task, PEERS["sklearn"], folder, 2)
    count = len(problem.parts)
    assert count == len(problem.alphas) == (6 if task.rows else 4)
    for build, options in (
        (fastl1.build_many, {}),
        (sklearn_enet.build_many, {}),
        (sklearn_enet.build_many, {"precompute": True}),
    ):
        fit, tols = build(problem, **options)
        coefs = fit(tols[-1])
        good = judge(coefs)
        assert good.gap.shape == (count,)
        assert good.worst <= 1e-8
        wrong = np.array(coefs.toarray() if sp.issparse(coefs) else coefs)
        wrong[:, 1] = wrong[:, 0]
        assert judge(wrong).worst > 1e-4
    for b, (X, y) in enumerate(problem.parts):
        top = certificate.alpha_max("squared", X, y)
        assert problem.alphas[b] == pytest.approx(top / 10)


def test_sweep_keeps_to_budget_and_gaps():
    certified = {0.1: 1e-2, 0.01: 1e-5, 0.001: 1e-11, 1e-4: 0.0}
    events = []

    def judge(coefs):
        one = np.ones(1)
        return certificate.Certificate(one, one * certified[coefs], one, 1.0)

    def emit(**record):
        events.append(record)

    worker.sweep(lambda tol: tol, list(certified), judge, emit, [1e-4, 1e-9], 10.0)
    results = [e for e in events if e["event"] == "result"]
    assert [r["gap"] for r in results] == [1e-2, 1e-5, 1e-11]
    assert events[0]["event"] == "warm-up"


def test_harness_end_to_end(tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--here", "--threads", "1", "--budget", "60"]
    arguments += ["--work", str(tmp_path / "work"), "--out", str(out)]
    chosen = ["lasso-tinydense-10", "lassopath-tinysparse-10", "logistic-tinydense-10"]
    chosen += ["cv-tinydense-10", "cv-tinysparse-10"]
    chosen += ["multinomial-tinyclasses-10"]
    chosen += ["many-tinytargets-10", "ragged-tinystack-10"]
    chosen += ["logisticcv-tinysparse-10", "coxpath-tinylifetimes-10"]
    chosen += ["poissonpath-tinycounts-10", "tweediepath-tinyclaims-10"]
    peers = ["fastl1", "sklearn"]
    assert run.main(["--tasks", *chosen, "--peers", *peers, *arguments]) == 0
    printed = capsys.readouterr().out
    assert "| lasso-tinydense-10 | 1 |" in printed
    results = json.loads((out / "results.json").read_text())
    rows = {row["task"]: row for row in results["tasks"]}
    assert list(rows) == chosen
    for name, row in rows.items():
        ours = row["peers"]["fastl1"]
        assert ours["note"] is None
        assert None not in ours["seconds"].values()
        assert ours["least_gap"] <= 1e-9
        if name.startswith(("lasso", "cv", "many", "ragged")):
            assert row["best"]["1e-6"]["peer"] == "sklearn"
            assert row["best"]["1e-6"]["ratio"] > 0
    assert "## lasso-tinydense-10, 1 threads" in (out / "report.md").read_text()


def test_a_worker_that_fails_is_reported_with_its_budget(tmp_path, capsys):
    arguments = ["--tasks", "lasso-tinydense-10", "--peers", "no-such-peer"]
    with pytest.raises(SystemExit):
        run.main(arguments)
    assert "unknown peer no-such-peer" in capsys.readouterr().err
    config = {"task": "lasso-tinydense-10", "peer": "sklearn", "n_threads": 1}
    config |= {"folder": str(tmp_path), "gaps": [1e-4], "budget": 1.0}
    runs, note = run.run_worker(sys.executable, config)
    assert runs == []
    assert note.startswith("status 1: FileNotFoundError")
