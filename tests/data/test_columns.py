"""Column treatment: types, refusals, encoding, and what happens to other rows."""

import datetime
import json
import pickle
import subprocess
import sys
from decimal import Decimal
from zlib import crc32

import numpy as np
import pytest
import scipy.sparse as sp

from fastl1.data.columns import ColumnTreatment
from fastl1.data.kinds import Category
from fastl1.data.learn import RefusedColumns
from fastl1.model.sparse_model import SparseModel

N = 60
RNG = np.random.default_rng(5)
TABLE = {
    "age": np.where(np.arange(N) % 10 == 3, np.nan, RNG.integers(18, 80, N) * 1.0),
    "member": np.arange(N) % 3 == 0,
    "job": np.array(["clerk", "cook", "nurse"])[RNG.integers(0, 3, N)],
    "sex": np.array(["f", "m", "f"])[np.arange(N) % 3],
    "city": np.where(np.arange(N) % 7 == 0, None, "Oslo").astype(object),
    "zip": np.array(["0150", "0151", "0152", "0153"])[np.arange(N) % 4],
    "device": np.array([f"id{k * k}" for k in range(N)]),
}


def learned(**options):
    return ColumnTreatment.learn(TABLE, hashed=["device"], hash_size=8, **options)


def dense(X):
    return X.toarray() if sp.issparse(X) else X


def feature(treatment, X, name):
    return dense(X)[:, treatment.feature_names.index(name)]


def test_names_and_values():
    t = learned()
    assert t.feature_names == [
        *("age", "age:missing", "member"),
        *("job=clerk", "job=cook", "job=nurse"),
        *("sex=m", "city=(missing)"),
        *(f"zip={k}" for k in ("0150", "0151", "0152", "0153")),
        *(f"device#{k}" for k in range(8)),
    ]
    X = t.encode(TABLE)
    gaps = np.isnan(TABLE["age"])
    mean = np.nanmean(TABLE["age"])
    expected = np.where(gaps, mean, TABLE["age"])
    np.testing.assert_allclose(feature(t, X, "age"), expected)
    assert (feature(t, X, "age:missing") == gaps).all()
    assert (feature(t, X, "member") == TABLE["member"]).all()
    assert (feature(t, X, "job=cook") == (TABLE["job"] == "cook")).all()
    assert (feature(t, X, "sex=m") == (TABLE["sex"] == "m")).all()
    missing_city = np.array([city is None for city in TABLE["city"]])
    assert (feature(t, X, "city=(missing)") == missing_city).all()
    bucket = np.array([crc32(d.encode()) % 8 for d in TABLE["device"]])
    assert (feature(t, X, "device#3") == (bucket == 3)).all()


def test_statistics_come_from_the_training_rows():
    rows = np.flatnonzero(TABLE["job"] != "nurse")
    t = learned(rows=rows)
    assert "job=nurse" not in t.feature_names
    (age,) = [c for c in t.columns if c.name == "age"]
    assert age.mean == pytest.approx(np.nanmean(TABLE["age"][rows]))
    notes = []
    X = t.encode(TABLE, notes=notes)
    others = TABLE["job"] == "nurse"
    # of the two levels left, the commoner one is the reference
    (job,) = [name for name in t.feature_names if name.startswith("job=")]
    assert (feature(t, X, job)[others] == 0).all()
    assert f"{others.sum()} rows with a category unknown" in notes[0]
    assert "'nurse'" in notes[0]
    part = t.encode(TABLE, rows=rows)
    assert (dense(part) == dense(X)[rows]).all()


def test_sparse_and_dense_agree():
    wide = {**TABLE, "many": np.array([f"v{k % 30}" for k in range(N)])}
    t = ColumnTreatment.learn(wide, hashed=["device"], hash_size=200)
    X = t.encode(wide)
    assert isinstance(X, sp.csc_array)
    assert X.has_canonical_format
    X.check_format(full_check=True)
    d = t.encode({name: wide[name] for name in reversed(wide)}).toarray()
    assert (X.toarray() == d).all()
    t = ColumnTreatment.learn({"a": np.arange(5.0), "b": [1, 2, 2, 2, np.nan]})
    X = t.encode({"a": np.arange(5.0), "b": [1, 2, 2, 2, np.nan]})
    assert X.flags.f_contiguous
    assert X[:, 1:].tolist() == [[1, 0], [2, 0], [2, 0], [2, 0], [1.75, 1]]


