"""The artifact: equal bytes, integrity, atomic writes, prediction with numpy alone."""

import copy
import json
import mmap
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from fastl1._atomic import write_atomic
from fastl1.artifact.container import pack, unpack
from fastl1.data.columns import ColumnTreatment
from fastl1.fit.path import path as fit_path
from fastl1.loss.links import LINKS
from fastl1.loss.losses import LOSSES
from fastl1.model.sparse_model import SparseModel

RNG = np.random.default_rng(3)


def small(**changes):
    given = {
        "indices": [0, 2, 5],
        "values": [1.5, -2.0, 0.25],
        "intercept": 0.75,
        "n_features": 7,
        "feature_names": list("abcdefg"),
        "metadata": {"lambda": 0.1, "grid": np.array([0.2, 0.1]), "gap": np.float64(1)},
    }
    return SparseModel(**{**given, **changes})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.fl1"
    small().save(path)
    return path


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nnz", [0, 1, 3])
@pytest.mark.parametrize("link", ["identity", "logit"])
def test_round_trip(tmp_path, dtype, nnz, link):
    values = np.array([1.1, -2.2, 0.3], dtype)[:nnz]
    model = small(indices=[0, 2, 5][:nnz], values=values, link=link)
    path = tmp_path / "model.fl1"
    model.save(path)
    again = SparseModel.load(path)
    assert again == model
    assert again.values.dtype == dtype
    assert again.coef_.tolist() == model.coef_.tolist()
    assert again.intercept == 0.75
    assert again.feature_names == list("abcdefg")
    assert again.metadata == {"lambda": 0.1, "grid": [0.2, 0.1], "gap": 1.0}
    assert os.listdir(tmp_path) == ["model.fl1"]


@pytest.mark.parametrize(
    "classes",
    [[0, 1], [False, True], [-1.0, 1.0], ["no", "yes"], np.array(["n", "é"], object)],
)
def test_classes_keep_their_kind(classes):
    model = small(link="logit", classes=classes)
    again = SparseModel.from_bytes(model.to_bytes())
    assert again.classes.dtype == model.classes.dtype
    assert again.classes.tolist() == list(classes)
    labels = again.predict(np.eye(7), type="class")
    assert labels.tolist() == [classes[int(e > 0)] for e in 0.75 + model.coef_]


def test_equal_models_give_equal_bytes():
    a = small(metadata={"b": 1, "a": {"y": 2, "x": 3}})
    b = small(
        indices=np.array([0, 2, 3, 5], np.uint8),
        values=[1.5, -2, 0.0, 0.25],  # the zero is dropped
        metadata={"a": {"x": 3, "y": 2}, "b": 1},
    )
    assert a == b
    assert a.to_bytes() == b.to_bytes()
    assert a != small(intercept=0.5)
    assert a != 3


def test_layout_is_safetensors(file):
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(file, "numpy") as tensors:
        assert tensors.get_tensor("gaps").tolist() == [0, 1, 2]
        assert tensors.get_tensor("values").tolist() == [1.5, -2.0, 0.25]
        assert tensors.get_tensor("intercept").tolist() == [0.75]
        assert tensors.metadata()["format"] == "fastl1.SparseModel"
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert (8 + length) % 8 == 0
    assert list(header) == sorted(header)
    assert list(header["__metadata__"]) == sorted(header["__metadata__"])
    for name, spec in header.items():
        if name != "__metadata__":
            size = {"F64": 8, "U8": 1}[spec["dtype"]]
            assert spec["data_offsets"][0] % size == 0


@pytest.mark.parametrize("values", [[], np.ones(3, np.float32)])
def test_safetensors_reads_the_corner_cases(tmp_path, values):
    numpy_reader = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.fl1"
    small(indices=range(len(values)), values=values, feature_names=None).save(path)
    tensors = numpy_reader.load_file(path)
    assert tensors["values"].tolist() == list(values)
    assert sorted(tensors) == ["gaps", "intercept", "values"]


