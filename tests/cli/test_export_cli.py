"""``fastl1 export``: as a user."""

import pytest

for package in ("click", "pyarrow", "rich"):
    pytest.importorskip(package)

from fastl1.cli.app import run  # noqa: E402
from fastl1.data.columns import ColumnTreatment  # noqa: E402
from fastl1.data.kinds import Category, Number  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402


@pytest.fixture
def file(tmp_path):
    model = SparseModel([0, 2], [1.5, -2.0], 0.5, 4, "logit")
    model.save(tmp_path / "model.fl1")
    return tmp_path / "model.fl1"


def test_c(file, capsys):
    out = file.with_name("houses.c")
    assert run(["export", str(file), "--to", "c", "--out", str(out)]) == 0
    assert "houses_predict" in capsys.readouterr().out
    by_python = SparseModel.load(file).to_c(file.with_name("other.c"), name="houses")
    text = by_python.source.read_text().replace("other.h", "houses.h")
    assert out.read_text() == text
    assert out.with_suffix(".h").read_text() == by_python.header.read_text()


def test_onnx(file):
    pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
    out = file.with_name("m.onnx")
    words = ["export", str(file), "--to", "onnx", "--out", str(out)]
    assert run([*words, "--dtype", "double"]) == 0
    assert out.read_bytes() == SparseModel.load(file).to_onnx(dtype="float64")


def test_columns(tmp_path, capsys):
    pytest.importorskip("onnx", reason="needs onnx (extra onnx)")
    treatment = ColumnTreatment([Number("age", 40.0), Category("job", ["cook", "nun"])])
    model = SparseModel([0, 2], [0.5, 1.0], 0.5, 3, columns=treatment)
    model.save(tmp_path / "model.fl1")
    out = tmp_path / "m.onnx"
    words = ["export", str(tmp_path), "--to", "onnx", "--out", str(out)]
    assert run([*words, "--columns"]) == 0
    assert capsys.readouterr().err == ""
    assert out.read_bytes() == model.to_onnx(columns=True)
    assert run(words) == 0
    assert "--columns takes raw columns" in capsys.readouterr().err
    assert out.read_bytes() == model.to_onnx()


def test_columns_in_c(tmp_path, capsys):
    treatment = ColumnTreatment([Number("age", 40.0), Category("job", ["cook", "nun"])])
    model = SparseModel([0, 2], [0.5, 1.0], 0.5, 3, columns=treatment)
    model.save(tmp_path / "model.fl1")
    out = tmp_path / "m.c"
    words = ["export", str(tmp_path), "--to", "c", "--out", str(out), "--columns"]
    assert run(words) == 0
    assert capsys.readouterr().err == ""
    assert "const char *job; /* category: job */" in out.with_suffix(".h").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--to", "c", "--out", "m.c", "--portable"], 2, "goes with --to onnx"),
        (["--to", "onnx", "--out", "m.onnx", "--columns"], 3, "no column treatment"),
        (["--to", "onnx", "--out", "m.onnx", "--dtype", "int8"], 2, "goes with --to c"),
        (["--to", "c", "--out", "m.c", "--columns"], 3, "no column treatment"),
        (["--to", "c", "--out", "m.cpp"], 3, "ends in .c"),
        (["--to", "c", "--out", "/no/such/folder/m.c"], 4, "No such file"),
    ],
)
def test_errors(file, capsys, words, code, message):
    assert run(["export", str(file), *words]) == code
    assert message in capsys.readouterr().err