def test_link_equals_matrix_times_coef():
    t = learned()
    X = t.encode(TABLE)
    p = len(t.feature_names)
    coef = RNG.standard_normal(p) * (RNG.random(p) < 0.5)
    kept = np.flatnonzero(coef)
    eta = t.link(TABLE, kept, coef[kept], 0.5)
    np.testing.assert_allclose(eta, X @ coef + 0.5, rtol=1e-12)


def test_only_used_columns_are_needed():
    t = learned()
    j = t.feature_names.index("job=cook")
    model = SparseModel([j], [2.0], 1.0, len(t.feature_names), columns=t)
    assert t.used_columns(model.indices) == ["job"]
    assert t.source(j).name == "job"
    assert model.predict({"job": ["cook", "clerk", "x"]}).tolist() == [3, 1, 1]
    with pytest.raises(ValueError, match=r"no column 'job' \(did you mean 'jobs'\?\)"):
        model.predict({"jobs": ["cook"]})
    null = SparseModel([], [], 1.0, len(t.feature_names), columns=t)
    assert null.predict({"whatever": [1, 2]}).tolist() == [1, 1]


def test_select_keeps_the_predictions():
    t = learned()
    p = len(t.feature_names)
    for kept in ([], [1], [3, 5], [0, 6, p - 1]):
        values = np.arange(1.0, 1 + len(kept))
        chosen, indices = t.select(np.array(kept, int))
        assert len(chosen.columns) == max(1, len(t.used_columns(kept)))
        names = [chosen.feature_names[j] for j in indices]
        assert names == [t.feature_names[j] for j in kept]
        expected = t.link(TABLE, np.array(kept, int), values, 0.5)
        assert (chosen.link(TABLE, indices, values, 0.5) == expected).all()


def test_json_round_trip():
    t = learned()
    again = ColumnTreatment.from_dict(json.loads(json.dumps(t.to_dict())))
    assert again.to_dict() == t.to_dict()
    assert (dense(again.encode(TABLE)) == dense(t.encode(TABLE))).all()
    model = SparseModel([0], [1.0], 0.0, len(t.feature_names), columns=t)
    loaded = SparseModel.from_bytes(model.to_bytes())
    assert loaded == model
    assert (loaded.predict(TABLE) == model.predict(TABLE)).all()


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"version": 1, "columns": [{"kind": "code"}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a"}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a", "mean": "x"}]},
        {"version": 1, "columns": [{"kind": "hashed", "name": "a", "size": 10**12}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a", "mean": 0}] * 2},
        {"version": 2, "columns": []},
    ],
)
def test_malformed_treatments_are_refused(data):
    with pytest.raises(ValueError, match=r"treatment|'a'|could not convert"):
        ColumnTreatment.from_dict(data)


def test_number_with_a_few_text_cells():
    age = [str(k % 40) for k in range(100)]
    age[6], age[41] = "ten", "?"
    t = ColumnTreatment.learn({"age": age})
    assert t.feature_names == ["age", "age:missing"]
    (note,) = t.notes
    assert "2 of 100 cells (row 7: 'ten', row 42: '?')" in note
    assert dense(t.encode({"age": ["7", "ten", None]}))[:, 1].tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="'age': data row 2 holds 'eleven'; a number"):
        t.encode({"age": ["7", "eleven"]})
    as_category = ColumnTreatment.learn({"age": age}, categorical=["age"])
    assert "age=ten" in as_category.feature_names


def test_marker_for_missing_may_be_frequent():
    t = ColumnTreatment.learn({"a": ["?", "1", "2.5", "?", "3"]})
    assert t.feature_names == ["a", "a:missing"]


def test_mixed_and_coded_text():
    t = ColumnTreatment.learn(
        {
            "mixed": ["1", "2", "A", "B"] * 5,
            "zeros": ["01", "02", "11", "12"] * 5,
            "text": ["1", "2", "3.5", " 4 "] * 5,
        }
    )
    assert [c.kind for c in t.columns] == ["category", "category", "number"]
    assert [note.split("'")[1] for note in t.notes] == ["mixed", "zeros", "text"]


