"""to_onnx(columns=True): raw columns in ONNX Runtime, against our prediction."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra onnx)")

from oracles.raw_columns import TABLE, TREATMENT, make  # noqa: E402

from fastl1.data.columns import ColumnTreatment  # noqa: E402
from fastl1.data.kinds import Number  # noqa: E402
from fastl1.data.table import MISSING_TEXT  # noqa: E402
from fastl1.export.onnx import onnx_inputs  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights.csv.gz"


def run(model, table, **given):
    data = model.to_onnx(columns=True, **given)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    feed = onnx_inputs(model, table, dtype=given.get("dtype", "float64"))
    assert list(feed) == [node.name for node in session.get_inputs()]
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def check(model, table=TABLE, **given):
    got, wanted = run(model, table, **given), model.predict(table)
    near = {"rtol": 1e-12, "atol": 1e-13}
    if given.get("dtype") == "float32":
        near = {"rtol": 2e-5, "atol": 2e-5}
    assert got["prediction"].shape == wanted.shape
    np.testing.assert_allclose(got["prediction"], wanted, **near)
    if model.classes is not None:
        assert got["label"].tolist() == model.predict(table, "class").tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("link", "outputs"), [("logit", 1), ("softmax", 3)])
def test_every_kind_of_column(link, outputs, density, dtype):
    check(make(link, outputs, density), dtype=dtype)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "int4"])
def test_quantized(precision):
    check(make("identity", 2).quantize(precision))


@pytest.mark.parametrize("k", range(len(TREATMENT.columns)))
def test_one_column_alone(k):
    column = TREATMENT.columns[k]
    treatment = ColumnTreatment([column])
    coef = np.zeros(treatment.n_features)
    coef[: min(40, len(coef))] = 1 + np.arange(min(40, len(coef)))
    coef[-1] = -3
    check(SparseModel.from_coef(coef, 0.5, columns=treatment))
    # and with the last feature only, such as that of missing cells
    coef[:-1] = 0
    check(SparseModel.from_coef(coef, 0.5, columns=treatment))


def test_portable_graphs_take_numbers():
    treatment = ColumnTreatment(TREATMENT.columns[:3])
    model = SparseModel.from_coef([0.1, 2, 1e-8, 0.5, -1], 1.0, columns=treatment)
    check(model, portable=True)


def test_only_columns_in_use_are_inputs():
    coef = np.zeros(TREATMENT.n_features)
    coef[TREATMENT.feature_names.index("job=cook")] = 2.0
    model = SparseModel.from_coef(coef, 1.0, columns=TREATMENT)
    assert list(onnx_inputs(model, TABLE)) == model.required_features() == ["job"]
    got = run(model, {"job": ["cook", "pilot", None]})
    assert got["prediction"].tolist() == [3.0, 1.0, 1.0]


def test_missing_and_unseen_cells_without_the_helper():
    model = make(seed=4)
    session = ort.InferenceSession(
        model.to_onnx(columns=True), providers=["CPUExecutionProvider"]
    )
    kinds = {node.name: node.type for node in session.get_inputs()}
    assert set(kinds.values()) == {
        *("tensor(double)", "tensor(string)", "tensor(int64)")
    }
    empty = {"tensor(double)": np.nan, "tensor(string)": "", "tensor(int64)": -1}
    feed = {name: np.array([[empty[kind]]]) for name, kind in kinds.items()}
    (got,) = session.run(None, feed)
    gaps = {name: [None] for name in TABLE}
    np.testing.assert_allclose(got, model.predict(gaps), rtol=1e-13)
    for text in MISSING_TEXT:
        feed["job"] = np.array([[text]])
        assert session.run(None, feed)[0] == got
    feed["job"] = np.array([["astronaut"]])
    gaps["job"] = ["astronaut"]
    np.testing.assert_allclose(session.run(None, feed)[0], model.predict(gaps))


def test_names_that_are_those_of_the_graph():
    names = ["prediction", "label", "/eta", "//eta", "response", "prediction_"]
    treatment = ColumnTreatment(Number(name, 1.0, missing=1) for name in names)
    rng = np.random.default_rng(0)
    model = SparseModel.from_coef(rng.normal(size=12), link="logit", columns=treatment)
    table = {name: [1.0, np.nan, k] for k, name in enumerate(names)}
    got = run(model, table)
    assert list(got) == ["prediction__", "label_"]
    np.testing.assert_allclose(got["prediction__"], model.predict(table), rtol=1e-13)


@pytest.mark.skipif(not FLIGHTS.exists(), reason="needs examples/")
def test_flights():
    csv = pytest.importorskip("pyarrow.csv", reason="needs pyarrow (extra cli)")
    table = csv.read_csv(FLIGHTS).slice(0, 5000)
    y = table["arr_delay"].to_numpy()
    features = table.drop_columns(["arr_delay", "time_hour"])
    train = np.flatnonzero(~np.isnan(y))
    treatment = ColumnTreatment.learn(features, train)
    # a smooth model of every feature: what is compared is the treatment
    coef = np.random.default_rng(0).standard_normal(treatment.n_features)
    model = SparseModel.from_coef(coef, 3.0, columns=treatment)
    check(model, features)


def test_errors(tmp_path):
    plain = SparseModel([0], [1.0], 0.0, 1)
    with pytest.raises(ValueError, match="no column treatment to include"):
        plain.to_onnx(tmp_path / "m.onnx", columns=True)
    with pytest.raises(ValueError, match="no column treatment to include"):
        onnx_inputs(plain, TABLE)
    unnamed = ColumnTreatment([Number("", 0.0)])
    with pytest.raises(ValueError, match="a column without a name"):
        SparseModel([0], [1.0], 0.0, 1, columns=unnamed).to_onnx(columns=True)
    with pytest.raises(ValueError, match="there is no column 'job'"):
        onnx_inputs(make(), {name: TABLE[name] for name in TABLE if name != "job"})
    large = ColumnTreatment([Number("x", 1e300, missing=1)])
    model = SparseModel([0], [1.0], 0.0, 2, columns=large)
    with pytest.raises(ValueError, match="a mean exceeds the range of float32"):
        model.to_onnx(columns=True, dtype="float32")
    with pytest.raises(ValueError, match="column 'job' holds text, which takes"):
        make().to_onnx(tmp_path / "m.onnx", columns=True, portable=True)
    assert list(tmp_path.iterdir()) == []
