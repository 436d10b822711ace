"""to_c: compiled strictly, its functions against the prediction in Python."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
import scipy.sparse as sp

from fastl1.export.c import object_size
from fastl1.model.sparse_model import SparseModel

GCC = shutil.which("gcc")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
STRICT += ("-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes")
needs_gcc = pytest.mark.skipif(GCC is None, reason="needs gcc")
LINKS = ("identity", "log", "logit", "probit", "cloglog", "decision")
P = 300


def random_model(link="identity", outputs=1, density=0.1, seed=0, **given):
    rng = np.random.default_rng(seed)
    coef = rng.standard_normal((outputs, P)) * (rng.random((outputs, P)) < density)
    coef = coef if outputs > 1 else coef[0]
    intercept = rng.standard_normal(outputs)
    return SparseModel.from_coef(coef, intercept, link=link, **given)


class Compiled:
    """The functions of a C file."""

    def __init__(self, model, made, flag="-O2"):
        shared = made.source.with_suffix(".so")
        command = [GCC, *STRICT, flag, "-shared", "-fPIC", "-o", shared, made.source]
        subprocess.run([*command, "-lm"], check=True)
        self.library, self.name = ctypes.CDLL(str(shared)), made.name
        self.outputs, self.one = model.n_outputs, model.n_outputs == 1
        self.index = np.int64 if model.n_features > 2**31 - 1 else np.int32

    def __call__(self, which, x):
        out = np.full(self.outputs, np.nan)
        x = np.ascontiguousarray(x, np.float64)
        function = self.library[f"{self.name}_{which}"]
        function(x.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
        return out[0] if self.one else out

    def sparse(self, which, indices, values):
        out = np.full(self.outputs, np.nan)
        indices = np.array(indices, self.index)
        values = np.array(values, np.float64)
        arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (indices, values, out)]
        self.library[f"{self.name}_{which}_sparse"](
            ctypes.c_long(len(indices)), *arrays
        )
        return out[0] if self.one else out

    def label(self, x):
        x = np.ascontiguousarray(x, np.float64)
        function = self.library[f"{self.name}_class"]
        function.restype = ctypes.c_long
        place = function(x.ctypes.data_as(ctypes.c_void_p))
        labels = ctypes.c_char_p * (place + 1)
        return labels.in_dll(self.library, f"{self.name}_classes")[place].decode()


def check(model, made, flag="-O2", seed=1):
    c = Compiled(model, made, flag)
    rng = np.random.default_rng(seed)
    X = 2 * rng.standard_normal((8, P)) * (rng.random((8, P)) < 0.5)
    X[7] = 0
    link, response = model.predict(X, "link"), model.predict(X)
    for i, x in enumerate(X):
        stored = rng.permutation(np.flatnonzero(x))
        half = np.r_[stored, stored]
        near = {"rtol": 1e-12, "atol": 1e-13}
        np.testing.assert_allclose(c("link", x), link[i], **near)
        np.testing.assert_allclose(c("predict", x), response[i], **near)
        for which, wanted in (("link", link[i]), ("predict", response[i])):
            got = c.sparse(which, np.sort(stored), x[np.sort(stored)])
            np.testing.assert_allclose(got, wanted, **near)
            got = c.sparse(which, half, x[half] / 2)
            np.testing.assert_allclose(got, wanted, **near)
        if model.classes is not None:
            assert c.label(x) == str(model.predict(X[i : i + 1], "class")[0])


@needs_gcc
@pytest.mark.parametrize("link", LINKS)
def test_links(tmp_path, link):
    model = random_model(link)
    check(model, model.to_c(tmp_path / "model.c"))


@needs_gcc
@pytest.mark.parametrize("dtype", ["double", "float", "int8"])
@pytest.mark.parametrize("outputs", [1, 4])
def test_types(tmp_path, dtype, outputs):
    model = random_model("softmax" if outputs > 1 else "logit", outputs)
    made = model.to_c(tmp_path / "model.c", dtype)
    same = {"double": "float64", "float": "float32"}.get(dtype, dtype)
    check(model if same == "float64" else model.quantize(same), made, "-Os")


@pytest.mark.parametrize("name", ["cr\rx", "line\nx", 'quo"te', "back\\slash", "tri??"])
def test_names_that_no_source_can_include(tmp_path, name):
    with pytest.raises(ValueError, match=r"cannot be included: rename it"):
        random_model().to_c(str(tmp_path / f"{name}.c"))
    assert not list(tmp_path.iterdir())


@needs_gcc
@pytest.mark.parametrize("outputs", [1, 3])
def test_powers_of_quantized_models_are_exact(tmp_path, outputs):
    rng = np.random.default_rng(4)
    scale = 10.0 ** rng.uniform(-3, 3, P)
    coef = rng.standard_normal((outputs, P)) / scale
    model = SparseModel.from_coef(coef, np.zeros(outputs))
    model = model.quantize("int8", rng.standard_normal((50, P)) * scale)
    assert model.weights.exponents is not None
    for dtype in ("int8", "float"):
        check(model, model.to_c(tmp_path / f"{dtype}.c", dtype))


@needs_gcc
@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "int4"])
def test_quantized_models_are_exact(tmp_path, precision):
    model = random_model("identity", 2).quantize(precision)
    eight = precision.startswith("int")
    check(model, model.to_c(tmp_path / "m.c", "int8" if eight else "float"))


@needs_gcc
@pytest.mark.parametrize("dtype", ["double", "int8"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_model_without_coefficients(tmp_path, dtype, outputs):
    model = random_model("identity", outputs, density=0)
    check(model, model.to_c(tmp_path / "m.c", dtype))


@needs_gcc
def test_extreme_links_do_not_overflow(tmp_path):
    for link in ("log", "logit", "probit", "cloglog"):
        model = SparseModel([0], [1.0], 0.0, 1, link)
        c = Compiled(model, model.to_c(tmp_path / f"{link}.c"))
        for x in (-800.0, -30.0, 30.0, 800.0):
            wanted = model.predict([[x]])[0]
            assert c("predict", [x]) == pytest.approx(wanted, rel=1e-11, abs=1e-300)
        assert np.isnan(c("predict", [np.nan]))


@needs_gcc
def test_indices_that_are_no_features_are_ignored(tmp_path):
    model = SparseModel([0, P - 1], [1.0, 10.0], 0.5, P)
    c = Compiled(model, model.to_c(tmp_path / "m.c"))
    assert c.sparse("link", [-1, P, 2**31 - 1, -(2**31), P - 1], [1.0] * 5) == 10.5
    assert c.sparse("link", [], []) == 0.5


@needs_gcc
def test_very_many_features(tmp_path):
    model = SparseModel([3, 2**40], [1.0, 2.0], 0.0, 2**40 + 1)
    c = Compiled(model, model.to_c(tmp_path / "m.c"))
    assert c.sparse("link", [2**40, 3], [1.0, 5.0]) == 7.0


@needs_gcc
def test_a_million_features(tmp_path):
    rng = np.random.default_rng(0)
    features = np.sort(rng.choice(1_000_000, 10_000, replace=False))
    model = SparseModel(features, rng.standard_normal(10_000), 0.5, 1_000_000)
    made = model.to_c(tmp_path / "m.c", "int8")
    c, few = Compiled(model, made, "-Os"), np.r_[features[::1000], 999_999, 17]
    wanted = model.quantize("int8")
    x = sp.csr_array((np.ones(12), few, [0, 12]), shape=(1, 1_000_000))
    np.testing.assert_allclose(c.sparse("link", few, np.ones(12)), wanted.predict(x)[0])
    dense = x.toarray()[0]
    np.testing.assert_allclose(c("link", dense), wanted.predict(x)[0], rtol=1e-12)


def test_header_names_the_features(tmp_path):
    names = [f"f{j}" for j in range(P)]
    names[7], names[P - 1] = "*/ what\n", "größe"
    model = SparseModel([7, P - 1], [1.0, 2.0], 0.0, P, feature_names=names)
    header = model.to_c(tmp_path / "m.c").header.read_text()
    assert " *          7  \\x2a/ what\\n\n" in header
    assert f" * {P - 1:>10}  gr\\xf6\\xdfe\n */\n" in header
    assert "f8" not in header


@needs_gcc
def test_labels_of_any_text(tmp_path):
    classes = ['a "quoted" \\ one', "??/ */ zwölf\n"]
    model = random_model("logit", classes=classes)
    check(model, model.to_c(tmp_path / "m.c"))


@needs_gcc
def test_header_is_enough_for_another_program(tmp_path):
    model = random_model("softmax", 3)
    made = model.to_c(tmp_path / "2nd-model é.c")
    assert made.name == "model_2nd_model"
    assert made.header.exists()
    (tmp_path / "main.c").write_text(
        f'#include <stdio.h>\n#include "{made.header.name}"\n'
        "static double x[MODEL_2ND_MODEL_N_FEATURES];\n"
        "int main(void) {\n"
        "    double out[MODEL_2ND_MODEL_N_OUTPUTS];\n"
        "    x[7] = 1.0;\n"
        "    model_2nd_model_predict(x, out);\n"
        '    return printf("%.17g %s\\n", out[2], '
        "model_2nd_model_classes[model_2nd_model_class(x)]) < 0;\n"
        "}\n"
    )
    program = tmp_path / "main"
    sources = [tmp_path / "main.c", made.source]
    subprocess.run([GCC, *STRICT, "-Os", "-o", program, *sources, "-lm"], check=True)
    told = subprocess.run([program], check=True, capture_output=True, text=True)
    x = np.eye(1, P, 7)
    share, label = told.stdout.split()
    assert float(share) == pytest.approx(model.predict(x)[0, 2], rel=1e-13)
    assert label == str(model.predict(x, "class")[0])


def test_includes_nothing_but_math(tmp_path):
    made = random_model("logit").to_c(tmp_path / "m.c")
    text = made.source.read_text() + made.header.read_text()
    assert set(re.findall(r"#include (\S+)", text)) == {"<math.h>", '"m.h"'}


@needs_gcc
@pytest.mark.skipif(shutil.which("size") is None, reason="needs size (binutils)")
@pytest.mark.parametrize("compiler", ["gcc", "env gcc", ""])
def test_object_size_follows_the_kept_coefficients(tmp_path, monkeypatch, compiler):
    monkeypatch.setenv("CC", compiler)
    rng = np.random.default_rng(0)
    indices = np.sort(rng.choice(60_000, 5_000, replace=False))
    model = SparseModel(indices, rng.standard_normal(5_000), 0.0, 60_000, "logit")
    for dtype, each in (("double", 8), ("float", 4), ("int8", 1)):
        made = model.to_c(tmp_path / "m.c", dtype)
        total = sum(object_size(made.source).values())
        assert 5_000 * (2 + each) <= total <= 5_000 * (2 + each) + 3_000


def test_errors(tmp_path):
    model = random_model()
    with pytest.raises(ValueError, match="dtype must be double, float or int8"):
        model.to_c(tmp_path / "m.c", "half")
    with pytest.raises(ValueError, match=r"ends in \.c"):
        model.to_c(tmp_path / "m.cpp")
    with pytest.raises(ValueError, match="letters, digits and _"):
        model.to_c(tmp_path / "m.c", name="a-b")
    with pytest.raises(ValueError, match="exceeds the range of float32"):
        SparseModel([0], [1e300], 0.0, 1).to_c(tmp_path / "m.c", "float")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        model.to_c(tmp_path / "none" / "m.c")