def test_every_cut_is_refused(file):
    data = file.read_bytes()
    for size in range(len(data)):
        with pytest.raises(ValueError, match=r"truncated|not a fastl1 model"):
            SparseModel.from_bytes(data[:size])
    with pytest.raises(ValueError, match="altered"):
        SparseModel.from_bytes(data + b"x")


def test_every_flipped_byte_is_refused(file):
    data = bytearray(file.read_bytes())
    for place in range(len(data)):
        data[place] ^= 1
        with pytest.raises(ValueError, match=r"model: \w"):
            SparseModel.from_bytes(data)
        data[place] ^= 1


def test_pickle_is_the_file():
    model = small()
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert again.to_bytes() == model.to_bytes()
    assert len(pickle.dumps(model)) < len(model.to_bytes()) + 200
    assert copy.deepcopy(model) == model


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero here")
def test_endless_files_are_not_read():
    with pytest.raises(OSError, match="this is a device; .*/dev/zero"):
        SparseModel.load("/dev/zero")


def test_error_names_the_file(tmp_path):
    path = tmp_path / "other.bin"
    path.write_bytes(b"PAR1" * 50)
    with pytest.raises(ValueError, match=r"other\.bin: not a fastl1 model"):
        SparseModel.load(path)
    with pytest.raises(FileNotFoundError):
        SparseModel.load(tmp_path / "absent.fl1")


def resealed(data, change):
    """A file's bytes after `change(metadata, tensors)`, with a digest that fits."""
    metadata, tensors = unpack(data)
    change(metadata, tensors)
    return pack(metadata, tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta, t: meta.update(schema="4"), r"later fastl1 \(schema 4"),
        (lambda meta, t: meta.update(model='{"n_features":7}'), "malformed"),
        (lambda meta, t: meta.update(model="[" * 100_000), "nested"),
        (lambda meta, t: meta.pop("lineage"), "malformed"),
        (lambda meta, t: t.update(gaps=np.array([0, 1, 4], "u1")), "between 0 and 6"),
        (lambda meta, t: t.update(values=np.array([1, np.nan, 1.0])), "nan"),
        (lambda meta, t: t.update(values=np.array([1.0])), "3 places"),
        (lambda meta, t: t.update(names=np.frombuffer(b'["a"]', "u1")), "1 feature na"),
    ],
)
def test_hostile_content_behind_a_fitting_digest(file, change, message):
    with pytest.raises(ValueError, match=message):
        SparseModel.from_bytes(resealed(file.read_bytes(), change))


def test_hostile_extents(file):
    data = file.read_bytes()
    for length in (0, 1, 7, 2**31, 2**63, 2**64 - 1):
        with pytest.raises(ValueError, match=r"truncated|not a fastl1|altered"):
            SparseModel.from_bytes(length.to_bytes(8, "little") + data[8:])


LOADER = """
import sys
before = set(sys.modules)
import numpy
bare = set(sys.modules)
from fastl1.model.sparse_model import SparseModel
model = SparseModel.load(sys.argv[1])
print(model.predict(numpy.eye(7)).tolist())
stdlib = sys.stdlib_module_names
new = {m.split(".")[0] for m in set(sys.modules) - bare} - set(stdlib)
print(sorted(m for m in new if not m.startswith(("numpy", "fastl1", "_fastl1"))))
print(sorted(m for m in sys.modules if m.startswith("scipy")))
"""


def test_loading_needs_numpy_only(file):
    run = subprocess.run(
        [sys.executable, "-c", LOADER, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    predicted, foreign, scipy = run.stdout.splitlines()
    assert json.loads(predicted) == small().predict(np.eye(7)).tolist()
    # Cython's own runtime shims are registered as modules by the compiled core
    assert [m for m in eval(foreign) if not m.startswith(("_cython", "cython"))] == []
    assert scipy == "[]"


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, np.uint16, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_predict_dense(dtype, order):
    X = np.asarray(RNG.integers(0, 2, (20, 7)), dtype=dtype, order=order)
    model = small()
    expected = X.astype(float) @ model.coef_ + 0.75
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-14)
    assert model.predict(X[:0]).shape == (0,)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.coo_array])
