"""``fastl1 bench``: contenders that agree, numbers that mean what they say."""

import contextlib
import io
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

for package in ("click", "pyarrow", "rich", "scipy"):
    pytest.importorskip(package)

import scipy.sparse as sp  # noqa: E402

from fastl1.cli import app, measure  # noqa: E402
from fastl1.cli.contenders import contenders  # noqa: E402
from fastl1.data.columns import ColumnTreatment  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402

QUICK = (
    "--seconds",
    "0.001",
    "--batches",
    "1,50",
    "--threads",
    "1",
    "--cold-runs",
    "0",
)


def run(*words):
    """(exit code, stdout, stderr) of the command."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = app.run([str(word) for word in words])
    for stream in (out, err):
        stream.seek(0)
    return code, out.read(), err.read()


def saved(path, link="identity", n_outputs=1, p=30, seed=0):
    rng = np.random.default_rng(seed)
    coef = rng.standard_normal((n_outputs, p)) * (rng.random((n_outputs, p)) < 0.3)
    model = SparseModel.from_coef(coef, rng.standard_normal(n_outputs), link=link)
    model.save(path)
    return model


@pytest.mark.parametrize(
    ("link", "n_outputs"),
    [
        *(("identity", 1), ("logit", 1), ("log", 1), ("softmax", 4), ("identity", 3)),
        *(("probit", 1), ("cloglog", 1)),
    ],
)
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
def test_contenders_agree(tmp_path, link, n_outputs, storage):
    model = saved(tmp_path / "m.fl1", link, n_outputs)
    rng = np.random.default_rng(1)
    rows = storage(rng.standard_normal((20, 30)) * (rng.random((20, 30)) < 0.5))
    found, skipped = contenders(model, tmp_path / "m.fl1", tmp_path, rows)
    names = [one.name for one in found]
    assert names[0] == "fastl1"
    assert "NumPy, dense" in names
    assert ("SciPy" in names) == (storage is sp.csr_array) != ("SciPy" in skipped)
    expected = model.predict(rows)
    for one in found:
        exact = "ONNX" not in one.name
        tolerance = {"rtol": 1e-12 if exact else 2e-4, "atol": 1e-12 if exact else 1e-5}
        for threads in (1, 2):
            got = np.asarray(one.batch(one.prepare(rows), threads)())
            np.testing.assert_allclose(
                got.reshape(expected.shape), expected, **tolerance
            )
        for i in (0, 7):
            got = np.asarray(one.single(rows, i)())
            np.testing.assert_allclose(got.ravel(), expected[i].ravel(), **tolerance)
        assert one.disk > 0
        assert one.memory > 0


def test_the_graph_of_the_kept_columns_is_beside_the_dense_one(tmp_path):
    pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra onnx)")
    model = saved(tmp_path / "m.fl1", "logit", p=20_000)
    model = model.prune(max_features=10)
    rows = np.random.default_rng(0).standard_normal((3, 20_000))
    found, _ = contenders(model, tmp_path / "m.fl1", tmp_path, rows)
    kept, dense = found[-2:]
    assert kept.name == "ONNX Runtime, kept"
    assert dense.name == "ONNX Runtime, dense"
    assert kept.memory == 10 * 8
    assert dense.memory == 20_000 * 4
    assert 50 * kept.disk < dense.disk


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = saved(tmp_path / "m.fl1")
    found, skipped = contenders(model, tmp_path / "m.fl1", tmp_path, np.eye(30))
    assert [one.name for one in found] == ["fastl1", "NumPy, dense"]
    assert skipped == {
        "SciPy": "the rows are dense",
        "ONNX Runtime": "this needs the package 'onnxruntime'",
    }


def test_latency_and_throughput_measure_time():
    calls = [lambda: time.sleep(0.002)] * 3
    found = measure.latency(calls, 0.02)
    assert found["calls"] == 100
    assert 2000 <= found["p50"] <= found["p95"] <= found["p99"]
    assert measure.best_time(calls[0], 0.01) >= 0.002
    fast = measure.latency([lambda: None], 0.01)
    assert 0 <= fast["p50"] < 50


def test_cold_start_is_beyond_numpy(monkeypatch):
    """The least of every program less the least of numpy, the first run left out."""
    seconds = {"import numpy": [0.0, 0.5, 0.25, 1.0], "slow": [0.0, 1.5, 4.0, 2.0]}
    clock = [0.0]

    def run(command, **options):
        assert command[:2] == [sys.executable, "-c"]
        clock[0] += seconds[command[2]].pop(0)

    monkeypatch.setattr(measure, "subprocess", SimpleNamespace(run=run))
    fake = SimpleNamespace(perf_counter=lambda: clock[0])
    monkeypatch.setattr(measure, "time", fake)
    found = measure.cold_starts({"slow": "slow", "none": None}, 3)
    assert found == {"slow": 1250.0}
    assert seconds == {"import numpy": [], "slow": []}


def test_what_noise_made_is_no_cold_start():
    assert measure.beyond([1.0, 1.1, 1.2], [1.5, 1.6, 1.7]) is None
    assert measure.beyond([1.0, 1.3, 1.4], [0.9, 0.9, 0.9]) is None
    assert measure.beyond([1.0, 1.05, 2.0], [0.5, 0.5, 0.9]) == 500.0


def test_cold_start_runs_programs():
    found = measure.cold_starts({"numpy": "import numpy"}, 1)
    assert found["numpy"] is None or found["numpy"] > 0
    with pytest.raises(subprocess.CalledProcessError):
        measure.cold_starts({"wrong": "import no_such_module"}, 1)


def test_repeated_rows():
    dense = np.arange(12.0).reshape(4, 3)
    for rows in (dense, sp.csr_array(dense)):
        for size in (1, 4, 11):
            part = measure.repeat_rows(rows, size)
            part = part.toarray() if hasattr(part, "toarray") else part
            assert part.tolist() == dense[np.arange(size) % 4].tolist()


def test_made_up_rows():
    assert measure.synthetic_rows(7).shape == (1000, 7)
    rows = measure.synthetic_rows(10**6)
    assert rows.shape == (1000, 10**6)
    assert 49 * 1000 < rows.nnz <= 50 * 1000
    assert (rows != measure.synthetic_rows(10**6)).nnz == 0


def test_memory_counts_what_prediction_builds():
    rng = np.random.default_rng(0)
    indices = np.sort(rng.choice(10**6, 10**4, replace=False))
    model = SparseModel(indices, np.ones(10**4, np.float32), 0.0, 10**6)
    # values and places; the same for the kernels, a filter of 64 bits a feature, and a
    # hash table of at most 4 entries a feature
    assert model.weights.nbytes == 10**4 * 12
    assert 10**4 * (12 + 8 + 8) < model.nbytes < 10**4 * (12 + 28 + 16 + 2 * 8)


def test_json(tmp_path):
    saved(tmp_path / "m.fl1", "softmax", 3, p=1000)
    code, out, _ = run("bench", tmp_path / "m.fl1", "--json", *QUICK)
    assert code == 0
    result = json.loads(out)
    assert result["rows"]["storage"] == "CSR"
    assert result["model"]["features"] == 1000
    names = set(result["latency_us"])
    assert {"fastl1", "SciPy", "NumPy, dense"} <= names
    assert names == set(result["bytes"]) == set(result["difference"])
    assert {entry["contender"] for entry in result["throughput"]} == names
    assert {entry["batch"] for entry in result["throughput"]} == {1, 50}
    assert max(result["difference"].values()) < 1e-5
    assert result["bytes"]["NumPy, dense"]["memory"] == 3 * 1000 * 8
    for entry in result["throughput"]:
        assert entry["rows_per_second"] > 0


def test_tables_and_data_files(tmp_path):
    table = {"a": [1.0, 2, 3, 4], "b": list("xyzx"), "c": [1.0, 0, 0, 5]}
    treatment = ColumnTreatment.learn(table)
    coef = np.zeros(treatment.n_features)
    coef[[0, 2]] = 1.0, -2.0
    SparseModel.from_coef(coef, columns=treatment).save(tmp_path / "m.fl1")
    (tmp_path / "rows.csv").write_text("b,a\nx,1\ny,2.5\n")
    code, out, err = run(
        *("bench", tmp_path / "m.fl1", "--data", tmp_path / "rows.csv", *QUICK)
    )
    assert code == 0, err
    assert f"rows: 2 {tmp_path}" in out.replace("\n", "")
    assert "one row, µs" in out
    assert "rows/s by batch" in out
    assert "differs by" in out
    (tmp_path / "empty.csv").write_text("b,a\n")
    (tmp_path / "wrong.csv").write_text("b\nx\n")
    for name, message in (("empty", "rows"), ("wrong", "'a'"), ("absent", "No such")):
        file = tmp_path / f"{name}.csv"
        code, _, err = run("bench", tmp_path / "m.fl1", "--data", file, *QUICK)
        assert code == 3
        assert str(file) in err
        assert message in err


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    saved(tmp_path / "m.fl1")
    plot = tmp_path / "bench.png"
    code, _, err = run("bench", tmp_path / "m.fl1", *QUICK, "--plot", plot)
    assert code == 0
    assert f"wrote {plot}" in err
    assert plot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    code, _, err = run(
        "bench", tmp_path / "m.fl1", *QUICK, "--plot", tmp_path / "x.xyz"
    )
    assert code == 4
    assert "xyz" in err


def test_bad_options(tmp_path):
    saved(tmp_path / "m.fl1")
    for words in (("--batches", "0"), ("--batches", "a"), ("--cold-runs", "-1")):
        assert run("bench", tmp_path / "m.fl1", *words)[0] == 2
    assert run("bench", tmp_path / "none.fl1")[0] == 3
