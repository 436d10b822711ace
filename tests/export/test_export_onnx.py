"""to_onnx: in ONNX Runtime against the prediction in Python."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra onnx)")

from fastl1.model.sparse_model import SparseModel  # noqa: E402

P = 200
LINKS = ("identity", "log", "logit", "probit", "cloglog", "decision", "softmax")


def random_model(link="identity", outputs=1, density=0.1, **given):
    rng = np.random.default_rng(2)
    coef = rng.standard_normal((outputs, P)) * (rng.random((outputs, P)) < density)
    coef = coef if outputs > 1 else coef[0]
    return SparseModel.from_coef(coef, rng.standard_normal(outputs), link=link, **given)


def run(data, X):
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"x": X})
    return {
        node.name: a for node, a in zip(session.get_outputs(), outputs, strict=True)
    }


def check(model, dtype, **given):
    X = 0.3 * np.random.default_rng(3).standard_normal((50, P)).astype(dtype)
    got = run(model.to_onnx(dtype=dtype, **given), X)
    tol = {"float32": 2e-6, "float64": 1e-13}[dtype]
    wanted = model.predict(X)
    assert got["prediction"].dtype == dtype
    assert got["prediction"].shape == wanted.shape
    np.testing.assert_allclose(got["prediction"], wanted, rtol=10 * tol, atol=tol)
    assert ("label" in got) == (model.classes is not None)
    if model.classes is not None:
        assert got["label"].tolist() == model.predict(X, "class").tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("link", LINKS)
def test_links(link, outputs, dtype):
    if link == "softmax" and outputs == 1:
        outputs = 2
    model = random_model(link, outputs)
    check(model, dtype)


@pytest.mark.parametrize("outputs", [1, 3])
def test_powers_of_quantized_models(outputs):
    rng = np.random.default_rng(4)
    scale = 10.0 ** rng.uniform(-3, 3, P)
    coef = rng.standard_normal((outputs, P)) / scale
    model = SparseModel.from_coef(coef, np.zeros(outputs))
    model = model.quantize("int8", rng.standard_normal((50, P)) * scale)
    assert model.weights.exponents is not None
    check(model, "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("link", "outputs"), [("probit", 1), ("softmax", 3)])
def test_portable_graphs_have_operators_of_onnx_only(link, outputs, dtype):
    onnx = pytest.importorskip("onnx")
    model = random_model(link, outputs).quantize("int8")
    check(model, dtype, portable=True)
    made = onnx.load_from_string(model.to_onnx(dtype=dtype, portable=True))
    assert [(one.domain, one.version) for one in made.opset_import] == [("", 17)]
    made = onnx.load_from_string(model.to_onnx(dtype=dtype))
    assert [one.domain for one in made.opset_import] == ["", "ai.onnx.ml"]


@pytest.mark.parametrize("link", ["log", "logit", "probit", "cloglog"])
def test_float64_is_accurate_in_the_tails(link):
    model = SparseModel([0], [1.0], 0.0, 1, link)
    eta = np.array([-700, -37.5, -20, -5, -1e-9, 0, 1e-9, 3.75, 5, 20, 700.0, 1e4])
    eta = np.r_[eta, np.linspace(-9, 9, 1001)]
    if link == "probit":
        eta = eta[eta > -38]  # beyond it the numbers are subnormal
    wanted = model.predict(eta[:, None])
    got = run(model.to_onnx(dtype="float64"), eta[:, None])["prediction"]
    # exp(-z^2) has the rounding of z^2, up to 700, in its exponent
    np.testing.assert_allclose(got, wanted, rtol=2e-13 if link == "probit" else 2e-15)
    narrow = run(model.to_onnx(), eta[:, None].astype(np.float32))["prediction"]
    assert np.isfinite(narrow).all()
    near = eta < 80
    np.testing.assert_allclose(narrow[near], wanted[near], rtol=1e-5, atol=3e-7)


def test_rows_without_a_value_are_predicted_as_such():
    for link in ("logit", "probit", "cloglog"):
        model = SparseModel([0], [1.0], 0.0, 1, link)
        x = np.array([[np.nan], [1.0]])
        got = run(model.to_onnx(dtype="float64"), x)["prediction"]
        assert np.isnan(got[0])
        assert not np.isnan(got[1])


@pytest.mark.parametrize("classes", [["no", "yes"], [False, True], [5, 2], [0.5, 1.5]])
def test_labels_of_any_type(classes):
    check(random_model("logit", classes=classes), "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "int4"])
def test_quantized(precision, outputs, dtype):
    check(random_model("identity", outputs).quantize(precision), dtype)


@pytest.mark.parametrize(
    ("precision", "each"),
    [("float64", 8), ("float32", 4), ("float16", 2), ("int8", 1), ("int4", 0.5)],
)
def test_coefficients_take_the_bytes_of_their_precision(precision, each):
    indices = np.arange(0, 90_000, 9)
    values = np.random.default_rng(0).uniform(1, 2, len(indices))
    model = SparseModel(indices, values, 0.0, 90_000)
    model = model if precision == "float64" else model.quantize(precision)
    size = len(model.to_onnx(dtype="float64"))
    assert 0 < size - (4 + each) * len(indices) < 1024


@pytest.mark.parametrize("precision", ["float64", "float16", "int8", "int4"])
def test_size_is_that_of_the_coefficients_with_many_outputs(precision):
    rng = np.random.default_rng(0)
    coef = np.zeros((200, 3000))
    coef[rng.integers(0, 200, 2000), rng.integers(0, 3000, 2000)] = 1.0
    coef *= rng.uniform(1, 2, coef.shape)
    model = SparseModel.from_coef(coef, rng.standard_normal(200))
    model = model if precision == "float64" else model.quantize(precision)
    data = model.to_onnx()
    assert len(data) <= 12 * model.nnz + 4096
    X = rng.standard_normal((3, 3000)).astype(np.float32)
    got = run(data, X)["prediction"]
    np.testing.assert_allclose(got, model.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_model_without_coefficients(outputs):
    check(random_model("identity", outputs, density=0), "float64")


@pytest.mark.parametrize(("dtype", "each"), [("float32", 8), ("float64", 12)])
def test_size_is_that_of_the_kept_features(dtype, each, tmp_path):
    rng = np.random.default_rng(0)
    indices = np.sort(rng.choice(1_000_000, 10_000, replace=False))
    model = SparseModel(indices, rng.standard_normal(10_000), 0.5, 1_000_000, "logit")
    data = model.to_onnx(tmp_path / "m.onnx", dtype=dtype)
    assert (tmp_path / "m.onnx").read_bytes() == data == model.to_onnx(dtype=dtype)
    assert len(data) <= each * 10_000 + 4096
    X = np.zeros((1, 1_000_000), dtype)
    X[0, indices[:50]] = 1
    wanted = model.predict(X)
    tol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(run(data, X)["prediction"], wanted, rtol=tol)


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        random_model().to_onnx(dtype="float16")
    with pytest.raises(ValueError, match="a coefficient exceeds the range of float32"):
        SparseModel([0], [1e300], 0.0, 1).to_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        random_model().to_onnx(tmp_path / "none" / "m.onnx")