def test_refusals_come_together_and_say_why():
    n = 100
    table = {
        "name": [f"person {k}" for k in range(n)],
        "born": [f"{k % 28 + 1}/{k % 12 + 1}/19{k}" for k in range(n)],
        "when": np.arange(n).astype("M8[D]"),
        "inf": np.where(np.arange(n) == 30, np.inf, 1.0),
        "list": [[1]] * n,
        "good": np.arange(n) % 5,
    }
    with pytest.raises(RefusedColumns) as caught:
        ColumnTreatment.learn(table)
    reasons = caught.value.reasons
    assert list(reasons) == ["name", "born", "when", "inf", "list"]
    assert "100 different values in 100 rows ('person 0'" in reasons["name"]
    assert "dates" in reasons["born"]
    assert "dates" in reasons["when"]
    assert "row 31 holds inf" in reasons["inf"]
    assert "nested" in reasons["list"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reasons, str(again)) == (reasons, str(caught.value))
    names = {"name": table["name"], "good": table["good"]}
    t = ColumnTreatment.learn(names, hashed=["name"])
    assert len(t.feature_names) == 4096 + 1


def test_columns_that_say_nothing():
    n = 60
    t = ColumnTreatment.learn(
        {
            "one": np.ones(n),
            "none": np.full(n, np.nan),
            "word": ["a"] * n,
            "gaps": [None] * n,
            "row_id": np.arange(n),
            "x": np.arange(n) % 7,
        }
    )
    assert t.feature_names == ["row_id", "x"]
    assert len(t.notes) == 5
    assert "numbers the rows" in t.notes[-1]
    with pytest.raises(ValueError, match="no column is left"):
        ColumnTreatment.learn({"one": [1, 1]})


def test_policy_for_other_rows():
    t = ColumnTreatment.learn({"x": [1.0, 2, 6], "c": ["a", "b", "c"], "b": [True] * 3})
    notes = []
    X = dense(t.encode({"x": [np.nan, 1], "c": [None, "d"]}, notes=notes))
    assert X.tolist() == [[3, 0, 0, 0], [1, 0, 0, 0]]
    assert "1 row without a value" in notes[0]
    assert "training mean 3" in notes[0]
    assert "unknown in training ('d')" in notes[1]
    for wrong, message in (
        ({"x": ["1", "y"], "c": ["a", "a"]}, "row 2 holds 'y'"),
        ({"x": [1.0, np.inf], "c": ["a", "a"]}, "row 2 holds inf"),
        ({"x": np.array([1, 2], "M8[D]"), "c": ["a", "a"]}, "holds dates"),
        ({"x": [1, 2], "c": [1, 2]}, "'c' holds numbers; categories such as 'a'"),
        ({"x": [1, 2], "c": ["a"]}, "'x' has 2 rows, column 'c' has 1"),
        ({"x": np.ones((2, 1)), "c": ["a", "b"]}, "shape"),
        ({"x": [[1], [2]], "c": ["a", "b"]}, "holds nested"),
        ({"x": [1, 2]}, "no column 'c'"),
    ):
        with pytest.raises(ValueError, match=message):
            t.encode(wrong)


def test_boolean_accepts_its_spellings():
    t = ColumnTreatment.learn({"b": [True, False, None]})
    assert t.columns[0].kind == "boolean"
    for spelled in ([True, False], [1, 0], ["TRUE", "false"], ["1", "0"]):
        assert dense(t.encode({"b": spelled}))[:, 0].tolist() == [1, 0]
    with pytest.raises(ValueError, match="row 1 holds 2"):
        t.encode({"b": [2, 1]})
    with pytest.raises(ValueError, match="row 2 holds 'maybe'"):
        t.encode({"b": ["true", "maybe"]})


def test_numbers_as_categories():
    table = {"m": np.array([1.0, 2, 12, np.nan] * 5)}
    t = ColumnTreatment.learn(table, categorical=["m"])
    assert t.feature_names == ["m=1", "m=12", "m=2", "m=(missing)"]
    X = dense(t.encode({"m": [12, 3, 1.5]}))
    assert X.tolist() == [[0, 1, 0, 0], [0] * 4, [0] * 4]
    assert (dense(t.encode({"m": ["12"]})) == X[:1]).all()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_every_library_encodes_alike(library):
    module = pytest.importorskip(library)
    table = {
        "i": [3, None, 5, 3],
        "f": [0.5, 1.0, None, 2.0],
        "b": [True, None, False, True],
        "t": ["x", None, "y", " x"],
    }
    make = module.table if library == "pyarrow" else module.DataFrame
    expected = ColumnTreatment.learn(table)
    frame = make(table)
    got = ColumnTreatment.learn(frame)
    assert got.to_dict() == expected.to_dict()
    assert (dense(got.encode(frame)) == dense(expected.encode(table))).all()


