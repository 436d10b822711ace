"""One table in many forms: files of every kind and frames give one model."""

import csv
import io
import json
import sys

import numpy as np
import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
from houses import csv_text
from houses import table as houses
from pyarrow import feather, parquet
from workbook import workbook

from fastl1 import workflow
from fastl1.data.convention import Convention
from fastl1.exceptions import DataError, OptionError

ROWS = 120


def table():
    rng = np.random.default_rng(8)
    place = rng.choice(["Århus", "Bergen", "Cork"], ROWS).tolist()
    size = rng.integers(1_000, 90_000, ROWS).tolist()
    index = [round(x, 2) for x in rng.normal(2_000, 900, ROWS).tolist()]
    noise = [round(x, 3) for x in rng.normal(size=ROWS).tolist()]
    price = [
        round(a / 500 + b / 100 + 30 * (c == "Cork"), 1)
        for a, b, c in zip(size, index, place, strict=True)
    ]
    noise[7] = index[11] = None
    return {
        "size": size,
        "index": index,
        "noise": noise,
        "place": place,
        "price": price,
    }


def spell(value, convention):
    """A cell as a file of text has it."""
    if value is None or isinstance(value, str):
        return value or ""
    text = f"{value:,}" if convention.thousands else str(value)
    marks = {",": convention.thousands, ".": convention.decimal}
    return "".join(marks.get(sign, sign) for sign in text)


def text_of(columns, delimiter=",", convention=None, **how):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", **how)
    writer.writerow(columns)
    convention = convention or Convention()
    for row in zip(*columns.values(), strict=True):
        writer.writerow([spell(cell, convention) for cell in row])
    return out.getvalue()


GERMAN, SWISS = Convention(",", "."), Convention(".", "'")
FRENCH, ENGLISH = Convention(",", "\u202f"), Convention(".", ",")


def text_form(encoding, *how, **more):
    def write(columns, path):
        path = path.with_suffix(".csv")
        path.write_bytes(text_of(columns, *how, **more).encode(encoding))
        return path

    return write


def sheet(columns, path):
    pytest.importorskip("python_calamine")
    rows = zip(*columns.values(), strict=True)
    return workbook(path.with_suffix(".xlsx"), [list(columns), *rows])


def lines(columns, path):
    names, path = list(columns), path.with_suffix(".jsonl")
    rows = zip(*columns.values(), strict=True)
    text = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    path.write_text("\n".join(text) + "\n", "utf-8")
    return path


def stored(write, suffix):
    def form(columns, path):
        path = path.with_suffix(suffix)
        write(pa.table(columns), str(path))
        return path

    return form


def stream_of_polars(columns, path):
    frame = pytest.importorskip("polars").DataFrame(columns)
    path = path.with_suffix(".arrow")
    frame.with_columns(frame["place"].cast(str).cast(_category())).write_ipc_stream(
        path
    )
    return path


def _category():
    return pytest.importorskip("polars").Categorical


def frame(library):
    def form(columns, path):
        return pytest.importorskip(library).DataFrame(columns)

    return form


def halves(columns, path):
    for k, part in enumerate((slice(0, 50), slice(50, None))):
        piece = {name: cells[part] for name, cells in columns.items()}
        path.with_suffix(f".{k}.csv").write_bytes(text_of(piece, ";", GERMAN).encode())
    return [path.with_suffix(f".{k}.csv") for k in (0, 1)]


