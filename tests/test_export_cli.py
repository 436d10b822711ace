"""``fastl1 export``: as a user."""

import pytest

for package in ("click", "pyarrow", "rich"):
    pytest.importorskip(package)

from fastl1.cli.app import run  # noqa: E402
from fastl1.model import SparseModel  # noqa: E402


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


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--to", "onnx", "--out", "m.onnx", "--dtype", "int8"], 2, "goes with --to c"),
        (["--to", "c", "--out", "m.cpp"], 3, "ends in .c"),
        (["--to", "c", "--out", "/no/such/folder/m.c"], 4, "No such file"),
    ],
)
def test_errors(file, capsys, words, code, message):
    assert run(["export", str(file), *words]) == code
    assert message in capsys.readouterr().err
