"""The command line: the main job on every kind of file, and its words on bad ones."""

import gzip
import json
import os
import pty
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("click")
pytest.importorskip("rich")
pa = pytest.importorskip("pyarrow")

from houses import N, csv_text, prepared, table  # noqa: E402

from fastl1.cli import app, main  # noqa: E402
from fastl1.data.read import read_file  # noqa: E402
from fastl1.exceptions import FitInterrupted  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402

FAST = ("--n-alphas", "20", "--folds", "3", "--threads", "1")


@pytest.fixture
def houses(tmp_path):
    file = tmp_path / "houses.csv"
    file.write_text(csv_text(table()))
    return file


@pytest.fixture
def run(capsys):
    def run(*argv):
        code = app.run([str(arg) for arg in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def fit_json(run, file, *options):
    code, out, err = run("fit", file, *options, *FAST, "--json")
    assert err == ""
    assert code == 0
    return json.loads(out)


def dump(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def by_feature(model, data):
    """The coefficients of an artifact in the order of the training features."""
    kept = dict(zip(model.kept_names(), model.values.tolist(), strict=True))
    return np.array([kept.get(name, 0.0) for name in data.feature_names])


# --- the main job ------------------------------------------------------------------


def test_regression_from_file_to_predictions(houses, tmp_path, run):
    out = tmp_path / "model"
    options = ("--target", "price", "--drop", "dear", "--out", out)
    code, text, err = run("fit", houses, *options, *FAST)
    assert (code, err) == (0, "")
    for part in (
        "240 (192 train, 48 test, random)",
        "town (3 levels)",
        "size (",
        "relative duality gap",
        "ridge",
        "null model",
        "town=Cork",
        "size:missing",
        "report.json",
    ):
        assert part in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert sorted(os.listdir(out)) == ["model.fl1", "report.json"]
    report = json.loads((out / "report.json").read_text())
    assert report["certificate"]["gap"] <= report["certificate"]["tol"] == 1e-6
    assert report["test"]["model"]["r2"] > 0.9
    assert report["test"]["delta"]["null"]["rmse"] < 0
    assert report["model"]["kept"] < report["model"]["features"]

    model = SparseModel.load(out / "model.fl1")
    assert model.columns.used_columns(model.indices) == [
        column.name for column in model.columns.columns
    ]
    scores = tmp_path / "scores.csv"
    code, text, err = run("predict", out, houses, "--out", scores)
    assert (code, text) == (0, "")
    assert "240 predictions" in err
    written = np.loadtxt(scores, skiprows=1)
    np.testing.assert_array_equal(written, model.predict(table()))
    code, text, err = run("predict", out / "model.fl1", houses)
    assert (code, err) == (0, "")
    assert text == scores.read_text()

    code, text, err = run("inspect", out)
    assert (code, err) == (0, "")
    for part in ("price from houses.csv", "town=Cork", "needs columns", "l1_ratio 1"):
        assert part in text
    code, text, _ = run("inspect", out, "--json")
    content = json.loads(text)
    assert content["coefficients"] == dict(
        zip(model.kept_names(), model.values.tolist(), strict=True)
    )
    assert content["lineage"]["data_sha256"] == report["data"]["sha256"]


def test_classification(houses, tmp_path, run):
    out = tmp_path / "model"
    options = ("--target", "dear", "--drop", "price", "--rule", "1se", "--out", out)
    report = fit_json(run, houses, *options)
    assert report["task"] == "classification"
    assert report["target"]["classes"] == ["no", "yes"]
    assert report["test"]["model"]["auc"] > 0.9
    assert report["selection"]["rule"] == "1se"
    code, text, _ = run("predict", out, houses)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "prediction,probability_yes"
    labels, probabilities = zip(*(line.split(",") for line in lines[1:]), strict=True)
    assert [p > 0.5 for p in map(float, probabilities)] == [x == "yes" for x in labels]
    turned = fit_json(run, houses, *options, "--positive", "no")
    assert turned["target"]["classes"] == ["yes", "no"]
    strongest = [r["coefficients"][0] for r in (report, turned)]
    assert strongest[0]["feature"] == strongest[1]["feature"] == "size"
    assert strongest[0]["coefficient"] > 0 > strongest[1]["coefficient"]
    assert run("inspect", out)[0] == 0


def test_coefficients_match_scikit_learn(houses, tmp_path, run):
    linear_model = pytest.importorskip("sklearn.linear_model")
    out = tmp_path / "model"
    options = ("--target", "price", "--drop", "dear", "--out", out, "--tol", "1e-10")
    report = fit_json(run, houses, *options)
    data = prepared(houses, target="price", drop=("dear",))
    X, y = data.X_train, data.y[data.train]
    mean, std = X.mean(axis=0), X.std(axis=0)
    other = linear_model.Lasso(report["selection"]["lambda"], tol=1e-12, max_iter=10**6)
    other.fit((X - mean) / std, y)
    model = SparseModel.load(out / "model.fl1")
    got = by_feature(model, data) * std
    np.testing.assert_allclose(got, other.coef_, atol=1e-6)
    metrics = pytest.importorskip("sklearn.metrics")
    predicted = data.X_test @ by_feature(model, data) + model.intercept
    r2 = metrics.r2_score(data.y[data.test], predicted)
    assert report["test"]["model"]["r2"] == pytest.approx(r2, rel=1e-12)


EXAMPLE = Path(__file__).parents[2] / "examples" / "flights.csv.gz"


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example data are not here")
def test_example(tmp_path, run):
    """The demo's model is better than ridge, and is scikit-learn's."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    target = ("--target", "arr_delay", "--time", "time_hour")
    code, text, _ = run("fit", EXAMPLE, *target, "--out", tmp_path / "m")
    assert code == 0
    assert "note: 276 rows without a target are left out" in text
    report = json.loads((tmp_path / "m" / "report.json").read_text())
    assert report["model"]["kept"] < report["model"]["features"] / 4
    assert report["test"]["delta"]["ridge"]["rmse"] < 0
    data = prepared(EXAMPLE, target="arr_delay", time="time_hour")
    X, y = data.X_train.toarray(), data.y[data.train]
    mean, std = X.mean(axis=0), X.std(axis=0)
    other = linear_model.Lasso(report["selection"]["lambda"], tol=1e-10, max_iter=10**6)
    other.fit((X - mean) / std, y)
    model = SparseModel.load(tmp_path / "m" / "model.fl1")
    scale = np.abs(other.coef_).max()
    got = by_feature(model, data) * std
    np.testing.assert_allclose(got, other.coef_, atol=1e-6 * scale)


def test_same_bytes_for_any_number_of_threads(houses, tmp_path, run, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    contents = []
    for threads in ("1", "2"):
        out = tmp_path / threads
        options = ("--target", "price", "--drop", "dear", "--out", out)
        assert run("fit", houses, *options, *FAST, "--threads", threads)[0] == 0
        contents.append((out / "model.fl1").read_bytes())
    assert contents[0] == contents[1]
    assert b"2023-11-14T22:13:20Z" in contents[0]


def test_no_test_rows_and_several_ratios(houses, tmp_path, run):
    options = ("--target", "price", "--drop", "dear", "--out", tmp_path / "m")
    more = ("--test-size", "0", "--l1-ratio", "0.5,1")
    code, text, _ = run("fit", houses, *options, *more, *FAST)
    assert code == 0
    assert "cross-validated mse" in text
    report = json.loads((tmp_path / "m" / "report.json").read_text())
    assert report["test"] is None
    assert report["selection"]["l1_ratio"] in (0.5, 1.0)
    assert report["data"]["train_rows"] == N


def test_weights_of_zero_leave_rows_out(tmp_path, run):
    columns = table()
    columns["w"] = [0.0 if k < 60 else 1.0 for k in range(N)]
    columns["price"] = [1e6 if k < 60 else v for k, v in enumerate(columns["price"])]
    file = dump(tmp_path / "w.csv", csv_text(columns))
    options = ("--target", "price", "--drop", "dear", "--out", tmp_path / "m")
    report = fit_json(run, file, *options, "--weight", "w")
    assert report["test"]["model"]["rmse"] < 20
    assert "w" not in [column["name"] for column in report["data"]["columns"]]


def test_not_converged(houses, tmp_path, run):
    options = ("--target", "price", "--drop", "dear", "--out", tmp_path / "m")
    code, text, _ = run("fit", houses, *options, *FAST, "--tol", "1e-300")
    report = json.loads((tmp_path / "m" / "report.json").read_text())
    if report["certificate"]["gap"] == 0:
        pytest.skip("the solver is exact on this problem")
    assert code == 5
    assert "not optimal" in text
    assert "not converged" in report["warnings"][0]


def test_interrupt(houses, tmp_path, run, monkeypatch):
    def interrupted(*args, **keywords):
        raise FitInterrupted(result=None)

    monkeypatch.setattr("fastl1.workflow.run.choose_alpha", interrupted)
    code, text, err = run("fit", houses, "--target", "price", "--out", tmp_path / "m")
    assert code == 130
    assert "interrupted" in err
    assert os.listdir(tmp_path / "m") == []


def test_warnings_of_a_careful_colleague(tmp_path, run):
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.normal(size=400).tolist(),
        "same": None,
        "one": [1.0] * 400,
        "rare": (rng.random(400) < 0.05).tolist(),
    }
    columns["same"] = [2 * v + 1e-6 * rng.normal() for v in columns["a"]]
    file = dump(tmp_path / "d.csv", csv_text(columns))
    report = fit_json(run, file, "--target", "rare", "--out", tmp_path / "m")
    text = " ".join(report["warnings"] + report["notes"])
    for part in ("nearly the same: a and same", "class imbalance", "'one' is constant"):
        assert part in text
    assert report["target"]["classes"] == [False, True]
    columns["leak"] = [float(v) for v in columns["rare"]]
    columns["rare"] = [k % 2 == 0 for k in range(400)]
    columns["leak"] = [float(v) for v in columns["rare"]]
    file = dump(tmp_path / "d.csv", csv_text(columns))
    report = fit_json(run, file, "--target", "rare", "--out", tmp_path / "m")
    assert any("'leak'" in warning for warning in report["warnings"])


# --- kinds of files ----------------------------------------------------------------


@pytest.fixture
def matrix():
    rng = np.random.default_rng(1)
    X = sp.random_array((150, 40), density=0.2, rng=rng, format="csr")
    X.data = X.data.round(3) + 0.5
    y = np.where(
        X.toarray()[:, :3].sum(axis=1) + 0.1 * rng.normal(size=150) > 0.6, 1, 0
    )
    return X, y


def svm_text(X, y, first=1):
    lines = []
    for i, label in enumerate(y):
        entries = X[[i]].tocoo()
        pairs = zip(entries.col.tolist(), entries.data.tolist(), strict=True)
        lines.append(" ".join([str(label), *(f"{j + first}:{v!r}" for j, v in pairs)]))
    return "\n".join(lines) + "\n"


def test_matrix_files(matrix, tmp_path, run):
    X, y = matrix
    np.savez(tmp_path / "dense.npz", X=X.toarray(), y=y)
    arrays = {"data": X.data, "indices": X.indices, "indptr": X.indptr}
    np.savez(tmp_path / "sparse.npz", **arrays, shape=X.shape, label=y)
    sp.save_npz(tmp_path / "saved.npz", sp.csc_matrix(X))
    with np.load(tmp_path / "saved.npz") as saved:
        np.savez(tmp_path / "csc.npz", **saved, y=y)
    dump(tmp_path / "one.svm", svm_text(X, y))
    dump(tmp_path / "one.svm.gz", gzip.compress(svm_text(X, y).encode()))
    dump(tmp_path / "zero.libsvm", svm_text(X, y, first=0))
    coefficients, bytes_ = [], set()
    for file in ("dense", "sparse", "csc", "one", "one.svm.gz", "zero"):
        (file,) = (
            list(tmp_path.glob(f"{file}.[nl]*")) or list(tmp_path.glob(f"{file}*"))[:1]
        )
        target = ("--target", "label") if file.name == "sparse.npz" else ()
        report = fit_json(run, file, *target, "--tol", "1e-12", "--out", tmp_path / "m")
        names = [entry["feature"] for entry in report["coefficients"]]
        values = [entry["coefficient"] for entry in report["coefficients"]]
        coefficients.append(dict(zip(names, values, strict=True)))
        code, text, _ = run("predict", tmp_path / "m", file)
        assert code == 0
        bytes_.add(text.count("\n"))
    assert bytes_ == {151}
    for other in coefficients[1:]:
        assert other == pytest.approx(coefficients[0], rel=1e-6)


def test_names_in_npz(matrix, tmp_path, run):
    X, y = matrix
    names = np.array([f"word{j}" for j in range(X.shape[1])])
    np.savez(tmp_path / "a.npz", X=X.toarray(), y=y, vocab=names)
    report = fit_json(run, tmp_path / "a.npz", "--out", tmp_path / "m")
    assert report["coefficients"][0]["feature"].startswith("word")
    model = SparseModel.load(tmp_path / "m" / "model.fl1")
    named = dict(zip(names.tolist(), X.toarray().T, strict=True))
    np.testing.assert_allclose(model.predict(named), model.predict(X), rtol=1e-12)
    names[1] = names[0]
    np.savez(tmp_path / "a.npz", X=X.toarray(), y=y, vocab=names)
    report = fit_json(run, tmp_path / "a.npz", "--out", tmp_path / "m")
    assert report["coefficients"][0]["feature"].startswith("x")
    assert "'vocab' are not unique" in report["notes"][0]


def test_svmlight_keeps_the_numbering_of_training(matrix, tmp_path, run):
    X, y = matrix
    file = dump(tmp_path / "a.svm", svm_text(X, y, first=0))
    fit_json(run, file, "--out", tmp_path / "m")
    model = SparseModel.load(tmp_path / "m" / "model.fl1")
    # without feature 0, and with one that training did not have
    new = dump(tmp_path / "new.svm", "0 1:1.0 39:2\n1 2:1 77:1\n")
    code, text, err = run("predict", tmp_path / "m", new)
    assert code == 0
    assert "1 entries of features unknown in training ignored" in err
    expected = np.zeros((2, 40))
    expected[0, [1, 39]] = 1, 2
    expected[1, 2] = 1
    got = [float(line.split(",")[1]) for line in text.splitlines()[1:]]
    assert got == model.predict(expected).tolist()


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl"])
def test_prediction_formats(houses, tmp_path, run, ending):
    out = tmp_path / "m"
    fit_json(run, houses, "--target", "dear", "--drop", "price", "--out", out)
    scores = tmp_path / f"scores.{ending}"
    assert run("predict", out, houses, "--out", scores)[0] == 0
    expected = SparseModel.load(out / "model.fl1").predict(table()).tolist()
    if ending == "jsonl":
        rows = [json.loads(line) for line in scores.read_text().splitlines()]
        got = [row["probability_yes"] for row in rows]
    else:
        got = read_file(scores).columns["probability_yes"].to_pylist()
    assert got == pytest.approx(expected, rel=1e-12)  # a table sums in another order


# --- splits ------------------------------------------------------------------------


def test_groups_stay_together(tmp_path, run):
    columns = {**table(), "owner": [f"o{k % 30}" for k in range(N)]}
    file = dump(tmp_path / "g.csv", csv_text(columns))
    data = prepared(file, target="price", drop=("dear",), group="owner")
    groups = data.group[data.train], data.group[data.test]
    assert not set(groups[0].tolist()) & set(groups[1].tolist())
    assert len(data.test) == pytest.approx(N / 5, abs=8)
    report = fit_json(
        run,
        file,
        *("--target", "price", "--drop", "dear", "--group", "owner"),
        *("--out", tmp_path / "m"),
    )
    assert report["selection"]["split"] == "by group"


@pytest.mark.parametrize("kind", ["date", "number", "text"])
def test_time_order(tmp_path, run, kind):
    days = np.datetime64("2024-01-01") + np.arange(N)[::-1] // 3
    when = {"date": days.astype(str), "number": -np.arange(N)[::-1], "text": days}[kind]
    when = [f"{day}T00:00:00" if kind == "text" else day for day in when]
    columns = {"when": when, **table()}
    file = dump(tmp_path / "t.csv", csv_text(columns))
    data = prepared(file, target="price", drop=("dear",), time="when")
    assert data.order[data.train].max() < data.order[data.test].min()
    arguments = ("--target", "price", "--drop", "dear", "--time", "when")
    report = fit_json(run, file, *arguments, "--out", tmp_path / "m")
    assert report["selection"]["split"] == "in time order"


# --- what is said of bad input -----------------------------------------------------

GOOD = csv_text(table())


def with_column(name, values):
    return csv_text({**table(), name: values})


BAD_CSV = [
    ("", "the file is empty"),
    ("\n\n", "the file is empty"),
    ("price,a\n", "a header but no rows"),
    ("price,a\n1,2\n\n3,4,5\n", "line 4: the header has 2 fields, this line 3: 3,4,5"),
    ('price,a\n1,"x\ny"\n3\n', "line 4: the header has 2 fields, this line 1: 3"),
    ('price,a\n1,"x\n2,3\n', "line 2: a quote that starts here is never closed"),
    ("price,a,a\n1,2,3\n", "'a' occurs 2 times (columns 2, 3)"),
    ("Price,a\n1,2\n", "no column 'price' (did you mean 'Price'?)"),
    ("price\n1\n2\n3\n", "no column is left"),
    ("price,a\n1,2\n1,3\n1,4\n", "'price' is constant (1)"),
    ("price,a\nx,2\nx,3\nx,4\n", "one class only ('x')"),
    ("price,a\nx,2\ny,3\nz,4\n", "3 classes ('x', 'y', 'z')"),
    ("price,a\n,2\n,3\n", "'price' is empty"),
    ("price,a\n2020-01-01,2\n2020-01-02,3\n", "'price' holds dates"),
    ("price,a\n1.5,2\n2.5,3\ninf,4\n", "is inf in data row 3"),
    ("price,a\n1,1\n2,1\n3,1\n4,1\n5,1\n6,1\n", "no column is left"),
    ("price,a\n1,2\n2,3\n", "too few"),
    ("price,a\n1,2\n2,3\n3,inf\n4,5\n5,6\n6,7\n", "data row 3 holds inf"),
    (
        with_column("price", ["oops" if k == 4 else k * 1.5 for k in range(N)]),
        "in 1 of 240 rows it is not; the first is data row 5: 'oops'",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_CSV)
def test_bad_csv(tmp_path, run, text, message):
    file = dump(tmp_path / "bad.csv", text)
    code, out, err = run("fit", file, "--target", "price", "--out", tmp_path / "m")
    assert (code, out) == (3, "")
    assert message in err
    assert "Traceback" not in err
    assert os.listdir(tmp_path / "m") == []


BAD_FILES = [
    ("a.csv.gz", b"no gzip", "a.csv.gz: "),
    ("a.csv.gz", gzip.compress(GOOD.encode())[:-30], "a.csv.gz: "),
    ("a.parquet", b"PAR1 and no more", "a.parquet: "),
    ("a.arrow", b"ARROW1 and no more", "a.arrow: "),
    ("a.npz", b"PK and no more", "not a .npz file"),
    ("a.bin", b"\0\1\2", "unknown kind of file"),
    ("a.svm", b"1 1:2\n1 x\n", "line 2: 'x' is not index:value"),
    ("a.svm", b"1 1:2\n1 1:2:3 4\n", "line 2: '1:2:3' is not index:value"),
    ("a.svm", b"1 1:2\n\none 1:2\n", "line 3: label 'one' is not a number"),
    ("a.svm", b"1 1:2 1:3\n", "line 1: index 1 occurs twice"),
    ("a.svm", b"1 1:2\n0 -3:3\n", "line 2: index -3 is not an integer"),
    ("a.svm", b"1 1:2\n0 1.5:3\n", "line 2: index 1.5 is not an integer"),
    ("a.svm", b"", "the file is empty"),
    ("a.svm", b"# nothing\n", "the file is empty"),
    ("a.svm", b"1 1:2\n0 1:nan\n1 1:3\n0 1:3\n1 1:9\n0 1:7\n", "NaN"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_bad_files(tmp_path, run, name, content, message):
    file = dump(tmp_path / name, content)
    options = () if name.endswith((".svm", ".npz")) else ("--target", "price")
    code, out, err = run("fit", file, *options, *FAST, "--out", tmp_path / "m")
    assert (code, out) == (3, "")
    assert message in err
    assert "Traceback" not in err


BAD_ARRAYS = [
    ({"Z": np.ones((3, 2))}, "neither a dense 'X' nor"),
    ({"X": np.ones((3, 2))}, "--target: there is no array 'y'"),
    ({"X": np.ones(3), "y": np.arange(3)}, "must be a matrix"),
    ({"X": np.ones((3, 2), complex), "y": np.arange(3)}, "must be a matrix"),
    ({"X": np.ones((0, 2)), "y": np.ones(0)}, "shape (0, 2)"),
    ({"X": np.ones((6, 2)), "y": np.arange(5)}, "(6,) is expected"),
    ({"X": np.array([[1, object()]])}, "not a readable .npz"),
    (
        {"data": np.ones(1), "indices": [9], "indptr": [0, 1], "shape": [1, 2]},
        "not a sound sparse matrix",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS)
def test_bad_npz(tmp_path, run, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    code, _, err = run("fit", tmp_path / "a.npz", "--out", tmp_path / "m")
    assert code == 3
    assert message in err


def test_refused_columns_come_with_the_options_that_help(tmp_path, run):
    columns = {
        "name": [f"person {k}" for k in range(N)],
        "born": [f"2001-01-{k % 28 + 1:02}" for k in range(N)],
        **table(),
    }
    file = dump(tmp_path / "d.csv", csv_text(columns))
    options = ("--target", "price", "--out", tmp_path / "m")
    code, _, err = run("fit", file, *options)
    assert code == 3
    assert "2 columns cannot be used" in err
    assert "name: text with 240 different values" in err
    assert "--drop name,born" in err
    assert "--hash name" in err
    report = fit_json(run, file, *options, "--drop", "born,dear", "--hash", "name")
    kinds = {column["name"]: column["kind"] for column in report["data"]["columns"]}
    assert kinds["name"] == "hashed"


def test_text_cells_are_reported(tmp_path, run):
    sizes = ["big" if k == 11 else 10.5 + k for k in range(N)]
    file = dump(tmp_path / "d.csv", with_column("size", sizes))
    options = ("--target", "price", "--drop", "dear", "--out", tmp_path / "m")
    report = fit_json(run, file, *options)
    assert any("(row 12: 'big')" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 3, "which column is the target?"),
        (("--target", "prise"), 3, "did you mean 'price'"),
        (("--target", "price", "--weight", "nope"), 3, "--weight: there is no column"),
        (("--target", "price", "--weight", "noise0"), 3, "must be finite and not neg"),
        (("--target", "price", "--weight", "price"), 3, "must be different columns"),
        (("--target", "price", "--group", "town", "--folds", "9"), 3, "folds"),
        (("--target", "price", "--drop", "nope"), 3, "--drop: there is no column"),
        (("--target", "price", "--hash", "price"), 3, "another role"),
        (("--target", "price", "--time", "town"), 3, "not an ISO 8601 time"),
        (
            ("--target", "price", "--group", "size"),
            3,
            "'size' is missing in data row 8",
        ),
        (("--target", "price", "--task", "classification"), 3, "with a single row"),
        (("--target", "dear", "--task", "regression"), 3, "must be a number"),
        (("--target", "dear", "--positive", "maybe"), 3, "the classes are no and yes"),
        (("--target", "price", "--positive", "1"), 3, "this is a regression"),
        (("--target", "price", "--l1-ratio", "0"), 2, "l1_ratio"),
        (("--target", "price", "--folds", "1"), 2, "folds"),
        (("--target", "price", "--test-size", "1"), 2, "test-size"),
        (("--target", "price", "--time", "size", "--group", "town"), 2, "exclude"),
        (("--nonsense",), 2, "--nonsense"),
    ],
)
def test_bad_options(houses, tmp_path, run, options, code, message):
    got, _, err = run("fit", houses, *options, "--out", tmp_path / "m")
    assert got == code
    assert message in err


def test_prediction_errors(houses, tmp_path, run):
    out = tmp_path / "m"
    fit_json(run, houses, "--target", "price", "--drop", "dear", "--out", out)
    columns = table()
    gone = {name: v for name, v in columns.items() if name != "size"}
    wrong = {**columns, "size": ["x" if k == 3 else 1.5 for k in range(N)]}
    new = {**columns, "town": ["Delft"] * 5 + columns["town"][5:]}
    for bad, message in ((gone, "no column 'size'"), (wrong, "data row 4 holds 'x'")):
        file = dump(tmp_path / "new.csv", csv_text(bad))
        code, text, err = run("predict", out, file)
        assert (code, text) == (3, "")
        assert message in err
    code, text, err = run("predict", out, dump(tmp_path / "new.csv", csv_text(new)))
    assert code == 0
    assert "5 rows with a category unknown in training ('Delft')" in err
    assert text.count("\n") == N + 1
    np.savez(tmp_path / "x.npz", X=np.ones((2, 3)))
    assert "trained on a table" in run("predict", out, tmp_path / "x.npz")[2]
    assert run("predict", tmp_path / "nothing", houses)[0] == 3
    assert run("predict", out, tmp_path / "nothing.csv")[0] == 3
    content = (out / "model.fl1").read_bytes()
    (out / "model.fl1").write_bytes(content[:-9])
    for command in (("predict", out, houses), ("inspect", out)):
        code, _, err = run(*command)
        assert code == 3
        assert "truncated" in err


def test_unwritable_output(houses, tmp_path, run):
    file = dump(tmp_path / "file", b"")
    options = ("--target", "price", "--drop", "dear")
    code, _, err = run("fit", houses, *options, "--out", file / "model")
    assert code == 4
    assert "Not a directory" in err or "cannot write" in err
    code, _, _ = run("fit", houses, *options, *FAST, "--out", tmp_path / "m")
    assert code == 0
    for place in (tmp_path / "no" / "scores.csv", tmp_path, "/dev/full"):
        code, _, err = run("predict", tmp_path / "m", houses, "--out", place)
        assert code == 4
        assert "cannot write" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["predict", "inspect", "--help"])
def test_full_standard_output(houses, tmp_path, run, command):
    options = ("--target", "price", "--drop", "dear", *FAST, "--out", tmp_path / "m")
    assert run("fit", houses, *options)[0] == 0
    words = [command]
    words += [] if command == "--help" else [tmp_path / "m"]
    words += [houses] if command == "predict" else []
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fastl1.cli", *map(str, words)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 4
    assert done.stderr == "fastl1: error: standard output: No space left on device\n"


def test_predictions_are_written_in_formats_that_exist(houses, tmp_path, run):
    for name in ("scores.xlsx", "scores.csv.gz", "scores.sqlite"):
        code, _, err = run("predict", "absent", houses, "--out", tmp_path / name)
        assert code == 2
        assert "predictions are written as .csv, .txt, .tsv, .parquet" in err
        assert not (tmp_path / name).exists()
    options = ("--target", "price", "--drop", "dear", *FAST, "--out", tmp_path / "m")
    assert run("fit", houses, *options)[0] == 0
    code, _, _ = run("predict", tmp_path / "m", houses, "--out", tmp_path / "s.tsv")
    assert code == 0
    assert (tmp_path / "s.tsv").read_text().startswith("prediction\n")


def test_labels_that_spreadsheets_execute(tmp_path, run):
    bad = "=HYPERLINK(1)"
    rows = [f"{k},{bad if k > 30 else '-x'}" for k in range(60)]
    file = dump(tmp_path / "d.csv", "\n".join(["a,b", *rows]) + "\n")
    assert run("fit", file, "--target", "b", *FAST, "--out", tmp_path / "m")[0] == 0
    raw = run("predict", tmp_path / "m", file)[1].splitlines()
    assert raw[-1].startswith(f"{bad},")
    safe = run("predict", tmp_path / "m", file, "--escape-formulas")[1].splitlines()
    assert safe[-1].startswith(f"'{bad},")
    assert safe[1].startswith("'-x,")
    # numbers stay numbers
    assert [line.split(",")[-1] for line in safe] == [
        line.split(",")[-1] for line in raw
    ]


def test_dropping_what_has_a_role(houses, tmp_path, run):
    words = ("fit", houses, "--target", "price", "--out", tmp_path / "m")
    code, _, err = run(*words, "--drop", "price")
    assert code == 3
    assert "--drop: 'price' has another role" in err
    code, _, err = run(*words, "--drop", "TOWN")
    assert code == 3
    assert "there is no column 'TOWN' (did you mean 'town'?)" in err


def test_a_fit_leaves_the_files_of_others_alone(houses, tmp_path, run):
    out = tmp_path / "m"
    out.mkdir()
    (tmp_path / "theirs").write_text("precious")
    (out / ".writable").symlink_to(tmp_path / "theirs")
    options = ("--target", "price", "--drop", "dear", *FAST, "--out", out)
    assert run("fit", houses, *options)[0] == 0
    assert (tmp_path / "theirs").read_text() == "precious"
    assert (out / ".writable").is_symlink()
    (out / "model.fl1").chmod(0o600)
    assert run("fit", houses, *options)[0] == 0
    assert (out / "model.fl1").stat().st_mode & 0o777 == 0o600
    # a report that tells of another model is told at predict and inspect
    code, _, err = run("inspect", out)
    assert (code, err) == (0, "")
    SparseModel.load(out / "model.fl1").quantize("float32").save(out / "model.fl1")
    for words in (("inspect", out), ("predict", out, houses)):
        code, _, err = run(*words)
        assert code == 0
        assert f"note: {out / 'report.json'} tells of another model" in err


def test_constants_are_written_whole(tmp_path, run):
    file = dump(
        tmp_path / "d.csv",
        "a,b,y\n" + "".join(f"14102100,{k},{k % 7}\n" for k in range(40)),
    )
    options = ("--target", "y", "--task", "regression", "--out", tmp_path / "m")
    notes = fit_json(run, file, *options)["notes"]
    assert any("constant (14102100)" in note for note in notes)


def test_output_directory_without_permission(houses, tmp_path, run):
    out = tmp_path / "m"
    out.mkdir()
    tmp_path.chmod(0o755)
    out.chmod(0o555)
    root = os.geteuid() == 0  # root may write anywhere: act as somebody else meanwhile
    if root:
        os.seteuid(65534)
    try:
        code, _, err = run("fit", houses, "--target", "price", "--out", out)
    finally:
        if root:
            os.seteuid(0)
        out.chmod(0o755)
    assert code == 4
    assert "Permission denied" in err
    assert os.listdir(out) == []


def test_disk_full_leaves_the_old_model(houses, tmp_path, run):
    out = tmp_path / "m"
    options = ("--target", "price", "--drop", "dear", "--out", out)
    assert run("fit", houses, *options, *FAST)[0] == 0
    before = (out / "model.fl1").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        code, _, err = run("fit", houses, *options, *FAST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 4
    assert "model.fl1" in err
    assert sorted(os.listdir(out)) == ["model.fl1", "report.json"]
    assert (out / "model.fl1").read_bytes() == before


# --- as a process ------------------------------------------------------------------


def test_help_and_version(run):
    code, text, _ = run("--version")
    assert code == 0
    assert text.startswith("fastl1, version ")
    for command in ((), ("fit",), ("predict",), ("inspect",)):
        code, text, _ = run(*command, "--help")
        assert code == 0
        assert "Examples:" in text
        assert "Exit codes:" in text
    assert run("fit")[0] == 2


def test_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 1
    assert 'pip install "fastl1[cli]"' in capsys.readouterr().err


def test_progress_on_a_terminal_only(houses, tmp_path):
    command = [sys.executable, "-m", "fastl1.cli", "fit", str(houses)]
    command += ["--target", "price", "--drop", "dear", "--out", str(tmp_path / "m")]
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    # to a file: nobody has to read it while the terminal, which holds 4 kB, is drained
    with (tmp_path / "stdout").open("wb") as stdout:
        process = subprocess.Popen(
            [*command, *FAST], stdout=stdout, stderr=slave, env=environment
        )
    os.close(slave)
    shown = b""
    with process:
        try:
            while chunk := os.read(master, 65536):
                shown += chunk
        except OSError:  # the other end is closed
            pass
    os.close(master)
    text = (tmp_path / "stdout").read_bytes()
    assert process.returncode == 0
    assert b"cross-validation" in shown
    assert b"\x1b" not in text
    assert "━".encode() in shown
    assert "━".encode() not in text


def test_warm_start_finds_the_features_of_an_earlier_model(run, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 5))
    y = X[:, 0] - X[:, 1] + 0.3 * rng.standard_normal(120)
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    for file, names, columns in (
        (old, "abcdey", [*X.T, y]),
        (new, "bcdefy", [*X[:, 1:].T, rng.standard_normal(120), y]),
    ):
        rows = [
            ",".join(names),
            *(",".join(map(str, row)) for row in zip(*columns, strict=True)),
        ]
        file.write_text("\n".join(rows))
    options = ("--target", "y", *FAST)
    assert run("fit", old, *options, "--out", tmp_path / "one")[0] == 0
    warm = ("--warm-start", tmp_path / "one")
    assert run("fit", new, *options, *warm, "--out", tmp_path / "two")[0] == 0
    report = json.loads((tmp_path / "two" / "report.json").read_text())
    assert any("that this file lacks: a" in note for note in report["notes"])
    assert run("fit", new, *options, "--out", tmp_path / "cold")[0] == 0
    models = [SparseModel.load(tmp_path / d / "model.fl1") for d in ("two", "cold")]
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, atol=1e-3)
    code, _, error = run("fit", new, *options, "--warm-start", tmp_path / "none")
    assert (code, "none" in error) == (3, True)