QUOTED = {"quoting": csv.QUOTE_ALL}
FORMS = {
    "comma": text_form("utf-8"),
    "semicolon, decimal comma": text_form("utf-8-sig", ";", Convention(",")),
    "German, quoted, UTF-16": text_form("utf-16", ";", GERMAN, **QUOTED),
    "French, tab": text_form("utf-8", "\t", FRENCH),
    "English, quoted": text_form("utf-8", ",", ENGLISH, **QUOTED),
    "Swiss, bar, UTF-32": text_form("utf-32", "|", SWISS),
    "parquet": stored(parquet.write_table, ".parquet"),
    "feather": stored(feather.write_feather, ".feather"),
    "stream of polars": stream_of_polars,
    "xlsx": sheet,
    "json lines": lines,
    "two files": halves,
    "pandas": frame("pandas"),
    "polars": frame("polars"),
    "dict": lambda columns, path: columns,
    "pyarrow": lambda columns, path: pa.table(columns),
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    return {
        name: form(table(), folder / str(k))
        for k, (name, form) in enumerate(FORMS.items())
    }


def fitted(source, **more):
    return workflow.fit(source, "price", n_alphas=12, folds=3, **more)


@pytest.fixture(scope="module")
def results(forms):
    return {name: fitted(source) for name, source in forms.items()}


def essence(model):
    """All of a model but where it comes from and how its file was written."""
    return (
        model.columns.to_dict()["columns"],
        model.indices.tolist(),
        model.values.tobytes(),
        model.intercept,
    )


def test_every_form_gives_one_model(results):
    expected = essence(results["comma"].model)
    assert results["comma"].report["test"]["model"]["r2"] > 0.99
    for name, result in results.items():
        assert essence(result.model) == expected, name


def test_every_model_predicts_from_every_form(forms, results):
    expected = None
    for trained in ("comma", "German, quoted, UTF-16", "parquet", "xlsx", "polars"):
        for name, source in forms.items():
            columns, _ = workflow.predict(results[trained].model, source)
            got = columns["prediction"].tobytes()
            expected = expected or got
            assert got == expected, (trained, name)


def test_what_was_found_is_said_and_kept(results):
    model = results["German, quoted, UTF-16"].model
    told = model.metadata["reading"]
    assert (told["decimal"], told["thousands"], told["delimiter"]) == (",", ".", ";")
    assert told["encoding"] == "utf-16-le"
    notes = results["German, quoted, UTF-16"].report["notes"]
    assert sum("decimal ',' and '.' between thousands" in note for note in notes) == 1
    assert not any("thousands" in note for note in results["comma"].report["notes"])


def test_a_row_that_leaves_its_marks_open_is_read_as_in_the_training(results, tmp_path):
    file = tmp_path / "row.csv"
    file.write_text("size;index;noise;place\n46.074;1.257;0;Cork\n")
    german, plain = (
        workflow.predict(results[name].model, file).columns["prediction"][0]
        for name in ("German, quoted, UTF-16", "comma")
    )
    row = {"size": [46074], "index": [1257], "noise": [0], "place": ["Cork"]}
    model = results["comma"].model
    assert german == model.predict(row)[0]
    assert plain != german
    given = workflow.predict(model, file, decimal=",", thousands=".")
    assert given.columns["prediction"][0] == german


# --- texts that may be missing -----------------------------------------------------


def countries(texts=("NA", "DE", "FR")):
    columns = table()
    place = [texts[len(text) % 3] for text in columns["place"]]
    price = [x + 50 * (c == "NA") for x, c in zip(columns["price"], place, strict=True)]
    return {**columns, "place": place, "price": price}


def test_na_is_namibia_where_there_are_types_and_by_na(tmp_path):
    columns = countries()
    file, typed = tmp_path / "a.csv", tmp_path / "a.parquet"
    file.write_text(text_of(columns))
    parquet.write_table(pa.table(columns), typed)
    by_type, by_text = fitted(typed).model, fitted(file).model
    kept, missing = fitted(file, na="").model, fitted(typed, na="NA").model
    names = [c.to_dict() for c in by_type.columns.columns if c.name == "place"]
    assert names[0]["levels"] == ["DE", "FR", "NA"]
    assert essence(kept) == essence(by_type) != essence(by_text)
    assert essence(missing) == essence(by_text)
    # a category of the model is one in every file
    for source in (file, typed, columns):
        got = workflow.predict(by_type, source).columns["prediction"]
        assert got.tobytes() == by_type.predict(columns).tobytes()


@pytest.mark.parametrize("text", ["NA", "null", "nan", "N/A"])
def test_a_class_that_means_missing_is_no_class_unless_told(tmp_path, text):
    columns = countries((text, "DE", "FR"))
    file, typed = tmp_path / "a.csv", tmp_path / "a.parquet"
    file.write_text(text_of(columns))
    parquet.write_table(pa.table(columns), typed)

    def classes(source, **more):
        result = workflow.fit(source, "place", n_alphas=4, folds=2, **more)
        return result.model.classes.tolist()

    with pytest.raises(DataError, match=f"is '{text}' in .*na='' keeps it as a class"):
        classes(file)
    everything = sorted(["DE", "FR", text])
    assert classes(file, na="") == classes(typed) == everything
    assert classes(file, na=text) == ["DE", "FR"]


def test_large_labels_are_predicted_as_they_are(tmp_path):
    numbers = [1234567890123456789, 1234567890123456788]
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    columns = {"x": x.tolist(), "y": [numbers[int(value > 0)] for value in x]}
    file, typed = tmp_path / "a.csv", tmp_path / "a.parquet"
    file.write_text(text_of(columns))
    parquet.write_table(pa.table(columns), typed)
    for source in (file, typed, columns):
        result = workflow.fit(source, "y", n_alphas=10, folds=2)
        got = workflow.predict(result.model, source).columns["prediction"]
        assert set(got.tolist()) == set(numbers)
        assert np.mean(got == np.array(columns["y"])) > 0.9


# --- what stops a run --------------------------------------------------------------


def test_unusable_columns_are_dropped_and_listed(tmp_path):
    columns = {**table(), "when": pa.array(range(ROWS), pa.date32())}
    columns["name"] = [f"house {k}" for k in range(ROWS)]
    source = pa.table(columns)
    with pytest.raises(DataError, match="drop_unusable=True leaves out all") as caught:
        fitted(source)
    assert "when" in str(caught.value)
    result = fitted(source, drop_unusable=True)
    assert essence(result.model) == essence(fitted(table()).model)
    dropped = [note for note in result.report["notes"] if "is dropped" in note]
    assert [note.split("'")[1] for note in dropped] == ["when", "name"]


def test_wrong_rules_are_wrong_use():
    for wrong in ({"decimal": "12"}, {"delimiter": "x"}, {"encoding": "utf-8"}):
        with pytest.raises(OptionError):
            fitted(table(), **wrong)


def test_standard_input_and_patterns_of_the_command(tmp_path, monkeypatch, capsys):
    pytest.importorskip("rich")
    from fastl1.cli.app import run

    text = csv_text(houses())
    for k in range(2):
        (tmp_path / f"a{k}.csv").write_text(text)
    monkeypatch.chdir(tmp_path)

    def given(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    options = ["--target", "price", "--drop-unusable", "--n-alphas", "5", "--out", "m"]
    assert run(["fit", "a*.csv", *options]) == 0
    pattern = (tmp_path / "m" / "report.json").read_text()
    assert run(["fit", "a0.csv", "a1.csv", *options]) == 0
    twice = (tmp_path / "m" / "report.json").read_text()
    key = "coefficients"
    assert json.loads(pattern)[key] == json.loads(twice)[key]
    given(text.encode())
    assert run(["fit", "-", *options]) == 0
    given(text.encode())
    capsys.readouterr()
    assert run(["predict", "m", "-"]) == 0
    from_stdin = capsys.readouterr().out
    assert run(["predict", "m", "a0.csv"]) == 0
    assert capsys.readouterr().out == from_stdin
    assert from_stdin.count("\n") == text.count("\n")