def test_predict_sparse(kind):
    X = sp.random_array((30, 7), density=0.4, rng=RNG)
    model = small(link="logit")
    expected = 1 / (1 + np.exp(-(X.toarray() @ model.coef_ + 0.75)))
    np.testing.assert_allclose(model.predict(kind(X)), expected, rtol=1e-12)
    assert model.predict(kind(X), type="link").shape == (30,)


def test_predict_is_stable_for_large_scores():
    model = SparseModel([0], [1.0], 0.0, 1, link="logit")
    with np.errstate(all="raise", under="ignore"):
        p = model.predict([[-1000.0], [0.0], [1000.0]])
    assert p.tolist() == [0.0, 0.5, 1.0]


def test_predict_ignores_what_it_does_not_use():
    X = np.zeros((2, 7))
    X[1, 1] = np.nan
    assert small().predict(X).tolist() == [0.75, 0.75]
    assert small().predict(sp.csr_array(X)).tolist() == [0.75, 0.75]
    X[1, 2] = np.inf
    with pytest.raises(ValueError, match=r"X\[1, 2\] is inf"):
        small().predict(X)
    with pytest.raises(ValueError, match="is inf"):
        small().predict(sp.csr_array(X))


def test_predict_by_name():
    table = {"f": np.array([4, 8]), "c": [0.5, 1.0], "a": np.array([True, False])}
    expected = [1.5 - 1 + 1 + 0.75, -2 + 2 + 0.75]
    assert small().predict(table).tolist() == expected
    with pytest.raises(ValueError, match="'c'"):
        small().predict({"a": [1.0], "f": [1.0]})
    with pytest.raises(ValueError, match="neither"):
        small(feature_names=None).predict(table)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_predict_frames(library):
    frame = pytest.importorskip(library)
    make = frame.table if library == "pyarrow" else frame.DataFrame
    table = {"f": [4.0, 8.0], "c": [0.5, 1.0], "a": [1, 0], "b": ["x", "y"]}
    assert small().predict(make(table)).tolist() == small().predict(table).tolist()


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones((2, 6)), ValueError, "6 features"),
        (np.ones(7), ValueError, "2 dimensions"),
        (np.ones((2, 7), complex), TypeError, "complex"),
        (np.full((2, 7), "a"), TypeError, "real numbers"),
        (sp.csr_array((2, 8)), ValueError, "8 features"),
    ],
)
def test_predict_bad_input(X, error, message):
    with pytest.raises(error, match=message):
        small().predict(X)