def test_arrow_types():
    pa = pytest.importorskip("pyarrow")
    table = pa.table(
        {
            "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
            "large": pa.array(["a", "b", None, "a"], pa.large_string()),
            "decimal": pa.array([Decimal("1.5"), None, Decimal(2), Decimal(3)]),
            "float16": pa.array(np.array([1, 2, 3, 4], np.float16)),
            "uint8": pa.array([1, 2, 3, None], pa.uint8()),
            "null": pa.nulls(4),
        }
    )
    t = ColumnTreatment.learn(table)
    kinds = {c.name: c.kind for c in t.columns}
    assert kinds == {
        "dictionary": "category",
        "large": "category",
        "decimal": "number",
        "float16": "number",
        "uint8": "number",
    }
    chunked = pa.concat_tables([table, table.slice(0, 0), table])
    X = dense(t.encode(chunked))
    assert (X[:4] == X[4:]).all()
    assert t.encode(table.slice(0, 0)).shape == (0, len(t.feature_names))
    for column in (
        pa.array([datetime.date(2020, 1, 1)] * 4),
        pa.array([datetime.time(1)] * 4),
        pa.array([{"a": 1}] * 4),
        pa.array([b"\xff"] * 4),
    ):
        with pytest.raises(RefusedColumns):
            ColumnTreatment.learn(pa.table({"x": column}))


def test_decimal_objects_are_numbers():
    cells = [Decimal("1.5"), None, Decimal(2), 3]
    t = ColumnTreatment.learn({"d": np.array(cells, object)})
    assert t.columns[0].kind == "number"
    assert t.columns[0].mean == 6.5 / 3


def test_objects_with_nan_and_dates():
    t = ColumnTreatment.learn({"t": np.array(["a", np.nan, "b", "a"], object)})
    assert t.columns[0].missing == 1
    for odd in ([datetime.date(2020, 1, 1)] * 3, [b"x"] * 3):
        with pytest.raises(RefusedColumns):
            ColumnTreatment.learn({"t": np.array(odd, object)})


def test_duplicate_names():
    pa = pytest.importorskip("pyarrow")
    twice = pa.Table.from_arrays([pa.array([1, 2]), pa.array([1, 2])], ["a", "a"])
    with pytest.raises(ValueError, match="duplicate column name 'a'"):
        ColumnTreatment.learn(twice)
    with pytest.raises(ValueError, match="'c=x' occurs twice"):
        ColumnTreatment.learn({"c": ["x", "y", "z"], "c=x": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="categorical: there is no column 'd'"):
        ColumnTreatment.learn({"c": [1, 2]}, categorical=["d"])


def test_huge_numbers_are_refused_by_row():
    with pytest.raises(RefusedColumns, match="data row 2 holds 1.6e\\+308"):
        ColumnTreatment.learn({"x": [1.7, 1.6e308, 1.7e308, np.nan]})


def test_level_names_survive_unicode_and_blanks():
    levels = ["naïve", "日本", "a b", "=", "#1"]
    t = ColumnTreatment.learn({"c": levels * 3})
    again = ColumnTreatment.from_dict(json.loads(json.dumps(t.to_dict())))
    X = dense(again.encode({"c": levels}))
    assert (X.sum(axis=1) == 1).all()
    assert isinstance(again.columns[0], Category)


APPLY = """
import sys
from fastl1.model.sparse_model import SparseModel
import numpy as np
model = SparseModel.load(sys.argv[1])
table = {"c": np.array(["a", "b"]), "x": np.array([1.0, np.nan])}
print(model.predict(table).tolist())
heavy = ("pyarrow", "pandas", "polars", "scipy", "sklearn")
print([m for m in sys.modules if m.split(".")[0] in heavy])
"""


def test_applying_needs_numpy_only(tmp_path):
    t = ColumnTreatment.learn({"x": [1.0, 5.0, np.nan], "c": ["a", "b", "b"]})
    path = tmp_path / "model.fl1"
    SparseModel([0, 1, 2], [1.0, 10.0, 100.0], 0.0, 3, columns=t).save(path)
    run = subprocess.run(
        [sys.executable, "-c", APPLY, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == ["[101.0, 13.0]", "[]"]


def test_rows_without_any_category():
    treatment = ColumnTreatment([Category("job", ["clerk", "cook"], missing=1)])
    for gap in (None, np.nan):
        assert dense(treatment.encode({"job": [gap, gap]})).tolist() == [[0, 0, 1]] * 2
