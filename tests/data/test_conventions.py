"""Numbers as text, what is missing, and whole numbers: what files mean by them."""

import csv
import io

import numpy as np
import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa

from fastl1.data.columns import ColumnTreatment
from fastl1.data.convention import PLAIN, Convention, find_convention
from fastl1.data.learn import RefusedColumns
from fastl1.data.read import read_file
from fastl1.data.reading import Reading
from fastl1.exceptions import DataError
from fastl1.model.sparse_model import SparseModel

GERMAN, ENGLISH = Convention(",", "."), Convention(".", ",")


def write(path, rows, delimiter=","):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_bytes(text.getvalue().encode())
    return path


def column(path, name, **reading):
    raw = read_file(path, reading=Reading(**reading))[name]
    return ColumnTreatment.learn({name: raw}, numeric=[name]).encode({name: raw})[:, 0]


@pytest.mark.parametrize(
    ("text", "convention", "number"),
    [
        ("1.257,30", GERMAN, 1257.3),
        ("1,257.30", ENGLISH, 1257.3),
        ("1 257,30", Convention(",", " "), 1257.3),
        ("1\u202f257,30", Convention(",", " "), 1257.3),
        ("1\u2019257.30", Convention(".", "'"), 1257.3),
        ("12,34,567", ENGLISH, 1234567.0),
        ("$4.15", PLAIN, 4.15),
        ("-$4.15", PLAIN, -4.15),
        ("4,15 €", GERMAN, 4.15),
        ("CHF 1'000", Convention(".", "'"), 1000.0),
        ("5 %", PLAIN, 0.05),
        ("5,1%", GERMAN, 0.051),
        ("(12)", PLAIN, -12.0),
        ("($1,200)", ENGLISH, -1200.0),
        ("12-", PLAIN, -12.0),
        ("\u221212", PLAIN, -12.0),
        ("1.5e-3", PLAIN, 0.0015),
        ("1_000", PLAIN, None),
        ("1.257,30", PLAIN, None),
        ("1,257.30", GERMAN, None),
        ("0.123", GERMAN, None),
        ("12.34", GERMAN, None),
        ("(-12)", PLAIN, None),
        ("(12", PLAIN, None),
        ("192.168.1.1", GERMAN, None),
        ("2020-01-02", PLAIN, None),
    ],
)
def test_one_number(text, convention, number):
    assert convention.number(text) == number


def test_whole_numbers_are_exact():
    assert ENGLISH.integer("1,234,567,890,123,456,789") == 1234567890123456789
    assert ENGLISH.integer("1.5") is None


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([{"3,14": 5, "2,7": 1}], Convention(",")),
        ([{"3,14": 5, "2,7": 1}, {"46.074": 9, "850": 3}], GERMAN),
        ([{"46.074": 9, "850": 3}], GERMAN),
        ([{"46.074": 9, "81.25": 3}], PLAIN),
        ([{"46.074": 9, "1850": 3}], PLAIN),
        ([{"0.123": 9, "0": 3}], PLAIN),
        ([{"46.074": 2, "850": 1}], PLAIN),  # too few to tell
        ([{"1,257.30": 1, "4": 1}], ENGLISH),
        ([{"1 257,30": 1, "4": 1}], Convention(",", " ")),
        ([{"4": 1}], PLAIN),
    ],
)
def test_evidence_of_columns(columns, expected):
    assert find_convention(columns)[0] == expected


def test_a_known_convention_decides_what_is_open():
    assert find_convention([{"46.074": 1}], known=GERMAN)[0] == GERMAN
    assert find_convention([{"46.074": 1}], known=Convention(","))[0] == GERMAN
    assert find_convention([{"46.07": 1}], known=GERMAN)[0] == PLAIN


