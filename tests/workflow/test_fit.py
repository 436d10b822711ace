"""The application from Python: what ``fastl1 fit`` and ``fastl1 predict`` do."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from houses import N, csv_text, table

import fastl1
from fastl1 import workflow
from fastl1.exceptions import DataError, OptionError, WriteError
from fastl1.workflow.messages import argument, spelling

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights.csv.gz"
FAST = {"n_alphas": 15, "folds": 3, "n_threads": 1}
HOUSES = {"target": "price", "drop": "dear", **FAST}

DEMO = """
import sys
from fastl1 import workflow

file, out = sys.argv[1:]
result = workflow.fit(file, "arr_delay", time="time_hour", out=out)
scores = workflow.predict(out, file, out="scores.csv")
assert result.model.to_bytes() == open(out + "/model.fl1", "rb").read()
loaded = [name for name in ("fastl1.cli", "click", "rich") if name in sys.modules]
assert not loaded, loaded
"""


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example data are not here")
def test_demo_without_the_command_line_gives_the_report_of_the_command(tmp_path):
    for package in ("click", "pyarrow", "rich"):
        pytest.importorskip(package)
    options = ("--target", "arr_delay", "--time", "time_hour", "--out", "m", "--json")
    commands = {
        "python": ["-c", DEMO, EXAMPLE, "m"],
        "command": ["-m", "fastl1.cli", "fit", EXAMPLE, *options],
    }
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    printed = {}
    for name, command in commands.items():
        (tmp_path / name).mkdir()
        printed[name] = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=tmp_path / name,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert printed["python"] == ""
    reports = [
        json.loads((tmp_path / "python" / "m" / "report.json").read_text()),
        json.loads(printed["command"]),
    ]
    for report in reports:
        assert report.pop("seconds").keys() >= {"read", "cross-validation", "fit"}
    assert reports[0] == reports[1]
    assert reports[0]["test"]["delta"]["ridge"]["rmse"] < 0
    models = [(tmp_path / name / "m" / "model.fl1").read_bytes() for name in commands]
    assert models[0] == models[1]
    again = subprocess.run(
        [sys.executable, "-m", "fastl1.cli", "predict", "m", str(EXAMPLE)],
        cwd=tmp_path / "command",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert (tmp_path / "python" / "scores.csv").read_text() == again


# --- sources -----------------------------------------------------------------------


def frames(columns):
    """The same table in every library that is here."""
    yield "dict", columns
    yield "arrays", {name: np.array(values) for name, values in columns.items()}
    for library in ("pandas", "polars"):
        module = pytest.importorskip(library)
        yield library, module.DataFrame(columns)
    yield "arrow", pytest.importorskip("pyarrow").table(columns)


def test_every_kind_of_table_gives_the_model_of_the_file(tmp_path):
    pytest.importorskip("pyarrow")
    file = tmp_path / "houses.csv"
    file.write_text(csv_text(table()))
    expected = workflow.fit(file, **HOUSES)
    for name, frame in frames(table()):
        got = workflow.fit(frame, **HOUSES)
        np.testing.assert_array_equal(got.model.values, expected.model.values, name)
        assert got.model.kept_names() == expected.model.kept_names()
        assert got.report["test"] == expected.report["test"]
        assert got.report["notes"] == expected.report["notes"]
        assert (got.report["data"]["file"], got.report["data"]["sha256"]) == (None,) * 2
        assert not {"file", "data_sha256"} & got.model.metadata.keys()
        json.dumps(got.report, allow_nan=False)
        predicted = workflow.predict(got.model, frame).columns["prediction"]
        np.testing.assert_array_equal(predicted, expected.model.predict(table()))


@pytest.mark.parametrize("kind", ["date", "time", "integer", "text"])
def test_every_kind_of_table_is_split_in_time_order(kind):
    days = np.datetime64("2024-01-01", "s") + np.arange(N)[::-1] * 86400
    when = {
        "date": days.astype("datetime64[D]").tolist(),
        "time": days.tolist(),
        # neighbours are the same number in floating point
        "integer": (2**60 + np.arange(N)[::-1]).tolist(),
        "text": days.astype(str).tolist(),
    }[kind]
    for name, frame in frames({**table(), "when": when}):
        result = workflow.fit(frame, **HOUSES, order="when")
        assert result.report["selection"]["split"] == "in time order", name
        np.testing.assert_array_equal(result.test_rows, np.arange(N // 5), name)


def test_tables_in_memory_need_no_pyarrow(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = workflow.fit(table(), **HOUSES)
    assert result.report["data"]["format"] == "memory"
    with pytest.raises(ImportError, match="pyarrow"):
        workflow.fit(tmp_path / "houses.csv", **HOUSES)


# --- results -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "column"),
    [
        ({"target": "price", "drop": ["dear"]}, "prediction"),
        ({"target": "dear", "drop": ["price"]}, "probability_yes"),
        ({"target": "town", "drop": ["price", "dear"]}, "probability_Cork"),
        ({"target": "rooms", "loss": "poisson", "offset": "noise0"}, "prediction"),
        ({"time": "rooms", "event": "garden", "drop": "dear"}, "risk"),
    ],
)
def test_test_predictions_are_those_of_the_model(given, column):
    result = workflow.fit(table(), **given, **FAST)
    everything = workflow.predict(result.model, table()).columns
    assert list(result.test_predictions) == list(everything)
    assert len(result.test_rows) == result.report["data"]["test_rows"]
    np.testing.assert_allclose(
        result.test_predictions[column], everything[column][result.test_rows], 1e-9
    )


def test_without_test_rows_there_are_no_test_predictions():
    result = workflow.fit(table(), **HOUSES, test_size=0)
    assert result.report["test"] is None
    assert len(result.test_rows) == len(result.test_predictions["prediction"]) == 0


def test_nothing_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = workflow.fit(table(), **HOUSES)
    assert not [*tmp_path.iterdir()]
    assert result.report["model"]["file"] is None
    assert result.report["model"]["bytes"] == len(result.model.to_bytes())
    written = workflow.fit(table(), **HOUSES, out=tmp_path / "m")
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        "model.fl1",
        "report.json",
    }
    stored = json.loads((tmp_path / "m" / "report.json").read_text())
    assert stored == written.report
    again = workflow.predict(tmp_path / "m", table(), out=tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text().count("\n") == N + 1
    assert (
        again.columns["prediction"].tolist() == result.model.predict(table()).tolist()
    )
    with pytest.raises(WriteError, match="Not a directory"):
        workflow.fit(table(), **HOUSES, out=tmp_path / "scores.csv" / "m")


def test_a_loss_object_is_its_name_with_parameters():
    given = {"target": "size", "drop": ["dear", "price"], **FAST}
    columns = {**table(), "size": [v or 100.0 for v in table()["size"]]}
    report = workflow.fit(columns, **given, loss=fastl1.Quantile(0.8)).report
    assert report["loss"] == {"name": "quantile", "q": 0.8}
    assert (report["options"]["loss"], report["options"]["quantile"]) == (
        "quantile",
        0.8,
    )
    named = workflow.fit(columns, **given, loss="huber").report
    (note,) = (note for note in named["notes"] if "Huber" in note)
    assert "(another with loss=fastl1.Huber(delta))" in note
    assert workflow.fit(columns, **given, loss=fastl1.Huber(9.0)).report["loss"] == {
        "name": "huber",
        "delta": 9.0,
    }


def test_a_loss_of_ones_own_is_refused_by_name():
    class Mine(fastl1.Squared):
        name = "mine"

    for loss in (Mine(), type("Squared", (fastl1.Squared,), {})()):
        with pytest.raises(OptionError, match="a loss of your own has no report"):
            workflow.fit(table(), "price", loss=loss)


def test_positive_is_a_label_of_any_type():
    for label, other in ((True, "false"), (np.True_, "false"), (False, "true")):
        result = workflow.fit(
            table(), "garden", positive=label, drop=["price", "dear"], **FAST
        )
        assert result.report["target"]["positive"] is bool(label), other
        assert result.report["options"]["positive"] == str(bool(label)).lower()


def test_warm_start_from_a_model_in_memory():
    first = workflow.fit(table(), **HOUSES)
    fewer = {name: column for name, column in table().items() if name != "rooms"}
    second = workflow.fit(fewer, **HOUSES, warm_start=first.model, tol=1e-9)
    cold = workflow.fit(fewer, **HOUSES, tol=1e-9)
    np.testing.assert_allclose(second.model.values, cold.model.values, rtol=1e-3)
    gone = [note for note in second.report["notes"] if "that this table lacks" in note]
    assert bool(gone) == ("rooms" in first.model.kept_names())
    assert second.report["options"]["warm_start"] == "a SparseModel"


def test_numbers_of_numpy_are_numbers(tmp_path):
    given = {
        "folds": np.int64(3),
        "test_size": np.float32(0.25),
        "tol": np.float64(1e-4),
    }
    given |= {"n_alphas": np.int32(9), "l1_ratio": np.array([0.5, 1.0], np.float32)}
    result = workflow.fit(table(), "price", drop="dear", **given, out=tmp_path)
    options = json.loads((tmp_path / "report.json").read_text())["options"]
    assert (options["folds"], options["test_size"]) == (3, 0.25)
    assert options["l1_ratio"] == [0.5, 1.0]
    assert result.model.metadata["folds"] == 3


# --- events ------------------------------------------------------------------------


def test_events_tell_of_stages_fits_and_notes(tmp_path):
    events = []
    columns = {**table(), "price": [None, *table()["price"][1:]]}
    result = workflow.fit(columns, **HOUSES, out=tmp_path, on_event=events.append)
    assert all(isinstance(event, workflow.Event) for event in events)
    started = [e.stage for e in events if isinstance(e, workflow.StageStarted)]
    ended = {e.stage: e for e in events if isinstance(e, workflow.StageFinished)}
    assert started == ["read", "cross-validation", "fit", "ridge", "write"]
    assert list(ended) == started
    for stage, seconds in result.report["seconds"].items():
        if stage != "total":
            assert ended[stage].seconds == pytest.approx(seconds, abs=1e-4)
    notes = [event.text for event in events if isinstance(event, workflow.Note)]
    assert notes == result.report["notes"]
    assert "1 rows without a target are left out" in notes
    fits = [event for event in events if isinstance(event, workflow.FitDone)]
    assert {event.fold for event in fits} >= {0, 1, 2}
    for what in {event.what for event in fits}:
        last = [event for event in fits if event.what == what][-1]
        assert last.done == last.total
    assert pickle.loads(pickle.dumps(events)) == events

    told = []
    new = {**table(), "town": ["Delft"] * 5 + table()["town"][5:]}
    predicted = workflow.predict(result.model, new, on_event=told.append)
    assert [event.text for event in told] == predicted.notes
    assert any("unknown in training ('Delft')" in note for note in predicted.notes)


# --- what is said of bad input -----------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, DataError, "the table: which column is the target? Give target=NAME"),
        ({"target": "prise"}, DataError, "the table: target: there is no column"),
        ({"target": "price", "weight": "no"}, DataError, "weight: there is no column"),
        ({"target": "price", "drop": "no"}, DataError, "drop: there is no column 'no'"),
        ({"target": "dear", "positive": "x"}, DataError, "positive='x': the classes"),
        (
            {"target": "town", "loss": "logistic"},
            DataError,
            "loss='logistic' is of two, loss='multinomial' of any number",
        ),
        ({"event": "dear"}, OptionError, "event needs time=COL: the time to the"),
        ({"loss": "cox", "time": "size"}, OptionError, "loss='cox' needs event=COL"),
        (
            {"time": "rooms", "event": "dear"},
            DataError,
            "event: 'dear' holds 'no', 'yes'; give the one that is the event as "
            "positive=LABEL",
        ),
        (
            {"target": "price", "exposure": "size"},
            OptionError,
            "exposure multiplies a mean: it goes with loss=poisson, gamma or tweedie",
        ),
        ({"target": "price", "test_size": 1}, OptionError, "test_size=1: must be in"),
        (
            {"target": "price", "folds": 1},
            OptionError,
            "folds=1: must be a whole number, at",
        ),
        ({"target": "price", "folds": 2.5}, OptionError, "folds=2.5: must be a whole"),
        ({"target": "price", "random_state": None}, OptionError, "random_state"),
        ({"target": "price", "n_alphas": 1}, OptionError, "n_alphas=1: must be a"),
        ({"target": "price", "l1_ratio": 0}, OptionError, "l1_ratio=(0.0,): must be"),
        ({"target": "price", "l1_ratio": ()}, OptionError, "l1_ratio=(): must be"),
        ({"target": "price", "tol": 0}, OptionError, "tol=0: must be in"),
        ({"target": "price", "rule": "max"}, OptionError, "rule='max': must be min or"),
        ({"target": "price", "task": "rank"}, OptionError, "task='rank': must be"),
        ({"target": "price", "n_threads": 0}, OptionError, "n_threads=0: must be a"),
        ({"target": "price", "random_state": -1}, OptionError, "random_state=-1: must"),
        ({"target": "price", "format": "csv"}, OptionError, "format is one of a file"),
        ({"target": "price", "loss": "hinge"}, ValueError, "loss must be one of"),
        (
            {"target": "price", "order": "size", "group": "town"},
            OptionError,
            "group and order exclude each other",
        ),
    ],
)
def test_messages_speak_of_keywords(given, error, message):
    with pytest.raises(error) as caught:
        workflow.fit(table(), **given)
    assert message in str(caught.value)
    assert "--" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_refused_columns_come_with_the_keywords_that_help():
    columns = {"name": [f"person {k}" for k in range(N)], **table()}
    with pytest.raises(DataError) as caught:
        workflow.fit(columns, "price")
    assert "Leave out with drop=['name']" in str(caught.value)
    assert "or hash the text with hash=['name']" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (np.ones((3, 2)), OptionError, "a dict of columns, got ndarray"),
        ([{"a": 1}], OptionError, "a dict of columns, got list"),
        ({}, DataError, "the table has no columns"),
        ({"y": [], "a": []}, DataError, "the table has no rows"),
        ({"y": [1.0, 2.0], "a": [1.0]}, DataError, "column 'y' has 2 rows, column 'a'"),
        ({"y": np.arange(9), "a": np.ones((9, 2))}, DataError, "column 'a' has shape"),
        ("no/such/file.csv", DataError, "no/such/file.csv: No such file"),
    ],
)
def test_what_is_no_source_is_refused(source, error, message):
    if isinstance(source, str):
        pytest.importorskip("pyarrow")
    with pytest.raises(error) as caught:
        workflow.fit(source, "y")
    assert message in str(caught.value)


def test_prediction_errors_speak_of_keywords():
    given = {"target": "rooms", "loss": "poisson", "exposure": "size", "drop": "dear"}
    columns = {**table(), "size": [v or 100.0 for v in table()["size"]]}
    model = workflow.fit(columns, **given, **FAST).model
    assert model.metadata["exposure"] == "size"
    lacking = {name: column for name, column in columns.items() if name != "size"}
    with pytest.raises(DataError) as caught:
        workflow.predict(model, lacking)
    assert "the exposure of the training; use_offset=False predicts without" in str(
        caught.value
    )
    rate = workflow.predict(model, lacking, use_offset=False).columns["prediction"]
    whole = workflow.predict(model, columns).columns["prediction"]
    np.testing.assert_allclose(whole, rate * columns["size"], rtol=1e-12)
    with pytest.raises(DataError, match="proba: a model with the link log"):
        workflow.predict(model, columns, proba=True)


def test_messages_are_spelled_for_the_caller_only_within_his_call():
    with spelling(lambda name, value: f"/{name}:{value}"):
        assert argument("loss", "cox") == "/loss:cox"
    assert argument("loss", "cox") == "loss='cox'"


def test_a_warm_start_from_several_targets_is_refused():
    earlier = fastl1.SparseModel.from_coef(
        np.ones((2, 1)), np.zeros(2), feature_names=["rooms"], output_names=["u", "v"]
    )
    with pytest.raises(DataError, match="a model of 2 targets, this table has one"):
        workflow.fit(table(), **HOUSES, warm_start=earlier)
