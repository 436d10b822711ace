"""to_c(columns=True): structs of raw columns, compiled, against our prediction."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from oracles.raw_columns import TABLE, TREATMENT, make

from fastl1.data.columns import ColumnTreatment
from fastl1.data.kinds import Category, Hashed, Number
from fastl1.data.table import MISSING_TEXT
from fastl1.export.c_text import members, remark
from fastl1.model.sparse_model import SparseModel

GCC, CXX = shutil.which("gcc"), shutil.which("g++")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion")
needs_gcc = pytest.mark.skipif(GCC is None, reason="needs gcc")


class Compiled:
    """The functions of a C file that take a struct."""

    def __init__(self, model, folder, dtype="double", flag="-O2"):
        made = model.to_c(folder / "model.c", dtype, columns=True)
        shared = folder / "model.so"
        command = [GCC, "-std=c99", *WARNINGS, flag, "-shared", "-fPIC", "-o", shared]
        subprocess.run([*command, made.source, "-lm"], check=True)
        self.library, self.outputs = ctypes.CDLL(str(shared)), model.n_outputs
        columns = [one.column for one in model.columns.in_use(model.features)]
        self.names = [column.name for column in columns]
        self.text = [isinstance(column, Category | Hashed) for column in columns]
        kinds = [ctypes.c_char_p if text else ctypes.c_double for text in self.text]
        fields = zip(map("f{}".format, range(len(kinds))), kinds, strict=True)
        self.struct = type("Row", (ctypes.Structure,), {"_fields_": list(fields)})

    def row(self, cells):
        """A struct of the cells of a row, by name."""
        row = self.struct()
        for k, (name, text) in enumerate(zip(self.names, self.text, strict=True)):
            cell = cells[name]
            gap = cell is None or cell != cell
            if text:
                cell = None if gap else cell if isinstance(cell, str) else f"{cell:g}"
                setattr(row, f"f{k}", cell if cell is None else cell.encode())
            else:
                setattr(row, f"f{k}", np.nan if gap else float(cell))
        return row

    def __call__(self, which, cells):
        out = np.full(self.outputs, np.nan)
        row = self.row(cells)
        self.library[f"model_{which}_row"](
            ctypes.byref(row), out.ctypes.data_as(ctypes.c_void_p)
        )
        return out

    def place(self, cells):
        function = self.library.model_class_row
        function.restype = ctypes.c_long
        return function(ctypes.byref(self.row(cells)))


def check(model, c, table=TABLE):
    link, response = model.predict(table, "link"), model.predict(table)
    for i in range(len(response)):
        cells = {name: column[i] for name, column in table.items()}
        near = {"rtol": 1e-12, "atol": 1e-13}
        np.testing.assert_allclose(c("link", cells), np.atleast_1d(link[i]), **near)
        got = c("predict", cells)
        np.testing.assert_allclose(got, np.atleast_1d(response[i]), **near)
        if model.classes is not None:
            label = model.classes[c.place(cells)]
            assert label == model.predict(table, "class")[i]


@needs_gcc
@pytest.mark.parametrize(
    ("link", "outputs", "density"),
    [("logit", 1, 0.0), ("logit", 1, 1.0), ("softmax", 3, 0.3), ("identity", 2, 0.0)],
)
def test_every_kind_of_column(tmp_path, link, outputs, density):
    model = make(link, outputs, density)
    check(model, Compiled(model, tmp_path))


@needs_gcc
@pytest.mark.parametrize(("precision", "dtype"), [("float32", "float"), ("int8",) * 2])
def test_narrow_coefficients(tmp_path, precision, dtype):
    model = make().quantize(precision)
    check(model, Compiled(model, tmp_path, dtype, "-Os"))


@needs_gcc
@pytest.mark.parametrize("k", range(len(TREATMENT.columns)))
def test_one_column_alone(tmp_path, k):
    treatment = ColumnTreatment([TREATMENT.columns[k]])
    coef = np.zeros(treatment.n_features)
    coef[: min(40, len(coef))] = 1 + np.arange(min(40, len(coef)))
    coef[-1] = -3
    model = SparseModel.from_coef(coef, 0.5, columns=treatment)
    name = treatment.columns[0].name
    check(model, Compiled(model, tmp_path), {name: TABLE[name]})


@needs_gcc
@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-x", "c++")])
def test_a_row_begins_as_missing(tmp_path, compiler):
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    model = make()
    made = model.to_c(tmp_path / "model.c", columns=True)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void) {\n'
        "    model_row row = MODEL_ROW_MISSING;\n    double out[1];\n"
        '    model_link_row(&row, out);\n    return printf("%.17g", out[0]) < 0;\n}\n'
    )
    flags = ("-Wall", "-Wextra", "-pedantic", "-Werror")
    one, two, program = (str(tmp_path / name) for name in ("a.o", "b.o", "main"))
    subprocess.run(
        ["gcc", "-std=c99", *flags, "-c", made.source, "-o", one], check=True
    )
    main = str(tmp_path / "main.c")
    subprocess.run([*compiler, *flags, "-c", main, "-o", two], check=True)
    subprocess.run([compiler[0], one, two, "-lm", "-o", program], check=True)
    told = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    row = {name: np.array([None], object) for name in model.required_features()}
    assert float(told) == pytest.approx(model.predict(row, "link")[0], rel=1e-12)


@needs_gcc
def test_texts(tmp_path):
    levels = [
        "",
        *MISSING_TEXT,
        "a",
        "ab",
        "abc",
        "b",
        "ä",
        "äb",
        "\U0001f600",
        '"\\??/',
    ]
    levels = sorted(set(levels) - MISSING_TEXT)
    treatment = ColumnTreatment([Category("t", levels, missing=1)])
    coef = 1.0 + np.arange(treatment.n_features)
    model = SparseModel.from_coef(coef, 0.5, columns=treatment)
    c = Compiled(model, tmp_path)
    other = ["aa", "abcd", "A", "z", "\xe3", "a b", "\U0001f601", "~", "Nan", "na"]
    texts = [*levels, *other, *MISSING_TEXT, None]
    texts += [f" \t{text}\x1f\r\n" for text in texts if text is not None]
    for text in texts:
        wanted = model.predict({"t": np.array([text], object)})
        assert c("link", {"t": text}) == wanted, repr(text)


HOSTILE = [
    *("int", "class", "x y", "x_y", "x-y", "2nd", "", "_", "__x", "NAN", "linux"),
    *("*/ int main", "/* ?", "a\nb", 'q"uote', "back\\", "??/", "zwölf", "\u2028"),
]


@needs_gcc
@pytest.mark.parametrize("language", ["c", "c++"])
def test_hostile_names(tmp_path, language):
    compiler = [GCC, "-std=c99"] if language == "c" else [CXX, "-std=c++11"]
    if compiler[0] is None:
        pytest.skip("needs g++")
    treatment = ColumnTreatment(
        Category(name, [f"{name}?"], missing=1) if k % 2 else Number(name, 1.0)
        for k, name in enumerate(HOSTILE)
    )
    coef = 0.01 * (1 + np.arange(treatment.n_features))
    model = SparseModel.from_coef(
        coef,
        link="logit",
        feature_names=treatment.feature_names,
        columns=treatment,
        classes=["*/", '"'],
    )
    made = model.to_c(tmp_path / "m.c", columns=True)
    main = (tmp_path / "main").with_suffix(".c" if language == "c" else ".cc")
    main.write_text(
        '#include <stdio.h>\n#include "m.h"\n'
        "static m_row row;\n"
        "int main() {\n"
        "    double out[M_N_OUTPUTS];\n"
        "    m_predict_row(&row, out);\n"
        '    return printf("%.17g %s", out[0], m_classes[m_class_row(&row)]) < 0;\n'
        "}\n"
    )
    program, plain = tmp_path / "main", tmp_path / "m.o"
    command = [GCC, "-std=c99", *WARNINGS, "-c", "-o", plain, made.source]
    subprocess.run(command, check=True)
    subprocess.run(
        [*compiler, *WARNINGS, "-o", program, main, plain, "-lm"], check=True
    )
    told = subprocess.run([program], check=True, capture_output=True, text=True)
    table = {name: [None if k % 2 else 0.0] for k, name in enumerate(HOSTILE)}
    share, label = told.stdout.split()
    assert float(share) == pytest.approx(model.predict(table)[0], rel=1e-13)
    assert label == model.predict(table, "class")[0]


def test_members_of_structs_differ():
    made = members(HOSTILE)
    assert len(set(made)) == len(HOSTILE)
    assert made[:5] == ["int_", "class_", "x_y", "x_y_2", "x_y_3"]
    assert all(name.isidentifier() and name.isascii() for name in made)
    assert members(["x_y_2", "x y", "x-y"]) == ["x_y_2", "x_y", "x_y_3"]


@pytest.mark.parametrize("text", [*HOSTILE, "??/", "*/", "/*", "\\", "\r\n", "é"])
def test_remarks_stay_in_their_comment(text):
    told = remark(text)
    assert told.isascii()
    assert not {"*", "\n", "\r"} & set(told)
    assert "??" not in told


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="no column treatment to include"):
        SparseModel([0], [1.0], 0.0, 1).to_c(tmp_path / "m.c", columns=True)
    assert list(tmp_path.iterdir()) == []
