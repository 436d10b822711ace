"""to_onnx: in ONNX Runtime against the prediction in Python."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra onnx)")

from fastl1.model import SparseModel  # noqa: E402

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


def check(model, dtype):
    X = 0.3 * np.random.default_rng(3).standard_normal((50, P)).astype(dtype)
    got = run(model.to_onnx(dtype=dtype), X)
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
    if (link, dtype) == ("probit", "float64"):
        with pytest.raises(ValueError, match="no float64 operator for link='probit'"):
            model.to_onnx(dtype=dtype)
        return
    check(model, dtype)


@pytest.mark.parametrize("classes", [["no", "yes"], [False, True], [5, 2], [0.5, 1.5]])
def test_labels_of_any_type(classes):
    check(random_model("logit", classes=classes), "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "int4"])
def test_quantized(precision, outputs, dtype):
    check(random_model("identity", outputs).quantize(precision), dtype)


def test_int8_codes_are_one_byte_each():
    indices = np.arange(0, 90_000, 9)
    values = np.random.default_rng(0).standard_normal(len(indices))
    model = SparseModel(indices, values, 0.0, 90_000).quantize("int8")
    assert len(model.to_onnx()) <= 5 * len(indices) + 4096


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