def test_predict_bad_type():
    with pytest.raises(ValueError, match="'probability'"):
        small().predict(np.eye(7), type="probability")
    with pytest.raises(ValueError, match="logit"):
        small().predict(np.eye(7), type="class")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": [0, 0, 1]}, "increasing"),
        ({"indices": [0, 2, 7]}, "between 0 and 6"),
        ({"indices": [-1, 2, 3]}, "between"),
        ({"indices": [0, 2]}, "equally long"),
        ({"values": [1, 2, np.inf]}, "entry 2 is inf"),
        ({"intercept": np.nan}, "intercept"),
        ({"n_features": 0}, "at least 1"),
        ({"link": "cauchit"}, "cauchit"),
        ({"classes": [0, 1]}, "a link that classifies"),
        ({"link": "logit", "classes": [1, 1]}, "differ"),
        ({"link": "logit", "classes": [1, 2, 3]}, "two"),
        ({"feature_names": ["a"]}, "1 feature names for 7"),
        ({"feature_names": list("abcdefa")}, "'a' occurs twice"),
    ],
)
def test_bad_models(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_metadata():
    model = small(metadata={"gap": np.float64("nan"), 3: (1, np.bool_(True))})
    assert model.metadata == {"gap": None, "3": [1, True]}
    with pytest.raises(TypeError, match="object"):
        small(metadata={"x": object()})


def test_wide_indices():
    model = SparseModel([3, 2**40], [1.0, 2.0], 0.0, 2**40 + 1)
    again = SparseModel.from_bytes(model.to_bytes())
    assert again.indices.tolist() == [3, 2**40]


def test_kept_names():
    assert small().kept_names() == ["a", "c", "f"]
    assert small(feature_names=None).kept_names() == ["x0", "x2", "x5"]
    assert repr(small()) == "<SparseModel: 3 of 7 features, link='identity'>"


# --- several outputs ---------------------------------------------------------------


def several(link="softmax", **given):
    rng = np.random.default_rng(5)
    coef = np.where(rng.random((4, 30)) < 0.2, rng.standard_normal((4, 30)), 0.0)
    intercept = rng.standard_normal(4)
    return SparseModel.from_coef(coef, intercept, link=link, **given), coef, intercept


def test_several_outputs():
    model, coef, intercept = several(classes=list("wxyz"))
    assert model.n_outputs == 4
    assert model.coef_.tolist() == coef.tolist()
    assert model.features.tolist() == np.flatnonzero(coef.any(axis=0)).tolist()
    assert model.weights.matrix().tolist() == coef[:, model.features].T.tolist()
    again = SparseModel.from_bytes(model.to_bytes())
    assert again == model
    assert again.coef_.tolist() == coef.tolist()
    X = RNG.standard_normal((20, 30))
    eta = X @ coef.T + intercept
    share = np.exp(eta)
    share /= share.sum(axis=1, keepdims=True)
    for form in (X, sp.csr_array(X), sp.csc_array(X)):
        np.testing.assert_allclose(again.predict(form, "link"), eta, rtol=1e-12)
        np.testing.assert_allclose(again.predict(form), share, rtol=1e-12)
        labels = np.array(list("wxyz"))[eta.argmax(axis=1)]
        assert again.predict(form, "class").tolist() == labels.tolist()


def test_forms_of_several_outputs_are_one_model():
    model, coef, intercept = several("identity", output_names=list("wxyz"))
    kept = np.flatnonzero(coef.any(axis=0))
    rows = SparseModel(kept, coef.T[kept], intercept, 30, output_names=list("wxyz"))
    feature, output = np.nonzero(coef.T)
    pairs = SparseModel(
        feature,
        coef.T[coef.T != 0],
        intercept,
        30,
        outputs=output,
        output_names=list("wxyz"),
    )
    sparse = SparseModel.from_coef(
        sp.coo_array(coef), intercept, output_names=list("wxyz")
    )
    assert model == rows == pairs == sparse
    assert model.output_names == list("wxyz")


def test_several_outputs_of_a_table():
    treatment = ColumnTreatment.learn({"age": [1.0, 2, 4], "job": ["a", "b", "c"]})
    coef = RNG.standard_normal((3, treatment.n_features))
    model = SparseModel.from_coef(coef, [1.0, 2.0, 3.0], columns=treatment)
    table = {"job": ["b", "a"], "age": [3.0, 1.0]}
    expected = np.asarray(treatment.encode(table)) @ coef.T + [1, 2, 3]
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-12)
    names = SparseModel.from_coef(coef[:, :2], np.ones(3), feature_names=["p", "q"])
    table = {"q": [1.0, 2.0], "p": [0.5, -1.0]}
    expected = np.array([[0.5, 1.0], [-1.0, 2.0]]) @ coef[:, :2].T + 1
    np.testing.assert_allclose(names.predict(table), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"indices": [0, 1], "values": [1.0, 2.0]}, "give values with 2 columns"),
        ({"indices": [0], "values": [[1.0, 2, 3]]}, "there are 2 intercepts"),
        ({"indices": [1, 0], "values": np.ones((2, 2))}, "strictly increasing"),
        ({"indices": [1], "values": [1.0], "outputs": [2]}, "outputs must lie"),
        ({"indices": [1, 1], "values": [1.0, 2], "outputs": [1, 0]}, "increasing"),
        ({"indices": [1], "values": [1.0], "outputs": [0.5]}, "must be integers"),
        (
            {"indices": [1], "values": np.ones((1, 2)), "output_names": ["a"]},
            "1 output names for 2 outputs",
        ),
        (
            {
                "indices": [1],
                "values": np.ones((1, 2)),
                "link": "softmax",
                "classes": [1, 2, 3],
            },
            "two numbers",
        ),
    ],
)
def test_bad_models_of_several_outputs(given, message):
    error = TypeError if "integers" in message else ValueError
    with pytest.raises(error, match=message):
        SparseModel(**{"intercept": [0.0, 1.0], "n_features": 3, **given})
    with pytest.raises(ValueError, match="at least 2 outputs"):
        SparseModel([0], [1.0], 0.0, 1, link="softmax")