@pytest.mark.parametrize("gap", [None, 0, 40])
@pytest.mark.parametrize(("delimiter", "quoted"), [(";", 0), ("\t", 0), (",", 1)])
def test_decimal_commas_and_points_between_thousands(tmp_path, delimiter, quoted, gap):
    prices = [f"{k % 9},{k:02}" for k in range(10, 90)]
    people = [f"{k}.074" if k % 3 else "850" for k in range(1, 81)]
    if gap is not None:
        prices[gap] = ""
        people[gap + 4] = "7"
    rows = [("price", "people"), *zip(prices, people, strict=True)]
    file = write(tmp_path / "a.csv", rows, delimiter)
    table = read_file(file)
    assert table.rules.convention == GERMAN
    (note,) = [note for note in table.notes if "between thousands" in note]
    assert "decimal ','" in note
    got = column(file, "people")
    expected = [float(text.replace(".", "")) for text in people]
    assert got.tolist() == expected
    price = [float(text.replace(",", ".")) for text in prices if text]
    assert [x for k, x in enumerate(column(file, "price")) if k != gap] == price
    # overruled
    assert column(file, "people", decimal=".", thousands="none")[1] == 2.074


def test_a_cell_that_contradicts_is_an_error_with_row_and_cell(tmp_path):
    rows = [("x", "y"), *((f"{k},5", f"{k}.000") for k in range(1, 60))]
    rows[7] = ("1,257.30", "5")
    table = read_file(write(tmp_path / "a.csv", rows, ";"))
    with pytest.raises(RefusedColumns) as caught:
        ColumnTreatment.learn(table, rules=table.rules)
    (why,) = caught.value.reasons.values()
    assert "data row 7 holds '1,257.30'" in why
    assert "decimal ','" in why


def test_text_stays_text_beside_numbers(tmp_path):
    rows = [("x", "code"), *((f"{k},5", f"A-{k % 3}.5") for k in range(60))]
    table = read_file(write(tmp_path / "a.csv", rows, ";"))
    kinds = {c.name: c.kind for c in ColumnTreatment.learn(table).columns}
    assert kinds == {"x": "number", "code": "category"}


def test_percent_is_a_hundredth_and_kept_apart(tmp_path):
    rows = [("x",), *((f"{k} %",) for k in range(1, 50))]
    file = write(tmp_path / "a.csv", [(*row, 1) for row in rows])
    raw = read_file(file)["x"]
    treatment = ColumnTreatment.learn({"x": raw})
    assert treatment.encode({"x": raw})[:3, 0].tolist() == [0.01, 0.02, 0.03]
    assert treatment.columns[0].unit == "%"
    again = ColumnTreatment.from_dict(treatment.to_dict())
    bare = read_file(write(tmp_path / "b.csv", [("x", "y"), (5, 1)]))["x"]
    with pytest.raises(ValueError, match="without %"):
        again.encode({"x": bare})
    with pytest.raises(ValueError, match="row 2 holds '5'"):
        again.encode({"x": ["3%", "5"]})
    plain = ColumnTreatment.learn({"x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="row 1 holds '5 %'"):
        plain.encode({"x": ["5 %"]})
    assert again.encode({"x": [0.05]}).tolist() == [[0.05]]  # a number with a type


def test_currencies_are_not_mixed():
    with pytest.raises(RefusedColumns, match="row 3 holds '€3'"):
        ColumnTreatment.learn({"x": ["$4.15", "$2", "€3", "$1"]})


# --- whole numbers -----------------------------------------------------------------

LARGE = [1234567890123456789, 1234567890123456788, 1234567890123456787]


@pytest.mark.parametrize("offset", [0, 2**63 - LARGE[0] + 5])
@pytest.mark.parametrize("form", ["csv", "parquet", "objects", "polars", "pandas"])
def test_labels_above_2_53_are_exact(tmp_path, form, offset):
    numbers = [LARGE[k % 3] + offset for k in range(30)]
    if form == "csv":
        rows = [("x", "y"), *((number, k) for k, number in enumerate(numbers))]
        raw = read_file(write(tmp_path / "a.csv", rows))["x"]
    elif form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        kind = pa.uint64() if offset else pa.int64()
        parquet.write_table(
            pa.table({"x": pa.array([*numbers, None], kind)}), tmp_path / "a.parquet"
        )
        raw = read_file(tmp_path / "a.parquet")["x"].take(np.arange(30))
    elif form == "objects":
        raw = numbers
    else:
        raw = pytest.importorskip(form).DataFrame({"x": numbers})["x"]
    treatment = ColumnTreatment.learn({"x": raw}, categorical=["x"])
    assert treatment.columns[0].levels == [str(k + offset) for k in sorted(LARGE)]
    notes = ColumnTreatment.learn({"x": raw, "z": np.arange(30) % 4}).notes
    assert any("last digits a number loses" in note for note in notes)


def test_whole_numbers_with_gaps_in_polars_are_exact():
    pl = pytest.importorskip("polars")
    column = pl.Series("x", [*LARGE, None])
    treatment = ColumnTreatment.learn({"x": column}, categorical=["x"])
    assert treatment.columns[0].levels == [str(label) for label in sorted(LARGE)]


# --- codes -------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [0, 7, 299])
def test_leading_zeros_are_codes(tmp_path, zero):
    cells = [str(10000 + k % 9) for k in range(300)]
    cells[zero] = "02139"
    rows = [("zip", "y"), *((cell, k) for k, cell in enumerate(cells))]
    file = write(tmp_path / "a.csv", rows)
    treatment = ColumnTreatment.learn({"zip": read_file(file)["zip"]})
    assert treatment.columns[0].kind == "category"
    assert "zip=02139" in treatment.feature_names
    assert "leading zeros such as '02139'" in treatment.notes[0]
    assert column(file, "zip")[zero] == 2139  # as numeric


def test_what_begins_with_zero_otherwise_is_no_code(tmp_path):
    rows = [("a", "b", "c"), *((f"0.{k}", 0, k) for k in range(1, 60))]
    table = read_file(write(tmp_path / "a.csv", rows))
    assert str(table.columns["a"].type) == "double"
    assert str(table.columns["b"].type) == "int64"
    texts = ["030440fe", "12ab", "x1", "030440f0"] * 5
    treatment = ColumnTreatment.learn({"t": texts})
    assert not any("leading zeros" in note for note in treatment.notes)


def test_a_code_by_its_name_is_noted():
    codes = np.array([10115, 80331, 50667, 20095] * 5)
    for name in ("zip", "zipCode", "postal_code", "PLZ"):
        (note,) = ColumnTreatment.learn({name: codes, "x": codes % 7}).notes
        assert "looks like a code" in note
    assert ColumnTreatment.learn({"decode": codes}).notes == []


# --- missing -----------------------------------------------------------------------

COUNTRIES = ["NA", "DE", "FR", "NA", "DE"] * 8


def test_strings_of_typed_tables_are_text():
    for texts in (["NA", "nan", "null"], ["N/A", "", "x"], ["NA", "NaN", "n/a"]):
        table = pa.table({"x": [*(texts * 3), None]})
        treatment = ColumnTreatment.learn(table)
        assert treatment.columns[0].levels == sorted(texts)
        assert treatment.columns[0].missing == 1


def test_na_of_csv_is_missing_unless_told(tmp_path):
    rows = [("x", "y"), *((text, k) for k, text in enumerate(COUNTRIES))]
    file = write(tmp_path / "a.csv", rows)
    by_default, kept, other = (
        ColumnTreatment.learn({"x": (table := read_file(file, reading=how))["x"]})
        for how in (Reading(), Reading(na=()), Reading(na=("DE",)))
    )
    assert table["x"].labels == ["NA", "FR"]
    assert by_default.feature_names == ["x=FR", "x=(missing)"]
    assert kept.feature_names == ["x=DE", "x=FR", "x=NA"]
    assert other.feature_names == ["x=FR", "x=(missing)"]
    typed = pa.table({"x": COUNTRIES})
    assert (
        ColumnTreatment.learn(typed).to_dict()["columns"] == kept.to_dict()["columns"]
    )


def test_a_level_of_the_model_is_never_missing(tmp_path):
    treatment = ColumnTreatment.learn(pa.table({"x": COUNTRIES}))
    model = SparseModel(
        [0, 1, 2], [1.0, 2.0, 4.0], 0.0, 3, columns=treatment
    )  # DE, FR, NA
    rows = [("x", "y"), ("NA", 1), ("DE", 2), ("null", 3)]
    table = read_file(write(tmp_path / "a.csv", rows))
    assert model.predict(table).tolist() == [4, 1, 0]
    assert model.predict({"x": ["NA", None]}).tolist() == [4, 0]


def test_numbers_may_stand_for_missing():
    table = pa.table({"x": [1, -999, 3, 4]})
    raw = read_memory(table, na=("-999",))["x"]
    assert np.isnan(raw.values).tolist() == [False, True, False, False]


def read_memory(table, **reading):
    from fastl1.workflow.source import Source

    return Source(table, reading=Reading(**reading)).read()


def test_na_in_a_column_of_numbers_is_missing_everywhere():
    treatment = ColumnTreatment.learn({"x": ["1", "NA", "3", "4"] * 9})
    assert treatment.columns[0].kind == "number"
    assert treatment.columns[0].missing == 9


# --- Arrow -------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["ipc", "stream", "parquet", "zst"])
def test_categories_as_polars_writes_them(tmp_path, form):
    pl = pytest.importorskip("polars")
    texts = ["b", "a", None, "c"] * 10
    frame = pl.DataFrame({"s": texts, "n": range(40)}).with_columns(
        c=pl.col("s").cast(pl.Categorical), e=pl.col("s").cast(pl.Enum(["c", "b", "a"]))
    )
    file = tmp_path / f"a.{'parquet' if form == 'parquet' else 'arrow'}"
    if form == "stream":
        frame.write_ipc_stream(file)
    elif form == "parquet":
        frame.write_parquet(file)
    else:
        frame.write_ipc(file, compression="zstd")
    if form == "zst":
        packed = pa.compress(file.read_bytes(), "zstd", asbytes=True)
        file = tmp_path / "b.arrow.zst"
        file.write_bytes(packed)
    table = read_file(file)
    for name in ("s", "c", "e"):
        treatment = ColumnTreatment.learn({name: table[name]})
        assert treatment.columns[0].levels == ["a", "b", "c"]
        assert treatment.columns[0].missing == 10
        from_frame = ColumnTreatment.learn(frame.select(name))
        assert from_frame.to_dict() == treatment.to_dict()


def test_views_and_runs_of_arrow():
    texts = pa.array(["b", "a", None, "c"])
    forms = {
        "view": texts.cast(pa.string_view()),
        "runs": pa.RunEndEncodedArray.from_arrays([2, 4], pa.array(["a", None])),
        "numbers": pa.array([1, 2, None, 1]).dictionary_encode(),
        "chunks": pa.chunked_array(
            [pa.array(["b"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()]
        ),
    }
    found = {
        name: ColumnTreatment.learn({name: column}) for name, column in forms.items()
    }
    assert found["view"].columns[0].levels == ["a", "b", "c"]
    assert found["runs"].columns[0].missing == 2
    assert found["numbers"].columns[0].kind == "number"
    chunks = found["chunks"].encode({"chunks": forms["chunks"]})
    assert chunks[0].tolist() != chunks[1].tolist()


def test_names_that_differ_in_form_only():
    model = SparseModel(
        [0], [1.0], 0.0, 1, columns=ColumnTreatment.learn({"Größe": [1, 2]})
    )
    with pytest.raises(ValueError, match="Unicode"):
        model.predict({"Gro\u0308ße": [1.0]})
    with pytest.raises(ValueError, match=r"did you mean 'GRÖẞE'"):
        model.predict({"GRÖẞE": [1.0]})


def test_rules_are_refused_at_once():
    for wrong in (
        {"decimal": ".", "thousands": "."},
        {"decimal": "12"},
        {"delimiter": "ab"},
        {"encoding": "utf-9"},
    ):
        with pytest.raises(ValueError, match="must be|unknown"):
            Reading(**wrong)
    with pytest.raises(DataError, match="no file matches"):
        read_file("no-such-*.csv")