def test_links():
    stats = pytest.importorskip("scipy.stats")
    eta = np.r_[-40.0, np.linspace(-9, 9, 37), 30.0]
    expected = {
        "identity": eta,
        "decision": eta,
        "log": np.exp(eta),
        "logit": 1 / (1 + np.exp(-eta)),
        "probit": stats.norm.cdf(eta),
        "cloglog": -np.expm1(-np.exp(eta)),
    }
    assert set(expected) == set(LINKS) - {"softmax"}
    for name, response in expected.items():
        model = SparseModel([0], [1.0], 0.0, 1, link=name)
        X = eta[:, None]
        np.testing.assert_allclose(model.predict(X), response, rtol=2e-13)
        if LINKS[name].classifies:
            cut = 0.5 if LINKS[name].probability else 0.0
            assert model.predict(X, "class").tolist() == (response > cut).tolist()
        if LINKS[name].slope is not None:
            steepest = np.abs(np.diff(response) / np.diff(eta)).max()
            assert steepest <= LINKS[name].slope * (1 + 1e-12)
    with np.errstate(all="raise", under="ignore"):
        for name in set(LINKS) - {"log", "softmax"}:
            model = SparseModel([0], [1.0], 0.0, 1, link=name)
            ends = model.predict([[-1e4], [1e4]]).tolist()
            assert ends == ([0.0, 1.0] if LINKS[name].probability else [-1e4, 1e4])


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_models_of_a_path(loss):
    """What a fit predicts, its artifact predicts, for every loss."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 10))
    eta = X[:, 0] - 0.5 * X[:, 3]
    if LOSSES[loss].labels:
        y = np.where(eta + rng.standard_normal(80) > 0, "yes", "no")
    elif loss == "cox":
        y = np.stack([rng.random(80) < 0.7, rng.exponential(np.exp(-eta))], axis=1)
    elif LOSSES[loss].link == "log":
        y = rng.poisson(np.exp(eta)) + 1.0
    else:
        y = eta + rng.standard_normal(80)
    result = fit_path(X, y, loss=loss, n_alphas=5, alpha_min_ratio=0.2, tol=1e-3)
    result = pickle.loads(pickle.dumps(result))
    for k in (0, 3, -1):
        model = SparseModel.from_bytes(result.model(k).to_bytes())
        alpha = result.alphas[k]
        assert model.metadata["loss"] == loss
        assert model.metadata.get("loss_params", {}) == result.family.params()
        for kind in ("link", "response", *(["class"] if LOSSES[loss].labels else [])):
            expected = result.predict(X, alpha, kind)
            got = model.predict(X, kind)
            if kind == "class":
                assert got.tolist() == expected.tolist()
            else:
                np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


# --- earlier and later files -------------------------------------------------------

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


def test_schema_1_loads():
    model = SparseModel.load(ARTIFACTS / "schema1-names.fl1")
    values = np.array([1.5, -2.0, 0.25], np.float32)
    assert model == small(values=values, metadata={"alpha": 0.1, "gap": 1e-7})
    assert model.values.dtype == np.float32
    wide = SparseModel.load(ARTIFACTS / "schema1-wide.fl1")
    assert wide == SparseModel([3, 2**40], [1.0, 2.0], 0.0, 2**40 + 1)
    loans = SparseModel.load(ARTIFACTS / "schema1-columns.fl1")
    assert loans.kept_names() == ["age", "job=nurse"]
    assert loans.required_features() == ["age", "job"]
    assert loans.classes.tolist() == ["no", "yes"]
    assert loans.metadata == {"target": "bought"}
    table = {"age": [30.0, None], "job": ["nurse", "cook"]}
    assert loans.predict(table, "class").tolist() == ["yes", "yes"]


@pytest.mark.parametrize(
    "path", sorted(ARTIFACTS.glob("schema2-*")), ids=lambda p: p.stem
)
def test_schema_2_does_not_change(path):
    """Files of this schema load, and saving them again gives their bytes."""
    data = path.read_bytes()
    model = SparseModel.from_bytes(data)
    assert model.to_bytes() == data
    expected = model.metadata["expected"]
    np.testing.assert_allclose(model.predict(np.eye(6)), expected, rtol=1e-13)


def test_large_files_are_mapped(tmp_path):
    values = RNG.standard_normal(200_000)
    model = SparseModel(np.arange(200_000), values, 0.0, 200_000)
    path = tmp_path / "large.fl1"
    model.save(path)
    loaded = SparseModel.load(path)
    base = loaded.values
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.obj, mmap.mmap)
    assert not loaded.values.flags.writeable
    small().save(path)  # a new file takes its place; the map keeps the old one
    assert loaded == model
    assert SparseModel.load(path) == small()


def test_later_minor_versions_load_and_keep_what_is_new(file):
    def later(metadata, tensors):
        metadata["minor"] = "7"
        metadata["news"] = "of a later version"
        metadata["model"] = metadata["model"][:-1] + ',"zeal":[1,2]}'
        tensors["extra"] = np.arange(6, dtype=np.int16).reshape(2, 3)

    data = resealed(file.read_bytes(), later)
    model = SparseModel.from_bytes(data)
    assert model.coef_.tolist() == small().coef_.tolist()
    assert model.to_bytes() == data
    assert model != small()


# --- writing -----------------------------------------------------------------------


def test_replaces_and_follows_links(tmp_path):
    real, link = tmp_path / "real.fl1", tmp_path / "link.fl1"
    real.write_bytes(b"old")
    link.symlink_to(real)
    small().save(link)
    assert link.is_symlink()
    assert SparseModel.load(real) == small()


def test_unwritable_places(tmp_path):
    with pytest.raises(OSError, match="cannot write"):
        small().save(tmp_path / "absent" / "model.fl1")
    with pytest.raises(IsADirectoryError, match="cannot write"):
        small().save(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_device():
    with pytest.raises(OSError, match=r"cannot write: No space.*/dev/full"):
        small().save("/dev/full")


def test_read_only_directory(tmp_path):
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0  # root may write anywhere: act as somebody else meanwhile
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError, match=r"cannot write: Permission denied"):
            small().save(tmp_path / "model.fl1")
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)
    assert os.listdir(tmp_path) == []


def test_no_half_written_file_when_space_ends(tmp_path):
    path = tmp_path / "model.fl1"
    small().save(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match=r"cannot write: .*model\.fl1"):
            write_atomic(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["model.fl1"]
    assert SparseModel.load(path) == small()
